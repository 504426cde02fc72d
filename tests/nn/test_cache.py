"""The cache: what is computed step by step is what is computed at once."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close
from torch.utils import _pytree as pytree

from txlite.nn import KVCache, Mask, MultiHeadAttention, masks
from txlite.nn.positions import Positions, Rotary

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


@pytest.mark.kills(
    "values not appended",
    "nn/cache.py",
    "            values = torch.cat([self.values, values], dim=-2)\n",
    "            values = torch.cat([self.values, keys[..., -values.shape[-2]:, :]], dim=-2)\n",
)
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


@pytest.mark.parametrize("there", ["meta", *(["cuda"] if torch.cuda.is_available() else [])])
def test_reorder_brings_the_index_to_each_part(there: str) -> None:
    """A model may lie on several devices, and the index on any that holds its numbers."""
    cache = KVCache()
    here, index = kv(3), torch.tensor([2, 0])
    cache.child("here").update(*here)
    cache.child("there").update(*(x.to(there) for x in here))
    cache.reorder(index)
    assert torch.equal(cache.child("here").read()[0], here[0][index])
    keys, values = cache.child("there").read()
    assert keys.device.type == values.device.type == there
    assert keys.shape == values.shape == (2, 3, 3, 4)
    if there != "meta":
        assert torch.equal(values.cpu(), here[1][index])
        cache.reorder(index[1:].to(there))
        assert torch.equal(cache.child("here").read()[1], here[1][2:])


@pytest.mark.plain
def test_an_index_without_numbers_is_refused() -> None:
    cache = KVCache()
    keys, _ = cache.update(*kv(3))
    with pytest.raises(ValueError, match=r"^index should hold numbers, got a tensor on meta"):
        cache.reorder(torch.tensor([2, 0], device="meta"))
    assert cache.read()[0] is keys


def test_reorder_moves_whole_conversations() -> None:
    module, x = heads(), torch.randn(3, 6, D, dtype=torch.float64)
    cache, order = KVCache(), torch.tensor([2, 2, 0])
    module(x[:, :4], mask=masks.causal(), cache=cache)
    cache.reorder(order)
    out = module(x[order, 4:], mask=masks.causal(), cache=cache)
    assert_close(out, module(x, mask=masks.causal())[order, 4:])


@pytest.mark.kills(
    "crop keeps the newest",
    "nn/cache.py",
    "self.keys[..., :held, :]",
    "self.keys[..., len(self) - length :, :]",
)
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


# ------------------------------------------------------------------ a cache with parts


def family() -> tuple[KVCache, tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Make a cache of two layers; the first has read a source of seven words too."""
    cache, own, source = KVCache(), kv(batch=3), kv(batch=3, length=7)
    for i in range(2):
        cache.child(f"layers.{i}").child("cross_attention", fixed=True)
        cache.child(f"layers.{i}").child("attention").update(*own)
    cache.child("layers.0").child("cross_attention").update(*source)
    return cache, own, source


def test_a_child_is_made_once() -> None:
    cache = KVCache()
    first = cache.child("attention")
    assert cache.child("attention") is first
    assert cache.child("cross_attention", fixed=True) is not first
    assert cache.child("cross_attention") is cache.children["cross_attention"]
    assert [child.fixed for child in cache.children.values()] == [False, True]
    assert not KVCache().fixed


def test_the_length_counts_what_grows() -> None:
    cache = KVCache()
    source = cache.child("layers.0").child("cross_attention", fixed=True)
    assert (len(cache), cache.filled) == (0, False)
    source.update(*kv(length=7))
    assert (len(cache), cache.filled) == (0, True)
    cache.child("layers.0").child("attention").update(*kv(length=3))
    assert len(cache) == cache.length == 3
    assert (len(source), source.filled) == (7, True)


def test_a_part_that_holds_nothing_yet_says_nothing_of_the_length() -> None:
    cache = KVCache()
    cache.child("layers.0").child("attention")
    cache.child("layers.1").child("attention").update(*kv(length=3))
    assert len(cache) == 3


@pytest.mark.plain
def test_another_batch_is_refused_before_anything_is_computed() -> None:
    module, cache = heads(), KVCache()
    module(torch.randn(2, 3, D).double(), cache=cache)
    with pytest.raises(
        ValueError,
        match=r"^keys should have shape \(B=2, H=2, N, E=4\), got \(3, 2, 1, 4\); axis B disagrees",
    ):
        module(torch.randn(3, 1, D).double(), cache=cache)


@pytest.mark.kills(
    "beams leave the source behind",
    "nn/cache.py",
    "        for child in self.children.values():\n            child._select(index)",
    "        for child in self.children.values():\n            child.fixed or child._select(index)",
)
def test_reorder_reaches_every_part() -> None:
    cache, own, source = family()
    cache.reorder(torch.tensor([2, 2, 0]))
    for i in range(2):
        part = cache.child(f"layers.{i}").child("attention")
        assert_close((part.keys, part.values), (own[0][[2, 2, 0]], own[1][[2, 2, 0]]))
    fixed = cache.child("layers.0").child("cross_attention")
    assert_close((fixed.keys, fixed.values), (source[0][[2, 2, 0]], source[1][[2, 2, 0]]))
    assert not cache.child("layers.1").child("cross_attention").filled
    with pytest.raises(ValueError, match=r"\[0, B=3\), got \[0, 3\]"):
        cache.reorder(torch.tensor([0, 3]))


@pytest.mark.kills(
    "the source is cropped with the target",
    "nn/cache.py",
    "            if child.filled and not child.fixed:\n                child._crop(length)",
    "            if child.filled:\n                child._crop(min(length, child.length))",
)
def test_crop_leaves_the_source_alone() -> None:
    cache, own, source = family()
    cache.crop(1)
    assert len(cache) == 1
    for i in range(2):
        part = cache.child(f"layers.{i}").child("attention")
        assert_close((part.keys, part.values), (own[0][:, :, :1], own[1][:, :, :1]))
    fixed = cache.child("layers.0").child("cross_attention")
    assert_close((fixed.keys, fixed.values), source, rtol=0, atol=0)
    with pytest.raises(ValueError, match=r"length should be a whole number in \[0, 1\], got 2"):
        cache.crop(2)


def test_a_fixed_cache_is_filled_by_the_first_call_and_read_by_the_others() -> None:
    module, cache = heads(), KVCache(fixed=True)
    x, memory = (torch.randn(2, n, D, dtype=torch.float64) for n in (5, 7))
    keep = torch.rand(2, 7) < 0.6
    whole = module(x, memory, mask=masks.padding(keep))
    for key in (memory, torch.randn_like(memory), None):  # neither another source nor none matters
        assert_close(module(x, key, mask=masks.padding(keep), cache=cache), whole)
        assert len(cache) == 7
    assert not torch.allclose(module(x, torch.randn_like(memory)), whole)


def test_a_fixed_cache_knows_its_rotation() -> None:
    """Self-attention with a fixed cache: keys were turned when they were put in."""
    module, cache = heads(), KVCache(fixed=True)
    x, rotation = torch.randn(2, 5, D, dtype=torch.float64), Rotary(4)(torch.arange(5))
    whole = module(x, positions=Positions(rotation=rotation))
    for _ in range(2):
        assert_close(module(x, positions=Positions(rotation=rotation), cache=cache), whole)
    assert not torch.allclose(module(x), whole)


def test_rotary_positions_through_the_cache() -> None:
    module, cache = heads(), KVCache()
    x, rotary = torch.randn(2, 6, D, dtype=torch.float64), Rotary(4)
    outs = [
        module(
            part,
            mask=masks.causal(),
            positions=Positions(rotation=rotary(torch.arange(a, b))),
            cache=cache,
        )
        for part, a, b in zip(x.split([3, 1, 2], 1), (0, 3, 4), (3, 4, 6), strict=True)
    ]
    whole = module(x, mask=masks.causal(), positions=Positions(rotation=rotary(torch.arange(6))))
    assert_close(torch.cat(outs, 1), whole)


def test_a_cache_is_a_pytree_with_its_parts() -> None:
    cache, *_ = family()
    leaves, spec = pytree.tree_flatten(cache)
    assert sum(isinstance(leaf, Tensor) for leaf in leaves) == 6
    again = pytree.tree_unflatten(leaves, spec)
    assert again is not cache
    assert repr(again) == repr(cache)
    assert len(again) == 3
    fixed = again.child("layers.0").child("cross_attention")
    assert fixed.fixed
    assert not again.child("layers.0").fixed
    assert_close(fixed.keys, cache.child("layers.0").child("cross_attention").keys)
    double = pytree.tree_map_only(Tensor, lambda x: x.double(), cache)
    assert double.child("layers.1").child("attention").values.dtype == torch.float64
    assert cache.child("layers.1").child("attention").values.dtype == torch.float32
    assert pytree.treespec_loads(pytree.treespec_dumps(spec)) == spec
    names = [pytree.keystr(path) for path, _ in pytree.tree_flatten_with_path(cache)[0]]
    assert "['layers.1']['attention']['values']" in names


def test_its_name_says_how_much_is_in_it() -> None:
    assert repr(family()[0]) == "KVCache(length=3, children=2)"
    assert repr(KVCache(fixed=True)) == "KVCache(length=0, keys=None)"


@pytest.mark.plain
def test_errors_name_what_a_cache_refuses() -> None:
    cache, own, source = family()
    with pytest.raises(ValueError, match="should be that of one attention, got one with parts"):
        cache.update(*own)
    with pytest.raises(ValueError, match="should be filled once only"):
        cache.child("layers.0").child("cross_attention").update(*source)
    single = KVCache()
    single.update(*own)
    with pytest.raises(ValueError, match=r"have children, got .* for a 'layers.0'"):
        single.child("layers.0")
    with pytest.raises(ValueError, match="what is cached"):
        single.update(*(x.double() for x in own))
    with pytest.raises(ValueError, match="index should hold int32 or int64"):
        cache.reorder(torch.tensor([0.0]))
    with pytest.raises(ValueError, match="index should have shape"):
        cache.reorder(torch.tensor([[0]]))


@pytest.mark.plain
def test_a_rotation_is_refused_across_sequences() -> None:
    x, rotation = torch.randn(2, 5, D, dtype=torch.float64), Rotary(4)(torch.arange(5))
    with pytest.raises(ValueError, match="rotation should come with self-attention"):
        heads()(x, x, positions=Positions(rotation=rotation))


def test_what_was_cached_is_read_and_an_empty_cache_is_refused() -> None:
    cache, (keys, values) = KVCache(), kv()
    with pytest.raises(ValueError, match="cache should hold keys and values"):
        cache.read()
    cache.update(keys, values)
    assert [x is y for x, y in zip(cache.read(), (keys, values), strict=True)] == [True, True]
