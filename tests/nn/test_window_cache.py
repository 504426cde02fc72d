"""A cache with a window: what the whole cache gives, in memory that has a bound."""

import copy
import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close
from torch.utils import _pytree as pytree

from tests.nn.test_cache import D, heads, kv
from txlite.inspect import record_attention
from txlite.nn import Decoder, KVCache, Mask, StaticKVCache, TokenEmbedding, masks
from txlite.nn.positions.scheme import PositionScheme

WINDOW, LENGTH = 4, 14
Make = Callable[..., KVCache]
KINDS: dict[str, Make] = {
    "growing": KVCache,
    "static": lambda **options: StaticKVCache(11, **options),
    "static, no room to spare": lambda window, spare=0: StaticKVCache(
        window + spare, window=window, spare=spare
    ),
}
kinds = pytest.mark.parametrize("make", KINDS.values(), ids=list(KINDS))


def parts_of(cache: KVCache) -> list[KVCache]:
    """Return the caches that hold keys."""
    inner = [part for child in cache.children.values() for part in parts_of(child)]
    return inner if cache.keys is None else [cache]


def held(cache: KVCache) -> int:
    """Return how many bytes the memory has in which keys and values lie."""
    rooms = [x.untyped_storage() for part in parts_of(cache) for x in part.read()]
    return sum({room.data_ptr(): room.nbytes() for room in rooms}.values())


# ------------------------------------------------------------------ the same results


def rules(total: int, seed: int) -> dict[str, Callable[[int], Mask]]:
    """Rules for the first ``upto`` positions that keep to the window, by what else they say."""
    torch.manual_seed(seed)
    keep, near = torch.rand(2, total) < 0.7, masks.sliding_window(WINDOW)
    both, table = masks.causal() & near, torch.rand(total, total) < 0.7
    return {
        "nothing": lambda upto: both,
        "narrower": lambda upto: masks.causal() & masks.sliding_window(WINDOW - 2),
        "padding": lambda upto: both & masks.padding(keep[:, :upto]),
        "blocks": lambda upto: both & masks.blocks(3),  # which count from the beginning
        "documents": lambda upto: both & masks.blocks(keep.cumsum(-1)[:, :upto]),
        "not causal": lambda upto: near & ~masks.padding(keep[:, :upto]),
        "keys by a table": lambda upto: both & table[:1, :upto],
    }


@pytest.mark.kills(
    "the mask of the first keys for the last",
    "nn/multi_head.py",
    "mask, bias = later(mask, gone), ",
    "bias = ",
)
@pytest.mark.kills(
    "a window one position too short",
    "nn/_window.py",
    "held - (self.size - 1 + self.spare)",
    "held - (self.size - 2 + self.spare)",
)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=8),
    st.sampled_from(list(rules(1, 0))),
    st.sampled_from(list(KINDS)),
    st.integers(0, 3),
    st.sampled_from([None, 1, 2]),
    st.integers(0, 2**32 - 1),
)
def test_any_split_into_steps_gives_the_same(
    steps: list[int], name: str, kind: str, spare: int, axes: int | None, seed: int
) -> None:
    """Steps longer than the window too; and a bias for each key, or one for all."""
    total = sum(steps)
    rule = rules(total, seed)[name]
    module, x = heads(), torch.randn(2, total, D, dtype=torch.float64)
    bias = None if axes is None else torch.randn(6, 1, total if axes == 2 else 1).double()
    cache, whole, done = KINDS[kind](window=WINDOW, spare=spare), KVCache(), 0
    with torch.no_grad():
        for step in steps:
            new = x[:, done : done + step]
            done += step
            now = None if bias is None else bias[..., :done]
            out = module(new, mask=rule(done), bias=now, cache=cache)
            assert_close(out, module(new, mask=rule(done), bias=now, cache=whole))
            assert len(cache) == len(whole) == done
            (part,) = parts_of(cache)
            assert part.read()[0].shape[-2] == min(done, WINDOW - 1 + spare)


@kinds
@pytest.mark.parametrize("prompt", [1, 3, 4, 5, 9])
@pytest.mark.parametrize("positions", ["sinusoidal", "rotary", "alibi", "relative"])
def test_a_window_of_four_is_kept_step_by_step(positions: Any, prompt: int, make: Make) -> None:
    """Field case N9: fourteen tokens, two rows padded on the left; elsewhere it rolled too soon."""
    run, keep = reader(positions, LENGTH, padded=prompt - 1)
    cache = make(window=WINDOW)
    ends = [0, prompt, *range(prompt + 1, LENGTH + 1)]
    outs = [run(start, end, cache) for start, end in itertools.pairwise(ends)]
    assert_close(torch.cat(outs, dim=1)[keep], run(0, LENGTH, None)[keep], atol=1e-9, rtol=0)
    assert len(cache) == LENGTH


Run = Callable[..., Tensor]


def reader(
    positions: Any, length: int, *, padded: int = 0, compiled: Any = None
) -> tuple[Run, Tensor]:
    """Two layers that read from ``start`` to ``end``, and which of the tokens are real."""
    torch.manual_seed(padded)
    embedding = TokenEmbedding(13, 12)
    scheme = PositionScheme(positions, 12, 3, bidirectional=False)
    stack = Decoder(2, 12, 3, 20, cross_attention=False, dropout=0.0)
    for p in torch.nn.ModuleList([embedding, scheme, stack]).double().eval().parameters():
        torch.nn.init.normal_(p, std=0.5)
    tokens, keep = torch.randint(13, (3, length)), torch.ones(3, length, dtype=torch.bool)
    keep[1, :padded] = False
    keep[2, : padded // 2] = False

    step = stack if compiled is None else torch.compile(stack, fullgraph=True, backend=compiled)

    @torch.no_grad()
    def run(start: int, end: int, cache: KVCache | None) -> Tensor:
        seen = keep[:, :end].contiguous()
        x, places = scheme(embedding(tokens[:, start:end]), seen, start)
        near = masks.sliding_window(WINDOW) & masks.padding(seen)
        call = stack if cache is None else step
        out: Tensor = call(x, None, near, positions=places, cache=cache)
        return out

    return run, keep


def test_gradients_flow_through_what_is_remembered() -> None:
    module, near = heads(), masks.causal() & masks.sliding_window(WINDOW)
    x = torch.randn(2, 9, D, dtype=torch.float64, requires_grad=True)
    module(x, mask=near)[:, -1].sum().backward()
    want, x.grad = x.grad, None
    cache = KVCache(window=WINDOW)
    for part in x.split([5, 3, 1], dim=1):
        out = module(part, mask=near, cache=cache)
    out.sum().backward()
    assert_close(x.grad, want)
    assert x.grad is not None
    assert (x.grad[:, : 9 - WINDOW] == 0).all()


def test_maps_are_those_of_the_keys_that_are_there() -> None:
    module, near = heads(), masks.causal() & masks.sliding_window(WINDOW)
    x, cache = torch.randn(2, 9, D, dtype=torch.float64), KVCache(window=WINDOW)
    with record_attention(module) as maps:
        module(x, mask=near)
        whole = maps[""]
        module(x[:, :7], mask=near, cache=cache)
        module(x[:, 7:], mask=near, cache=cache)
    assert maps[""].shape[-2:] == (2, WINDOW - 1 + 2)
    assert_close(maps[""], whole[..., 7:, 4:])


# ------------------------------------------------------------------ memory with a bound


@kinds
def test_its_memory_does_not_grow(make: Make) -> None:
    """Sixty steps of one token: what three layers' worth of windows take, and no more."""
    run, _ = reader("rotary", 70)
    cache, whole, sizes = make(window=WINDOW), KVCache(), []
    for start, end in itertools.pairwise([0, 9, *range(10, 71)]):
        assert_close(run(start, end, cache), run(start, end, whole))
        sizes.append(held(cache))
    position = 2 * 2 * 3 * 3 * 4 * 8  # layers, keys and values, rows, heads, width, bytes
    most = {id(KINDS["growing"]): WINDOW - 1, id(KINDS["static"]): 11}.get(id(make), WINDOW)
    assert set(sizes) == {most * position}
    assert held(whole) == 70 * position


def test_the_static_memory_stays_where_it_is() -> None:
    run, _ = reader("rotary", 40)
    cache, where = StaticKVCache(9, window=WINDOW), set()
    for start, end in itertools.pairwise([0, 20, *range(21, 41)]):
        run(start, end, cache)
        where.add(tuple(x.untyped_storage().data_ptr() for p in parts_of(cache) for x in p.read()))
    assert len(where) == 1


def test_what_is_not_held_is_never_read() -> None:
    module, near = heads(), masks.causal() & masks.sliding_window(WINDOW)
    x, cache = torch.randn(2, 20, D, dtype=torch.float64), StaticKVCache(9, window=WINDOW)
    outs = []
    with torch.no_grad():
        for t in range(20):
            if cache.filled:
                keys, values = (part.clone() for part in cache.read())
                for room in cache._memory or ():
                    room.fill_(torch.nan)
                for part, kept in zip(cache.read(), (keys, values), strict=True):
                    part.copy_(kept)
            outs.append(module(x[:, t : t + 1], mask=near, cache=cache))
    assert_close(torch.cat(outs, dim=1), module(x, mask=near).detach())


@pytest.mark.parametrize("shape", [(1, 1, 12, 2), (2, 3, 12, 2)], ids=str)
def test_what_moves_to_the_front_may_overlap_where_it_was(shape: tuple[int, ...]) -> None:
    """Copied onto itself it would be refused where it lies in one piece, and torn elsewhere."""
    keys, values = torch.arange(2 * torch.Size(shape).numel()).double().view(2, *shape)
    cache = StaticKVCache(WINDOW, window=WINDOW)
    for t in range(12):
        got = cache.update(keys[..., t : t + 1, :], values[..., t : t + 1, :])
        want = (x[..., max(0, t + 1 - WINDOW) : t + 1, :] for x in (keys, values))
        assert_close(got, tuple(want), rtol=0, atol=0)


@pytest.mark.plain
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.parametrize(("kind", "most"), [("growing", 3), ("static", 4)])
def test_a_step_is_compiled_a_few_times_whatever_the_length(kind: str, most: int) -> None:
    """For the prompt, a first token, any other; and where the static memory begins anew."""
    from torch._dynamo.testing import CompileCounterWithBackend

    torch._dynamo.reset()
    counter = CompileCounterWithBackend("aot_eager")
    run, _ = reader("rotary", 40, compiled=counter)
    cache, counts = KINDS[kind](window=WINDOW), []
    whole = run(0, 40, None)
    for start, end in itertools.pairwise([0, 5, *range(6, 41)]):
        assert_close(run(start, end, cache), whole[:, start:end], atol=1e-12, rtol=0)
        counts.append(counter.frame_count)
    assert counts[:2] == [1, 2]
    assert counts[15:] == [most] * (len(counts) - 15)
    torch._dynamo.reset()


# ------------------------------------------------------------------ reorder, crop, copy


@kinds
def test_beams_go_on_from_what_is_remembered(make: Make) -> None:
    module, near = heads(), masks.causal() & masks.sliding_window(WINDOW)
    x, order = torch.randn(3, 12, D, dtype=torch.float64), torch.tensor([2, 2, 0, 1])
    cache = make(window=WINDOW)
    with torch.no_grad():
        module(x[:, :9], mask=near, cache=cache)
        cache.reorder(order)
        outs = [module(x[order, t : t + 1], mask=near, cache=cache) for t in range(9, 12)]
        want = module(x, mask=near)[order, 9:]
    assert_close(torch.cat(outs, dim=1), want)


@kinds
@pytest.mark.parametrize("spare", [0, 1, 3])
def test_it_takes_back_what_it_has_spare(make: Make, spare: int) -> None:
    """As many positions as are spare, and no more; what is refused changes nothing."""
    module, near = heads(), masks.causal() & masks.sliding_window(WINDOW)
    x, cache = torch.randn(2, 12, D, dtype=torch.float64), make(window=WINDOW, spare=spare)
    whole = module(x, mask=near).detach()
    with torch.no_grad():
        module(x[:, :9], mask=near, cache=cache)
        for back in range(spare + 1):
            if back:
                module(torch.randn(2, back, D).double(), mask=near, cache=cache)  # guesses
            if back == spare:
                with pytest.raises(
                    ValueError, match=f"^length should be 0 or at least 9, .*{spare}"
                ):
                    cache.crop(8)
            cache.crop(9)
            assert len(cache) == 9
            again = copy.deepcopy(cache)
            assert_close(module(x[:, 9:], mask=near, cache=again), whole[:, 9:])


@kinds
def test_it_takes_back_all_while_nothing_is_forgotten(make: Make) -> None:
    module, near = heads(), masks.causal() & masks.sliding_window(WINDOW)
    x, cache = torch.randn(2, 9, D, dtype=torch.float64), make(window=WINDOW)
    whole = module(x, mask=near).detach()
    with torch.no_grad():
        for start, end, back in ((0, 3, 1), (1, 3, 2), (2, 9, 0), (0, 9, 9)):
            assert_close(module(x[:, start:end], mask=near, cache=cache), whole[:, start:end])
            cache.crop(back)
            assert len(cache) == back


def test_a_part_that_cannot_go_back_keeps_all_from_it() -> None:
    cache = KVCache(window=2, spare=1)
    for name, length in (("a", 2), ("b", 6)):
        cache.child(name).update(*kv(length=length))
    with pytest.raises(ValueError, match="length should be 0 or at least 5"):
        cache.crop(1)
    assert [len(part) for part in parts_of(cache)] == [2, 6]
    cache.crop(0)
    assert [len(part) for part in parts_of(cache)] == [0, 0]


def test_a_copy_is_on_its_own() -> None:
    for make in KINDS.values():
        cache = make(window=WINDOW)
        cache.update(*kv(length=6))
        other = copy.deepcopy(cache)
        other.update(*kv(length=2))
        assert (len(cache), len(other)) == (6, 8)
        assert_close(other.read()[0][..., :1, :], cache.read()[0][..., 2:, :])


def test_parts_forget_and_a_source_does_not() -> None:
    for make in KINDS.values():
        cache = make(window=3, spare=1)
        layer = cache.child("layers.0")
        own, source = layer.child("attention"), layer.child("cross_attention", fixed=True)
        own.update(*kv(length=9))
        source.update(*kv(length=9))
        assert [x.read()[0].shape[-2] for x in (own, source)] == [3, 9]
        assert type(own) is type(cache)
        assert len(cache) == 9


def test_a_window_of_one_remembers_nothing() -> None:
    module, alone = heads(), masks.causal() & masks.sliding_window(1)
    x = torch.randn(2, 5, D, dtype=torch.float64)
    for make in (KINDS["growing"], KINDS["static, no room to spare"]):
        cache = make(window=1)
        with torch.no_grad():
            outs = [module(x[:, t : t + 1], mask=alone, cache=cache) for t in range(5)]
        assert_close(torch.cat(outs, dim=1), module(x, mask=alone).detach())
        assert (cache.filled, held(cache) <= 2 * 2 * 2 * 4 * 8, len(cache)) == (True, True, 5)


# ------------------------------------------------------------------ what is refused


def far(mask: Any) -> Callable[[], object]:
    def ask() -> object:
        x, cache = torch.randn(2, 3, D).double(), KVCache(window=WINDOW)
        try:
            return heads()(x, mask=mask, cache=cache)
        finally:
            assert not cache.filled

    return ask


def far_in_a_stack() -> object:
    cache = KVCache(window=WINDOW)
    stack = Decoder(2, 12, 3, 20, cross_attention=False)
    try:
        return stack(torch.randn(2, 3, 12), cache=cache)
    finally:
        assert not cache.filled


MESSAGES: dict[str, tuple[Callable[[], object], str]] = {
    "no window": (
        lambda: KVCache(window=0),
        "window should be a positive whole number, got 0",
    ),
    "less than nothing spare": (
        lambda: KVCache(window=3, spare=-1),
        "spare should be a whole number, 0 or more, got -1",
    ),
    "spare of nothing": (
        lambda: StaticKVCache(5, spare=2),
        "spare should come with a window, got spare=2 alone",
    ),
    "a source with a window": (
        lambda: KVCache(fixed=True, window=3),
        "window should be None in a fixed cache, got 3",
    ),
    "too little memory": (
        lambda: StaticKVCache(5, window=4, spare=2),
        "max_len should be at least window=4 + spare=2, got 5",
    ),
    "no mask": (
        far(None),
        "mask should keep to masks.sliding_window(4), for the cache forgets what is farther back, "
        "got None",
    ),
    "a mask without a bound": (far(masks.causal()), "mask should keep to masks.sliding_window(4)"),
    "a table": (far(torch.eye(3) > 0), "mask should keep to masks.sliding_window(4)"),
    "a wider mask": (
        far(masks.causal() & masks.sliding_window(5)),
        "mask should keep to masks.sliding_window(4), for the cache forgets what is farther back, "
        "got causal() & sliding_window(5)",
    ),
    "a stack without one": (far_in_a_stack, "mask should keep to masks.sliding_window(4)"),
    "exported": (
        lambda: pytree.tree_flatten(KVCache(window=4)),
        "cache should have no window where it is exported, got KVCache(window=4, length=0, ",
    ),
}


@pytest.mark.plain
@pytest.mark.parametrize("name", MESSAGES)
def test_the_message_names_what_is_wrong(name: str) -> None:
    ask, message = MESSAGES[name]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        ask()


def test_its_name_says_what_it_remembers() -> None:
    cache = KVCache(window=3, spare=2)
    cache.update(*kv(length=7))
    assert repr(cache) == "KVCache(window=3, spare=2, length=7, keys=(2, 3, 4, 4))"
    static = StaticKVCache(9, window=3)
    assert repr(static) == "StaticKVCache(max_len=9, window=3, length=0, keys=None)"
