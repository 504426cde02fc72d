"""The cache: what is computed step by step is what is computed at once."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from txlite.nn import KVCache, Mask, MultiHeadAttention, masks

D, LENGTH = 10, 11
MASKS = {
    "causal": lambda keep: masks.causal(),
    "causal & window": lambda keep: masks.causal() & masks.sliding_window(4),
    "causal & padding": lambda keep: masks.causal() & masks.padding(keep),
    "causal & blocks": lambda keep: masks.causal() & masks.blocks(3),
    "causal & documents": lambda keep: masks.causal() & masks.blocks(keep.cumsum(-1)),
}


def heads(num_kv_heads: int = 2) -> MultiHeadAttention:
    module = MultiHeadAttention(D, 6, num_kv_heads=num_kv_heads, head_dim=4).double()
    for p in module.parameters():
        torch.nn.init.normal_(p, std=0.5)
    return module


def kv(batch: int = 2, length: int = 3) -> tuple[Tensor, Tensor]:
    return torch.randn(batch, 3, length, 4), torch.randn(batch, 3, length, 4)


def seen(mask: Mask, keep: Tensor, upto: int) -> Mask:
    """Return the mask for the first ``upto`` positions: its tensors grow with the sequence."""
    return torch.utils._pytree.tree_map_only(Tensor, lambda x: x[:, :upto], mask)


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=LENGTH),
    st.sampled_from(list(MASKS)),
    st.sampled_from([6, 2, 1]),
    st.integers(0, 2**32 - 1),
)
def test_any_split_into_steps_gives_the_same(
    steps: list[int], name: str, num_kv_heads: int, seed: int
) -> None:
    torch.manual_seed(seed)
    module, total = heads(num_kv_heads), sum(steps)
    x = torch.randn(2, total, D, dtype=torch.float64)
    keep = torch.rand(2, total) < 0.7
    mask = MASKS[name](keep)
    cache, outs, done = KVCache(), [], 0
    for step in steps:
        new = x[:, done : done + step]
        done += step
        outs.append(module(new, mask=seen(mask, keep, done), cache=cache))
        assert len(cache) == done
    assert_close(torch.cat(outs, dim=1), module(x, mask=mask))


def test_without_the_cache_a_step_knows_nothing_of_the_past() -> None:
    module, x = heads(), torch.randn(2, 5, D, dtype=torch.float64)
    whole = module(x, mask=masks.causal())
    assert not torch.allclose(module(x[:, 4:], mask=masks.causal()), whole[:, 4:])


def test_gradients_flow_through_the_cache() -> None:
    module = heads()
    x = torch.randn(2, 5, D, dtype=torch.float64, requires_grad=True)
    module(x, mask=masks.causal())[:, -1].sum().backward()
    want, x.grad = x.grad, None
    cache = KVCache()
    module(x[:, :3], mask=masks.causal(), cache=cache)
    module(x[:, 3:], mask=masks.causal(), cache=cache)[:, -1].sum().backward()
    assert_close(x.grad, want)


def test_two_conversations_do_not_mix() -> None:
    """No state is kept in the module: any number of caches at once."""
    module, a, b = heads(), *torch.randn(2, 2, 6, D, dtype=torch.float64)
    caches = KVCache(), KVCache()
    for t in range(6):
        outs = [
            module(x[:, t : t + 1], mask=masks.causal(), cache=cache)
            for x, cache in zip((a, b), caches, strict=True)
        ]
    for x, out in zip((a, b), outs, strict=True):
        assert_close(out, module(x, mask=masks.causal())[:, -1:])


def test_shared_heads_are_cached_once() -> None:
    cache = KVCache()
    heads(num_kv_heads=2)(torch.randn(3, 5, D, dtype=torch.float64), cache=cache)
    assert cache.keys is not None
    assert cache.values is not None
    assert cache.keys.shape == cache.values.shape == (3, 2, 5, 4)


def test_cached_and_new_positions_stand_in_order() -> None:
    cache, first, second = KVCache(), kv(), kv(length=2)
    assert_close(cache.update(*first), first)
    keys, values = cache.update(*second)
    assert_close(keys, torch.cat([first[0], second[0]], dim=2))
    assert_close(values, torch.cat([first[1], second[1]], dim=2))
    assert cache.keys is keys
    assert cache.values is values


def test_reorder_names_the_sequences_to_keep() -> None:
    cache, (keys, values) = KVCache(), kv(batch=3)
    cache.update(keys, values)
    for dtype, index in ((torch.int64, [2, 0, 2, 1]), (torch.int32, [1]), (torch.int64, [])):
        other = KVCache()
        other.update(keys, values)
        other.reorder(torch.tensor(index, dtype=dtype))
        assert_close(other.keys, keys[index])
        assert_close(other.values, values[index])


def test_reorder_moves_whole_conversations() -> None:
    module, x = heads(), torch.randn(3, 6, D, dtype=torch.float64)
    cache, order = KVCache(), torch.tensor([2, 2, 0])
    module(x[:, :4], mask=masks.causal(), cache=cache)
    cache.reorder(order)
    out = module(x[order, 4:], mask=masks.causal(), cache=cache)
    assert_close(out, module(x, mask=masks.causal())[order, 4:])


def test_crop_forgets_the_newest_positions() -> None:
    module, x = heads(), torch.randn(2, 6, D, dtype=torch.float64)
    cache = KVCache()
    module(x[:, :3], mask=masks.causal(), cache=cache)
    module(torch.randn(2, 2, D, dtype=torch.float64), mask=masks.causal(), cache=cache)  # a guess
    cache.crop(3)
    assert len(cache) == 3
    out = module(x[:, 3:], mask=masks.causal(), cache=cache)
    assert_close(out, module(x, mask=masks.causal())[:, 3:])


@pytest.mark.parametrize("length", [0, 1, 3])
def test_crop_keeps_the_first_positions(length: int) -> None:
    cache, (keys, values) = KVCache(), kv()
    cache.update(keys, values)
    cache.crop(length)
    assert len(cache) == length
    assert_close(cache.keys, keys[:, :, :length])
    assert_close(cache.values, values[:, :, :length])


def test_what_was_handed_out_stays_as_it_was() -> None:
    cache = KVCache()
    cache.update(*kv())
    keys, values = cache.update(*kv())
    before = keys.clone(), values.clone()
    cache.reorder(torch.tensor([1, 1]))
    cache.crop(2)
    cache.update(*kv())
    assert_close((keys, values), before, rtol=0, atol=0)


@pytest.mark.plain
@pytest.mark.parametrize(
    "wrong",
    [
        {"mask": torch.ones(2, 4, dtype=torch.bool)},
        {"mask": torch.ones(2, 5)},
        {"bias": torch.zeros(2, 4, dtype=torch.float64)},
    ],
)
def test_a_refused_call_leaves_the_cache_as_it_was(wrong: dict[str, Tensor]) -> None:
    module, cache = heads().eval(), KVCache()
    x = torch.randn(1, 5, D, dtype=torch.float64)
    module(x[:, :3], cache=cache)
    with pytest.raises(ValueError, match=r"mask|bias"):
        module(x[:, 3:], cache=cache, **wrong)
    assert len(cache) == 3
    assert_close(module(x[:, 3:], cache=cache), module(x)[:, 3:])


def test_an_empty_cache_is_a_cache() -> None:
    cache = KVCache()
    assert cache
    assert len(cache) == 0
    cache.crop(0)
    cache.reorder(torch.tensor([0]))
    assert cache.keys is None
    assert repr(cache) == "KVCache(length=0, keys=None)"
    cache.update(*kv())
    assert repr(cache) == "KVCache(length=3, keys=(2, 3, 3, 4))"
