"""The static cache: the growing one's results, in memory that is taken once."""

import copy
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from tests.nn.test_cache import LENGTH, MASKS, D, heads, kv, seen
from txlite.models import Transformer, TransformerConfig
from txlite.nn import Decoder, KVCache, StaticKVCache, TokenEmbedding, masks
from txlite.nn.positions.scheme import PositionScheme


@pytest.fixture(autouse=True)
def _nothing_is_learned() -> Iterator[None]:
    with torch.no_grad():
        yield


def memory(cache: StaticKVCache) -> tuple[Tensor, Tensor]:
    assert cache._memory is not None
    return cache._memory


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=LENGTH),
    st.sampled_from(list(MASKS)),
    st.sampled_from([6, 2, 1]),
    st.integers(0, 5),
    st.integers(0, 2**32 - 1),
)
def test_any_split_into_steps_gives_the_same(
    steps: list[int], name: str, num_kv_heads: int, spare: int, seed: int
) -> None:
    torch.manual_seed(seed)
    module, total = heads(num_kv_heads), sum(steps)
    x = torch.randn(2, total, D, dtype=torch.float64)
    keep = torch.rand(2, total) < 0.7
    mask = MASKS[name](keep)
    with torch.no_grad():
        cache, growing, done = StaticKVCache(total + spare), KVCache(), 0
        for step in steps:
            new = x[:, done : done + step]
            done += step
            now = seen(mask, keep, done)
            out = module(new, mask=now, cache=cache)
            assert torch.equal(out, module(new, mask=now, cache=growing))  # to the last bit
            assert len(cache) == done
            assert_close(out, module(x[:, :done], mask=now)[:, -step:])


def test_it_writes_from_the_start_into_the_same_memory() -> None:
    cache, first, second = StaticKVCache(9), kv(), kv(length=2)
    assert_close(cache.update(*first), first)
    where = [x.data_ptr() for x in memory(cache)]
    keys, values = cache.update(*second)
    assert_close(keys, torch.cat([first[0], second[0]], dim=2))
    assert_close(values, torch.cat([first[1], second[1]], dim=2))
    assert [x.data_ptr() for x in memory(cache)] == where == [keys.data_ptr(), values.data_ptr()]
    assert memory(cache)[0].shape == (2, 3, 9, 4)
    assert (memory(cache)[0][..., 5:, :] == 0).all()


def test_what_is_not_written_is_never_read() -> None:
    module, x = heads(), torch.randn(2, 7, D, dtype=torch.float64)
    cache = StaticKVCache(12)
    module(x[:, :3], mask=masks.causal(), cache=cache)
    for room in memory(cache):
        room[..., 3:, :] = torch.nan
    out = module(x[:, 3:], mask=masks.causal(), cache=cache)
    assert_close(out, module(x, mask=masks.causal())[:, 3:])


def test_crop_makes_room_again() -> None:
    cache, growing = StaticKVCache(6), KVCache()
    for each in (cache, growing):
        torch.manual_seed(0)
        each.update(*kv(length=6))
        each.crop(2)
        assert len(each) == 2
        each.update(*kv(length=3))
        each.crop(4)
        each.update(*kv(length=1))
    assert_close(cache.read(), growing.read())
    cache.crop(0)
    assert len(cache) == 0
    new = kv(length=6)
    assert_close(cache.update(*new), new)


@pytest.mark.parametrize("index", [[2, 0, 1], [1, 1, 1], [0], [2, 1, 0, 1, 2]], ids=str)
def test_reorder_names_the_sequences_to_keep(index: list[int]) -> None:
    cache, growing, start, new = StaticKVCache(8), KVCache(), kv(3, 4), kv(len(index), 2)
    for each in (cache, growing):
        child = each.child("layers.0").child("attention")
        child.update(*start)
        each.reorder(torch.tensor(index))
        child.update(*new)
        if index != [0]:  # and once more, from where it was
            each.reorder(torch.tensor(index).flip(0) % len(index))
    ours, theirs = (each.child("layers.0").child("attention") for each in (cache, growing))
    assert_close(ours.read(), theirs.read())
    assert isinstance(ours, StaticKVCache)
    keys, _ = ours.read()
    assert keys.data_ptr() == memory(ours)[0].data_ptr()


def test_rows_that_stay_as_many_stay_in_their_memory() -> None:
    cache = StaticKVCache(8)
    cache.update(*kv(3, 4))
    where = memory(cache)[0].data_ptr()
    cache.reorder(torch.tensor([2, 2, 0]))
    assert memory(cache)[0].data_ptr() == where
    cache.reorder(torch.tensor([2, 0]))
    assert memory(cache)[0].shape == (2, 3, 8, 4)


def test_keys_and_values_have_each_a_dtype_of_their_own() -> None:
    cache, (keys, values) = StaticKVCache(8), kv(3, 4)
    cache.update(keys, values.double())
    cache.reorder(torch.tensor([2, 0]))
    assert torch.equal(cache.read()[0], keys[[2, 0]])
    assert torch.equal(cache.read()[1], values.double()[[2, 0]])


def test_a_source_is_kept_as_it_is() -> None:
    cache = StaticKVCache(2)
    child = cache.child("cross_attention", fixed=True)
    child.update(*kv(length=7))
    assert len(child) == 7
    assert not isinstance(child, StaticKVCache)
    assert len(cache) == 0
    assert cache.child("cross_attention") is child


def test_a_copy_is_on_its_own() -> None:
    cache = StaticKVCache(6)
    cache.update(*kv())
    other = copy.deepcopy(cache)
    other.update(*kv(length=2))
    assert (len(cache), len(other)) == (3, 5)
    assert_close(other.read()[0][..., :3, :], cache.read()[0])
    assert other.read()[0].data_ptr() == memory(other)[0].data_ptr()
    assert (memory(cache)[0][..., 3:, :] == 0).all()


# ----------------------------------------------------------------------------- whole models

PROMPT, NEW = 4, 12


def model(positions: Any) -> Transformer:
    config = TransformerConfig(
        vocab_size=13,
        d_model=12,
        num_heads=3,
        d_ff=20,
        num_layers=2,
        positions=positions,
    )
    made = Transformer(config).double().eval()
    for p in made.parameters():
        torch.nn.init.normal_(p, std=0.5)
    return made


def walk(step: Callable[..., Tensor], cache: KVCache, *, padded: bool) -> Iterator[Tensor]:
    """Logits of a prompt and of the tokens after it, one call each."""
    torch.manual_seed(1)
    source, tokens = torch.randint(3, 13, (2, 5)), torch.randint(3, 13, (2, PROMPT + NEW))
    for i in range(NEW):
        new = tokens[:, :PROMPT] if i == 0 else tokens[:, PROMPT + i - 1 : PROMPT + i]
        keep = torch.ones(2, PROMPT + i, dtype=torch.bool)
        keep[1, :2] = False  # on the left
        yield step(
            source if i == 0 else None, new, target_keep=keep if padded else None, cache=cache
        )


@pytest.mark.plain
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("positions", ["sinusoidal", "rotary", "relative"])
def test_a_step_is_not_compiled_anew_for_each_length(positions: str, padded: bool) -> None:
    """Once for the prompt, once for a first token, once for any number of tokens."""
    from torch._dynamo.testing import CompileCounterWithBackend

    torch._dynamo.reset()
    made = model(positions)
    counter = CompileCounterWithBackend("aot_eager")
    step = torch.compile(made, fullgraph=True, backend=counter)
    counts = []
    both = zip(
        walk(step, StaticKVCache(PROMPT + NEW), padded=padded),
        walk(made, KVCache(), padded=padded),
        strict=True,
    )
    for out, want in both:
        assert_close(out, want, atol=1e-12, rtol=0)
        counts.append(counter.frame_count)
    assert counts == [1, 2] + [3] * (NEW - 2)
    torch._dynamo.reset()


@pytest.mark.plain
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_a_compiled_step_writes_into_the_same_memory() -> None:
    torch._dynamo.reset()
    made, cache = model("rotary"), StaticKVCache(PROMPT + NEW)
    step = torch.compile(made, fullgraph=True, backend="aot_eager")
    where = []
    for _ in walk(step, cache, padded=False):
        part = cache.child("layers.1").child("attention")
        assert isinstance(part, StaticKVCache)
        where.append(memory(part)[0].data_ptr())
        assert part.read()[0].data_ptr() == where[0]
    assert len(set(where)) == 1
    torch._dynamo.reset()


@pytest.mark.parametrize("cache", [StaticKVCache, lambda _: KVCache()], ids=["static", "growing"])
@pytest.mark.parametrize("prompt", [1, 3, 4, 5, 9])
@pytest.mark.parametrize("positions", ["sinusoidal", "rotary", "relative"])
def test_a_window_of_four_is_kept_step_by_step(
    positions: Any, prompt: int, cache: Callable[[int], KVCache]
) -> None:
    """Fourteen tokens, a window of four, two rows padded on the left: cached is full."""
    torch.manual_seed(prompt)
    embedding = TokenEmbedding(13, 12)
    scheme = PositionScheme(positions, 12, 3, bidirectional=False)
    stack = Decoder(2, 12, 3, 20, cross_attention=False, dropout=0.0)
    parts = torch.nn.ModuleList([embedding, scheme, stack]).double().eval()
    for p in parts.parameters():
        torch.nn.init.normal_(p, std=0.5)
    tokens, keep = torch.randint(13, (3, 14)), torch.ones(3, 14, dtype=torch.bool)
    keep[1, : prompt - 1] = False
    keep[2, : prompt // 2] = False

    def run(start: int, end: int, held: KVCache | None) -> Tensor:
        x, places = scheme(embedding(tokens[:, start:end]), keep[:, :end], start)
        mask = masks.sliding_window(4) & masks.padding(keep[:, :end])
        out: Tensor = stack(x, None, mask, positions=places, cache=held)
        return out

    full, held = run(0, 14, None), cache(14)
    ends = [0, prompt, *range(prompt + 1, 15)]
    outs = [run(start, end, held) for start, end in itertools.pairwise(ends)]
    assert_close(torch.cat(outs, dim=1)[keep], full[keep], atol=1e-9, rtol=0)


# ----------------------------------------------------------------------------- what is refused


def full() -> StaticKVCache:
    cache = StaticKVCache(3)
    cache.update(*kv())
    return cache


def crowded_model() -> object:
    made, cache = model("rotary"), StaticKVCache(6)
    list(walk(made, cache, padded=False))
    return None


def learning() -> object:
    with torch.enable_grad():
        keys, values = kv()
        return StaticKVCache(4).update(keys.requires_grad_(), values)


MESSAGES: dict[str, tuple[Callable[[], object], str]] = {
    "no room at all": (
        lambda: StaticKVCache(0),
        "max_len should be a positive whole number, got 0",
    ),
    "no room left": (
        lambda: full().update(*kv(length=2)),
        "cache should have room for max_len=3 positions, got 2 new ones after 3",
    ),
    "a prompt without room": (
        lambda: heads()(torch.ones(2, 5, D).double(), cache=StaticKVCache(4)),
        "cache should have room for max_len=4 positions, got 5 new ones after 0",
    ),
    "a model without room": (
        crowded_model,
        "cache should have room for max_len=6 positions, got 1 new ones after 6",
    ),
    "another batch": (
        lambda: full().update(*kv(batch=4)),
        "keys should have shape (B=2, H=3, N, E=4), got (4, 3, 3, 4); axis B disagrees",
    ),
    "gradients": (
        learning,
        "keys and values should need no gradient in a static cache, which overwrites what a "
        "backward pass would read, got some that do; use torch.no_grad() or a KVCache",
    ),
    "a part of an attention's cache": (
        lambda: full().child("layers.0"),
        "cache should be empty or have children, got StaticKVCache(max_len=3, ",
    ),
    "cropped longer": (
        lambda: full().crop(4),
        "length should be a whole number in [0, 3], got 4",
    ),
}


@pytest.mark.plain
@pytest.mark.parametrize("name", MESSAGES)
def test_the_message_names_what_is_wrong(name: str) -> None:
    ask, message = MESSAGES[name]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        ask()


def test_nothing_is_written_where_there_is_no_room() -> None:
    cache = StaticKVCache(5)
    module, x = heads(), torch.randn(2, 3, D, dtype=torch.float64)
    module(x, cache=cache)
    before = [y.clone() for y in memory(cache)]
    with pytest.raises(ValueError, match="room"):
        module(x, cache=cache)
    assert_close(memory(cache), tuple(before))
    assert len(cache) == 3
