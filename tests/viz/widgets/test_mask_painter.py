"""The painter's Python side: four fills with their promises, and scenes that refuse nonsense."""

import pytest
import torch
import traitlets
from torch.testing import assert_close

from txlite.nn import attention_weights
from txlite.viz.widgets.mask_painter import MaskPainter, filled_softmax, scene

SCORES = torch.randn(4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
ALLOWED = torch.ones(4, 5, dtype=torch.bool).tril(1)
BLIND = ALLOWED.clone()
BLIND[2] = False


def test_zero_is_what_txlite_does_empty_rows_included():
    query, key = torch.zeros(4, 1, dtype=torch.float64), torch.zeros(5, 1, dtype=torch.float64)
    for allowed in (ALLOWED, BLIND):
        want = attention_weights(query, key, allowed, bias=SCORES)
        assert_close(filled_softmax(SCORES, allowed), want)


def test_the_three_fills_before_the_softmax_agree_where_something_is_seen():
    want = filled_softmax(SCORES, ALLOWED, "zero")
    for fill in ("inf", "1e9"):
        assert_close(filled_softmax(SCORES, ALLOWED, fill), want)


def test_an_empty_row_is_nan_uniform_or_zero():
    assert filled_softmax(SCORES, BLIND, "inf")[2].isnan().all()
    assert_close(filled_softmax(SCORES, BLIND, "1e9")[2], torch.full((5,), 0.2).double())
    assert filled_softmax(SCORES, BLIND, "zero")[2].eq(0).all()
    assert filled_softmax(SCORES, BLIND, "after")[2].eq(0).all()


def test_after_the_softmax_what_is_hidden_still_counts():
    louder = SCORES.clone()
    louder[0, -1] += 5  # hidden from the first query
    for fill, changes in (("zero", False), ("inf", False), ("1e9", False), ("after", True)):
        calm, moved = (filled_softmax(s, ALLOWED, fill) for s in (SCORES, louder))
        assert torch.equal(calm, moved) is not changes


def test_a_scene_holds_plain_values_and_no_padding_by_default():
    made = scene("two", ["a", "b"], torch.eye(2))
    assert made == {
        "name": "two",
        "words": ["a", "b"],
        "scores": [[1.0, 0.0], [0.0, 1.0]],
        "keep": [True, True],
    }


def test_its_name_is_the_same_in_every_run():
    painter = MaskPainter(scenes=[scene("two", ["a", "b"], torch.eye(2))])
    assert repr(painter) == "MaskPainter: Paint a mask"


@pytest.mark.plain
def test_nonsense_is_refused_by_name():
    with pytest.raises(ValueError, match=r"fill should be one of zero, inf, 1e9, after, got '-1'"):
        filled_softmax(SCORES, ALLOWED, "-1")
    with pytest.raises(ValueError, match=r"scores should have shape \(T=3, S=3\), got \(2, 2\)"):
        scene("three", ["a", "b", "c"], torch.eye(2))
    with pytest.raises(ValueError, match=r"keep should have shape \(T=2\), got \(3,\)"):
        scene("two", ["a", "b"], torch.eye(2), torch.ones(3, dtype=torch.bool))
    with pytest.raises(ValueError, match="words should be at least two, got"):
        scene("one", ["a"], torch.eye(1))
    with pytest.raises(traitlets.TraitError, match="scenes should hold at least one scene"):
        MaskPainter(scenes=[])
