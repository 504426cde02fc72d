"""The calculator's Python side: its reference is attention, and its traits refuse nonsense."""

import pytest
import torch
import traitlets
from torch.testing import assert_close

from txlite.nn import attention_weights, scaled_dot_product_attention
from txlite.viz.widgets.attention_calculator import WIDTHS, AttentionCalculator


def vectors(calculator):
    first = [calculator.query, calculator.key, calculator.value]
    counts = [len(calculator.asks), len(calculator.asked), len(calculator.asked)]
    return [torch.tensor(x, dtype=torch.float64)[:n] for x, n in zip(first, counts, strict=True)]


def test_the_reference_is_attention_where_the_plane_shows_everything():
    calculator = AttentionCalculator()
    query, key, value = vectors(calculator)
    got = calculator.calculate()
    assert_close(got.weights, attention_weights(query, key))
    assert_close(got.output, scaled_dot_product_attention(query, key, value))
    calculator.scaled = False
    assert_close(calculator.calculate().weights, attention_weights(query, key, scale=1.0))


def test_an_undecided_query_listens_to_all_alike():
    calculator = AttentionCalculator(asks=["a"], query=[[0, 0]])
    assert_close(calculator.calculate().weights, torch.full((1, 3), 1 / 3, dtype=torch.float64))


def test_unseen_coordinates_grow_with_the_width_as_random_products_do():
    calculator = AttentionCalculator()
    spreads = [torch.tensor(calculator.unseen[str(d)]).std().item() for d in WIDTHS]
    assert spreads[0] == 0
    for width, spread in zip(WIDTHS[1:], spreads[1:], strict=True):
        assert 0.7 < spread / (width - 2) ** 0.5 < 1.3  # 36 sums, of standard deviation √(d_k − 2)


def test_the_scale_undoes_the_width():
    calculator = AttentionCalculator(d_k=512)
    calm = calculator.calculate().weights.amax(-1)
    calculator.scaled = False
    loud = calculator.calculate().weights.amax(-1)
    assert (loud > 0.99).all()
    assert (calm < 0.9).all()


def test_two_calculators_are_drawn_alike():
    assert AttentionCalculator().unseen == AttentionCalculator().unseen
    assert repr(AttentionCalculator()) == "AttentionCalculator: Attention, with every number"


@pytest.mark.plain
def test_nonsense_is_refused_by_name():
    with pytest.raises(traitlets.TraitError, match=r"asks should be 1 to 6 words, got 0"):
        AttentionCalculator(asks=[])
    with pytest.raises(traitlets.TraitError, match=r"asked should be 1 to 6 words, got 7"):
        AttentionCalculator(asked=list("abcdefg"))
    with pytest.raises(traitlets.TraitError, match=r"d_k should be one of \(2, 8, .*\), got 3"):
        AttentionCalculator(d_k=3)
