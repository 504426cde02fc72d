"""A mask for the last keys: what the whole sequence's mask says of them, for every kind."""

import pytest
import torch

from tests.nn import definition, zoo
from tests.nn.tensors import LONG, ONE, SMALL, array, distance, qkv
from txlite.nn import attention_weights, masks, scaled_dot_product_attention
from txlite.nn.masks._later import Later, later


@pytest.mark.parametrize("sizes", [SMALL, LONG, ONE], ids=str)
@pytest.mark.parametrize("name", zoo.NAMES)
def test_the_last_keys_are_seen_as_in_the_whole_sequence(name: str, sizes: zoo.Sizes) -> None:
    if not zoo.possible(name, sizes):
        pytest.skip("such a mask does not exist for these sizes")
    case, (q, k, v) = zoo.make(name, sizes), qkv(sizes)
    for gone in (1, sizes.S - sizes.T):
        rule, table = later(case.mask, gone), case.table[..., gone:]
        key, value = k[..., gone:, :], v[..., gone:, :]
        want = definition.attention(array(q), array(key), array(value), table)
        assert distance(scaled_dot_product_attention(q, key, value, rule), want) <= 1e-12
        seen = attention_weights(q, key, rule) != 0
        assert (seen == torch.tensor(table)).all()
        if rule is not None and case.mask is not None:
            bare = case.mask if isinstance(case.mask, masks.Mask) else rule.rule
            assert rule.reach == bare.reach
            assert rule.device == bare.device


def test_no_mask_stays_none() -> None:
    assert later(None, 3) is None


@pytest.mark.plain
def test_it_fits_the_whole_sequence() -> None:
    keep = torch.ones(2, 7, dtype=torch.bool)
    rule = later(masks.padding(keep), 3)
    assert isinstance(rule, Later)
    rule.check(2, 4, (2, 3))
    with pytest.raises(ValueError, match=r"keep should have shape \(B=2, S=8\), got \(2, 7\)"):
        rule.check(2, 5, (2, 3))
    with pytest.raises(ValueError, match=r"keep should have shape \(B=3, S=7\), got \(2, 7\)"):
        rule.check(2, 4, (3, 3))
    assert repr(rule) == "(padding(keep: (2, 7)) after 3 keys)"
