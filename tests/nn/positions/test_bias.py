"""Biases by distance: slopes, buckets, and what attention makes of them."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from txlite.nn import KVCache, MultiHeadAttention, attention_weights, masks
from txlite.nn.positions import ALiBi, RelativeBias, count_positions

B, H, T, S, D = 2, 3, 5, 7, 10
FAR = 1_000_000


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64)


def relative(num_heads: int = H, **kwargs: int) -> RelativeBias:
    """Make a bias whose every bucket counts."""
    module = RelativeBias(num_heads, **kwargs).double()
    torch.nn.init.normal_(module.table.weight)
    return module


SCHEMES = {
    "alibi": lambda: ALiBi(H),
    "relative": lambda: relative(num_buckets=10, max_distance=20),
    "relative, causal": lambda: relative(num_buckets=10, max_distance=20, bidirectional=False),
}


# ------------------------------------------------------------------ both


@pytest.mark.parametrize("name", list(SCHEMES))
@given(shift=st.integers(-FAR, FAR))
def test_a_bias_depends_on_the_difference_only(name: str, shift: int) -> None:
    module = SCHEMES[name]()
    i, j = torch.randint(-90, 90, (T,)), torch.randint(-90, 90, (S,))
    bias = module(i, j)
    assert bias.shape == (H, T, S)
    assert torch.equal(module(i + shift, j + shift), bias)
    if abs(shift) > 400:
        assert not torch.equal(module(i + shift, j), bias)  # the test can see a change


@pytest.mark.parametrize("name", list(SCHEMES))
def test_every_sequence_may_have_its_own_positions(name: str) -> None:
    module = SCHEMES[name]()
    i, j = torch.randint(40, (B, T)), torch.randint(40, (B, S))
    both, left, right = module(i, j), module(i, j[0]), module(i[0], j)
    assert both.shape == left.shape == right.shape == (B, H, T, S)
    for b in range(B):
        assert torch.equal(both[b], module(i[b], j[b]))
        assert torch.equal(left[b], module(i[b], j[0]))
        assert torch.equal(right[b], module(i[0], j[b]))


@pytest.mark.parametrize("name", list(SCHEMES))
def test_there_is_no_longest_sequence(name: str) -> None:
    module, ends = SCHEMES[name](), torch.tensor([0, FAR])
    bias = module(ends, torch.arange(0, FAR, 997))
    assert bias.isfinite().all()


# ------------------------------------------------------------------ ALiBi


@pytest.mark.kills(
    "ALiBi: slopes begin at one",
    "nn/positions/bias.py",
    "for h in range(1, power + 1)]",
    "for h in range(power)]",
)
@pytest.mark.parametrize("num_heads", [1, 2, 8, 16, 64])
def test_slopes_are_a_geometric_sequence(num_heads: int) -> None:
    """From 2^(−8/H) on, with that same ratio (section 3 of the paper)."""
    slopes = torch.tensor(ALiBi(num_heads).slopes, dtype=torch.float64)
    assert slopes[-1] == 2**-8
    assert_close(slopes[0], torch.tensor(2 ** (-8 / num_heads)).double(), rtol=1e-7, atol=0)
    assert_close(slopes[1:] / slopes[:-1], slopes[:1].expand(num_heads - 1))


def test_eight_heads_have_the_papers_slopes() -> None:
    assert ALiBi(8).slopes == [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]


@pytest.mark.parametrize("num_heads", [3, 5, 6, 7, 12, 20, 100])
def test_other_numbers_of_heads_fill_up_between(num_heads: int) -> None:
    slopes, power = ALiBi(num_heads).slopes, 2 ** int(math.log2(num_heads))
    assert len(slopes) == len(set(slopes)) == num_heads
    assert slopes[:power] == ALiBi(power).slopes
    assert slopes[power:] == ALiBi(2 * power).slopes[0::2][: num_heads - power]


@pytest.mark.kills(
    "ALiBi: one direction only",
    "nn/positions/bias.py",
    "offsets.abs().neg().to(dtype)",
    "offsets.to(dtype)",
)
def test_alibi_by_hand() -> None:
    i, j = torch.tensor([4, 0, 9, 2, 7]), torch.tensor([3, 4, 0, 8, 12, 1, 5])
    bias = ALiBi(6)(i, j)
    for h, slope in enumerate([1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 2, 1 / 8]):
        for t in range(T):
            for s in range(S):
                assert bias[h, t, s] == -slope * abs(int(i[t]) - int(j[s]))


def test_alibi_looks_both_ways_alike() -> None:
    places = torch.arange(9)
    bias = ALiBi(H)(places, places)
    assert torch.equal(bias, bias.mT)
    assert (bias.diagonal(dim1=-2, dim2=-1) == 0).all()
    assert (bias[:, 0].diff() < 0).all()  # farther is always less


@pytest.mark.parametrize("num_heads", [1, 2, 3, 6, 8, 12, 20])
def test_equals_bloom_up_to_a_number_for_each_row(num_heads: int) -> None:
    """Bloom adds m·j: in a causal row that is m·i more, which softmax does not see."""
    from transformers.models.bloom.modeling_bloom import build_alibi_tensor

    keep = torch.ones(B, S)
    theirs = build_alibi_tensor(keep, num_heads, torch.float32).reshape(B, num_heads, 1, S)
    places = torch.arange(S)
    ours = ALiBi(num_heads)(places, places)
    seen = torch.ones(S, S).tril().bool()
    gap = (theirs - ours).masked_fill(~seen, 0.0)  # (B, H, S, S)
    slopes = torch.tensor(ALiBi(num_heads).slopes)[:, None]
    assert_close(gap, (slopes * places)[..., None].expand_as(gap) * seen, rtol=1e-5, atol=1e-6)
    q, k = torch.randn(2, B, num_heads, S, 4)
    mine, other = (attention_weights(q, k, masks.causal(), bias=x) for x in (ours, theirs))
    assert_close(mine, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("num_heads", [1, 2, 3, 6, 8, 12, 20])
def test_the_last_row_equals_mpts(num_heads: int) -> None:
    """MPT adds the row of the last query to all rows."""
    from transformers.models.mpt.modeling_mpt import build_mpt_alibi_tensor

    theirs = build_mpt_alibi_tensor(num_heads, S)  # (H, 1, S)
    ours = ALiBi(num_heads)(torch.arange(S), torch.arange(S))
    assert_close(ours[:, -1:], theirs, rtol=1e-6, atol=1e-6)


# ------------------------------------------------------------------ T5's buckets

RANGES = {  # bucket: first and last distance, as a published model needs them
    True: {8: (8, 11), 9: (12, 15), 10: (16, 22), 11: (23, 31), 12: (32, 45), 13: (46, 63),
           14: (64, 90), 15: (91, 5000)},
    False: {16: (16, 18), 17: (19, 20), 18: (21, 23), 31: (113, 5000)},
}  # fmt: skip


@pytest.mark.parametrize("both", [True, False])
def test_the_buckets_of_a_published_t5(both: bool) -> None:
    bias, single = RelativeBias(H, bidirectional=both), 8 if both else 16
    near = torch.arange(single)
    assert torch.equal(bias.bucket(-near), near)
    for bucket, (first, last) in RANGES[both].items():
        assert bias.bucket(-torch.arange(first, last + 1)).eq(bucket).all()
        assert bias.bucket(torch.tensor(1 - first)) == bucket - 1 or bucket == 31
        later = torch.arange(first, last + 1)
        assert bias.bucket(later).eq(bucket + 16 if both else 0).all()
    assert bias.bucket(torch.tensor(-112)) == (15 if both else 30)


def naive(offset: int, num_buckets: int, max_distance: int, both: bool) -> int:
    """Say in words of arithmetic what Raffel et al. say in section 2.1."""
    ahead = both and offset > 0
    distance = abs(offset) if both else max(0, -offset)
    size = num_buckets // 2 if both else num_buckets
    if distance < size // 2:
        place = distance
    else:
        share = math.log(distance / (size // 2)) / math.log(max_distance / (size // 2))
        place = size // 2 + math.floor(share * (size - size // 2) + 1e-9)
    return min(place, size - 1) + (size if ahead else 0)


SIZES = [(32, 128), (10, 20), (8, 17), (64, 1000), (16, 9), (4, 3)]


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize(("num_buckets", "max_distance"), SIZES)
def test_buckets_follow_the_definition(num_buckets: int, max_distance: int, both: bool) -> None:
    module = RelativeBias(H, num_buckets=num_buckets, max_distance=max_distance, bidirectional=both)
    offsets = torch.arange(-2 * max_distance, 2 * max_distance + 1)
    want = [naive(int(o), num_buckets, max_distance, both) for o in offsets]
    assert module.bucket(offsets).tolist() == want


@pytest.mark.kills(
    "offsets of queries to keys",
    "nn/positions/bias.py",
    "key_positions[..., None, :] - query_positions[..., :, None]",
    "query_positions[..., :, None] - key_positions[..., None, :]",
)
@pytest.mark.parametrize("both", [True, False])
def test_a_bias_by_hand(both: bool) -> None:
    module = relative(num_buckets=10, max_distance=20, bidirectional=both)
    i, j = torch.tensor([4, 0, 9, 2, 7]), torch.tensor([3, 4, 0, 8, 12, 1, 50])
    bias = module(i, j)
    assert bias.shape == (H, T, S)
    for t in range(T):
        for s in range(S):
            row = module.table.weight[naive(int(j[s] - i[t]), 10, 20, both)]
            assert torch.equal(bias[:, t, s], row)


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize(("num_buckets", "max_distance"), [*SIZES, (48, 256), (12, 100), (6, 512)])
def test_buckets_equal_t5s(num_buckets: int, max_distance: int, both: bool) -> None:
    from transformers.models.t5.modeling_t5 import T5Attention

    offsets = torch.arange(-3000, 3001)
    theirs = T5Attention._relative_position_bucket(offsets, both, num_buckets, max_distance)
    ours = RelativeBias(
        H, num_buckets=num_buckets, max_distance=max_distance, bidirectional=both
    ).bucket(offsets)
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("both", [True, False])
def test_buckets_are_monotone_and_all_are_used(both: bool) -> None:
    module = RelativeBias(H, num_buckets=32, max_distance=128, bidirectional=both)
    size = 32 // (1 + both)
    behind = module.bucket(-torch.arange(300))
    steps = behind.diff()
    assert behind[0] == 0
    assert ((steps == 0) | (steps == 1)).all()  # none is skipped
    assert (behind[127], behind[128:].unique().tolist()) == (size - 1, [size - 1])
    ahead = module.bucket(torch.arange(1, 300))
    assert torch.equal(ahead, behind[1:] + size if both else torch.zeros_like(ahead))


@pytest.mark.parametrize("both", [True, False])
def test_equals_t5s_bias_forward_and_backward(both: bool) -> None:
    """With one query in the middle of a cache, too."""
    from transformers import T5Config
    from transformers.models.t5.modeling_t5 import T5Attention

    config = T5Config(num_heads=H, is_decoder=not both)
    theirs = T5Attention(config, has_relative_attention_bias=True, layer_idx=0).double()
    ours = RelativeBias(H, bidirectional=both).double()
    ours.table.load_state_dict(theirs.relative_attention_bias.state_dict())
    for past, length in ((0, 150), (149, 1), (30, 20)):
        want = theirs.compute_bias(length, 150, past_seen_tokens=past)[0]
        got = ours(torch.arange(past, past + length), torch.arange(150))
        assert torch.equal(got, want)
        upstream = torch.randn_like(got)
        (mine,) = torch.autograd.grad(got, ours.table.weight, upstream)
        (other,) = torch.autograd.grad(want, theirs.relative_attention_bias.weight, upstream)
        assert_close(mine, other, rtol=0, atol=1e-12)
        assert mine.any()


def test_a_fresh_table_is_small_and_not_zero() -> None:
    weight = RelativeBias(64).table.weight
    assert weight.shape == (32, 64)
    assert 0.015 < weight.std().item() < 0.025


# ------------------------------------------------------------------ in attention


@pytest.mark.parametrize("name", list(SCHEMES))
@pytest.mark.parametrize("pads", [(3, 0), (0, 4), (2, 5)])
def test_padding_moves_no_position(name: str, pads: tuple[int, int]) -> None:
    scheme, attention, x = (
        SCHEMES[name](),
        MultiHeadAttention(D, H, head_dim=4).double(),
        draw(B, T, D),
    )
    places = torch.arange(T)
    bare = attention(x, mask=masks.causal(), bias=scheme(places, places))
    keep = torch.zeros(B, sum(pads) + T, dtype=torch.bool)
    keep[:, pads[0] : pads[0] + T] = True
    long = 1e3 * draw(*keep.shape, D)
    long[keep] = x.flatten(0, 1)
    at = count_positions(keep)
    got = attention(long, mask=masks.causal() & masks.padding(keep), bias=scheme(at, at))
    assert_close(got[keep].reshape(B, T, D), bare, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", list(SCHEMES))
@pytest.mark.parametrize("steps", [[4, 1, 1, 1], [1] * 7, [2, 5]])
def test_cached_equals_uncached(name: str, steps: list[int]) -> None:
    scheme, attention, x = (
        SCHEMES[name](),
        MultiHeadAttention(D, H, head_dim=4).double(),
        draw(B, S, D),
    )
    keep = torch.tensor([[False, False, True, True, True, True, True], [True] * 5 + [False] * 2])
    at = count_positions(keep)
    whole = attention(x, mask=masks.causal() & masks.padding(keep), bias=scheme(at, at))
    cache, outs, done = KVCache(), [], 0
    for step in steps:
        new, done = x[:, done : done + step], done + step
        seen = keep[:, :done]
        bias = scheme(count_positions(seen, num_queries=step), count_positions(seen))
        mask = masks.causal() & masks.padding(seen)
        outs.append(attention(new, mask=mask, bias=bias, cache=cache))
    assert_close(torch.cat(outs, dim=1), whole, rtol=0, atol=1e-12)


def test_a_learned_bias_gets_its_gradient_through_attention() -> None:
    scheme, attention = relative(), MultiHeadAttention(D, H, head_dim=4).double()
    places = torch.arange(T)
    attention(draw(B, T, D), mask=masks.causal(), bias=scheme(places, places)).sum().backward()
    moved = scheme.table.weight.grad.abs().sum(-1) > 0
    assert moved[:T].all()  # distances 0 … T − 1
    assert not moved[T:].any()  # keys ahead are masked: nothing flows there


# ------------------------------------------------------------------ as a user runs it


@pytest.mark.plain
@pytest.mark.parametrize("name", list(SCHEMES))
def test_compiles_into_one_graph(name: str) -> None:
    module = SCHEMES[name]()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager", dynamic=True)
    for batch, t, s in ((2, 5, 7), (3, 9, 4)):
        i, j = torch.randint(90, (batch, t)), torch.randint(90, (batch, s))
        assert_close(compiled(i, j), module(i, j), rtol=0, atol=0)


@pytest.mark.plain
@pytest.mark.parametrize("name", list(SCHEMES))
def test_exports_with_any_batch_and_length(name: str) -> None:
    from torch.export import Dim

    module = SCHEMES[name]()
    batch, t, s = Dim("batch", min=2), Dim("T", min=2), Dim("S", min=2)
    example = torch.randint(90, (3, 5)), torch.randint(90, (3, 8))
    shapes = ({0: batch, 1: t}, {0: batch, 1: s})
    program = torch.export.export(module, example, dynamic_shapes=shapes).module()
    for sizes in ((2, 9, 4), (5, 2, 60)):
        i, j = torch.randint(900, sizes[:2]), torch.randint(900, sizes[::2])
        assert_close(program(i, j), module(i, j), rtol=0, atol=0)


PLACES = torch.arange(T)
REFUSED = {
    "no heads": (lambda: ALiBi(0), "num_heads should be a positive whole number, got 0"),
    "no heads to learn": (
        lambda: RelativeBias(0),
        "num_heads should be a positive whole number, got 0",
    ),
    "odd buckets in two directions": (
        lambda: RelativeBias(2, num_buckets=9),
        "num_buckets should be even in both directions, got 9",
    ),
    "one bucket": (
        lambda: RelativeBias(2, num_buckets=2),
        "num_buckets should be at least 2 in each direction, got 1",
    ),
    "nothing left for ranges": (
        lambda: RelativeBias(2, num_buckets=32, max_distance=8),
        "max_distance should be more than the 8 distances with a bucket of their own, got 8",
    ),
    "fractions": (
        lambda: ALiBi(2)(torch.ones(3), PLACES),
        "query_positions should hold int32 or int64 numbers, got float32",
    ),
    "three axes": (
        lambda: ALiBi(2)(PLACES, torch.ones(2, 3, 4).long()),
        "key_positions should have shape (B, T), got (2, 3, 4)",
    ),
    "two batches": (
        lambda: ALiBi(2)(torch.ones(2, 3).long(), torch.ones(3, 3).long()),
        "key_positions should have shape (B=2, S), got (3, 3)",
    ),
}


@pytest.mark.plain
@pytest.mark.parametrize("name", list(REFUSED))
def test_refusals_name_the_argument(name: str) -> None:
    ask, message = REFUSED[name]
    with pytest.raises(ValueError) as error:  # noqa: PT011 - compared in full below
        ask()
    assert str(error.value) == message
