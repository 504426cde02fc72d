"""LSH attention: softmax over what chunks bring together, each found by a walk through the sort."""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from txlite.nn import hash_buckets, lsh_attention, lsh_candidates, masks, random_rotations
from txlite.nn.masks import Mask

B, H, E, V = 2, 3, 5, 4
CLOSE: dict[str, float] = {"rtol": 0.0, "atol": 1e-11}


def drawn(length: int, rounds: int, num_buckets: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    q = torch.randn(B, H, length, E, dtype=torch.float64)
    v = torch.randn(B, H, length, V, dtype=torch.float64)
    turns = random_rotations(H, E, rounds, num_buckets, dtype=torch.float64)
    return q, v, hash_buckets(q, turns, num_buckets)


def walked(
    buckets: list[list[int]], keep: list[bool] | None, size: int, before: int, after: int
) -> list[list[int]]:
    """Count for one head, by loops, how often each position meets each other one."""
    length = len(buckets[0])
    count = [[0] * length for _ in range(length)]
    if length <= size:
        return [[1] * length for _ in range(length)]
    padded = -(-length // size) * size
    line = []  # of all rounds, one behind the other
    for row in buckets:

        def place(t: int, row: list[int] = row) -> tuple[int, int]:
            real = t < length and (keep is None or keep[t])
            return (row[t] if real else 10**6), t

        line += sorted(range(padded), key=place)
    chunks = [line[i : i + size] for i in range(0, len(line), size)]
    for n, chunk in enumerate(chunks):
        for step in range(-before, after + 1):
            for i in chunk:
                for j in chunks[(n + step) % len(chunks)]:
                    if i < length and j < length:
                        count[i][j] += 1
    return count


def dense(
    q: Tensor, v: Tensor, buckets: Tensor, causal: bool, keep: Tensor | None, **sizes: int
) -> tuple[Tensor, Tensor]:
    """Softmax over scores plus the logarithm of the counts; alone where nothing else is seen."""
    rows, table = torch.zeros_like(v), torch.zeros(*q.shape[:3], q.shape[2], dtype=torch.int64)
    mean = q.square().mean(-1, keepdim=True) + 1e-6
    k = q / (mean * q.shape[-1]).sqrt()
    out = []
    for b in range(q.shape[0]):
        real = None if keep is None else keep[b].tolist()
        for h in range(q.shape[1]):
            size = sizes["chunk_length"]
            before, after = sizes.get("num_before", 1), sizes.get("num_after", 0)
            count = torch.tensor(walked(buckets[b, h].tolist(), real, size, before, after))
            count.fill_diagonal_(0)
            if causal:
                count = count.tril()
            if keep is not None:
                count = count * keep[b]
            count += torch.eye(len(count), dtype=count.dtype) * (count.sum(-1, keepdim=True) == 0)
            table[b, h] = count
            weights = (q[b, h] @ k[b, h].mT + count.to(q.dtype).log()).softmax(-1)
            out.append(weights @ v[b, h])
    return torch.stack(out).view_as(rows), table


CASES: dict[str, dict[str, Any]] = {
    "one round": {"length": 24, "rounds": 1, "chunk_length": 4},
    "three rounds": {"length": 24, "rounds": 3, "chunk_length": 4},
    "a last chunk that is not full": {"length": 22, "rounds": 2, "chunk_length": 5},
    "two chunks": {"length": 8, "rounds": 1, "chunk_length": 4},
    "one chunk": {"length": 4, "rounds": 3, "chunk_length": 4},
    "shorter than a chunk": {"length": 3, "rounds": 2, "chunk_length": 4},
    "chunks of one": {"length": 6, "rounds": 2, "chunk_length": 1},
    "no look back": {"length": 20, "rounds": 2, "chunk_length": 4, "num_before": 0},
    "two back, one ahead": {"length": 20, "rounds": 2, "chunk_length": 3, "num_before": 2,
                            "num_after": 1},
    "more back than there are": {"length": 10, "rounds": 1, "chunk_length": 4, "num_before": 4},
    "one bucket": {"length": 20, "rounds": 2, "chunk_length": 4, "num_buckets": 0},
}  # fmt: skip


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.kills(
    "lsh: causal in the sorted order",
    "nn/lsh.py",
    "places = at.clamp(max=last), others.clamp(max=last)",
    "places = torch.arange(at.shape[3])[:, None] + others.shape[4], torch.arange(others.shape[4])",
)
@pytest.mark.kills(
    "lsh: not sorted back",
    "nn/lsh.py",
    "x = x.gather(2, back[..., None].expand(-1, -1, -1, x.shape[-1]))",
    "x = x + 0",
)
@pytest.mark.kills(
    "lsh: rounds are averaged",
    "nn/lsh.py",
    "total.softmax(2)",
    "torch.zeros_like(total).softmax(2)",
)
@pytest.mark.kills(
    "lsh: keys keep their length",
    "nn/lsh.py",
    "unit: Tensor = wide * (mean + eps).rsqrt() * query.shape[-1] ** -0.5",
    "unit: Tensor = query",
)
@pytest.mark.kills(
    "lsh: a position attends to itself",
    "nn/lsh.py",
    ".masked_fill(own, OWN)",
    "",
)
@pytest.mark.kills(
    "lsh: looks a chunk ahead in place of one back", "nn/lsh.py", "x.roll(-i, dims=2)",
    "x.roll(i, dims=2)",
)  # fmt: skip
def test_it_is_dense_attention_over_what_the_chunks_bring_together(
    name: str, causal: bool, padded: bool
) -> None:
    case = {"num_buckets": 6, **CASES[name]}
    length, rounds, num_buckets = (case.pop(n) for n in ("length", "rounds", "num_buckets"))
    q, v, buckets = drawn(length, rounds, num_buckets or 2)
    if not num_buckets:
        buckets = torch.zeros_like(buckets)
    q.requires_grad_()
    v.requires_grad_()
    keep, rule = None, masks.causal() if causal else None
    if padded:
        keep = torch.rand(B, length) < 0.7
        keep[:, :1] = True
        rule = masks.padding(keep) if rule is None else rule & masks.padding(keep)
    got = lsh_attention(q, v, buckets, rule, **case)
    want, table = dense(q, v, buckets, causal, keep, **case)
    real = torch.ones(B, length, dtype=torch.bool) if keep is None else keep
    asked = real[:, None, :, None].expand_as(got)
    assert_close(got[asked], want[asked], **CLOSE)
    mine, other = (
        torch.autograd.grad(out[asked].sin().sum(), [q, v], retain_graph=True)
        for out in (got, want)
    )
    for g, w in zip(mine, other, strict=True):
        assert_close(g, w, rtol=0.0, atol=1e-10)
    counted = lsh_candidates(buckets, rule, **case)
    kept = real[:, None, :, None].expand_as(counted)
    assert torch.equal(counted[kept], table[kept])


@given(
    st.integers(1, 19), st.integers(1, 3), st.integers(1, 6), st.integers(0, 2), st.integers(0, 2)
)
def test_at_any_sizes(length: int, rounds: int, size: int, before: int, after: int) -> None:
    q, v, buckets = drawn(length, rounds, 4)
    sizes = {"chunk_length": size, "num_before": before, "num_after": after}
    got = lsh_attention(q, v, buckets, masks.causal(), **sizes)
    assert_close(got, dense(q, v, buckets, True, None, **sizes)[0], **CLOSE)


def test_when_every_pair_meets_in_one_chunk_it_is_attention_without_oneself() -> None:
    """With shared queries and keys of length one; the definition by torch alone."""
    q, v, buckets = drawn(9, 2)
    k = torch.nn.functional.normalize(q, dim=-1)
    hidden = torch.eye(9, dtype=torch.bool)
    want = (q @ k.mT).masked_fill(hidden, -math.inf).softmax(-1) @ v
    got = lsh_attention(q, v, buckets, chunk_length=9)
    assert_close(got, want, rtol=0.0, atol=1e-5)  # theirs adds 1e-6 to the mean of the squares


def test_a_chunk_is_a_stretch_of_the_sort_and_not_a_bucket() -> None:
    """Buckets longer than a chunk are cut; several short ones share a chunk."""
    one_bucket = torch.zeros(1, 1, 1, 12, dtype=torch.int64)
    cut = lsh_candidates(one_bucket, chunk_length=3, num_before=0)[0, 0]
    alone = torch.eye(12, dtype=torch.int64)
    assert torch.equal(cut + alone, masks.blocks(3).to_tensor(12, 12).long())
    own_bucket = torch.arange(12).view(1, 1, 1, 12)
    assert torch.equal(lsh_candidates(own_bucket, chunk_length=3, num_before=0)[0, 0], cut)


def test_the_first_token_of_a_causal_text_has_only_itself() -> None:
    q, v, buckets = drawn(24, 3)
    got = lsh_attention(q, v, buckets, masks.causal(), chunk_length=4)
    assert_close(got[:, :, 0], v[:, :, 0], **CLOSE)
    table = lsh_candidates(buckets, masks.causal(), chunk_length=4)
    only = table.sum(-1) == table.diagonal(dim1=2, dim2=3)
    assert_close(got[only], v[only], **CLOSE)


def test_no_later_value_comes_in_but_later_tokens_change_who_is_seen() -> None:
    """The gradient says what flows; the candidates say what is sorted."""
    q, v, buckets = drawn(32, 2)
    v.requires_grad_()
    q.requires_grad_()
    at = 11
    out = lsh_attention(q, v, buckets, masks.causal(), chunk_length=4)[:, :, at]
    for slope in torch.autograd.grad(out.sin().sum(), [q, v]):
        assert slope[:, :, at + 1 :].abs().max() == 0
        assert slope[:, :, : at + 1].abs().max() > 0
    other = buckets.clone()
    other[..., at + 1 :] = 0
    changed = lsh_attention(q, v, other, masks.causal(), chunk_length=4)[:, :, at]
    assert not torch.allclose(out, changed)


def test_more_rounds_come_closer_to_dense_attention() -> None:
    """On clustered vectors; the same values, and all keys but oneself."""
    torch.manual_seed(0)
    centres = 3 * torch.randn(8, 16)
    q = (centres[torch.randint(8, (256,))] + 0.3 * torch.randn(256, 16))[None, None]
    v = torch.randn(1, 1, 256, 16)
    full = lsh_attention(q, v, torch.zeros(1, 1, 1, 256).long(), chunk_length=256)
    apart = []
    for rounds in (1, 2, 4, 8):
        buckets = hash_buckets(q, random_rotations(1, 16, rounds, 16), 16)
        got = lsh_attention(q, v, buckets, chunk_length=16)
        apart.append((got - full).square().mean().item())
    assert all(later < 0.9 * sooner for sooner, later in pairwise(apart))


def test_the_work_grows_with_the_length_and_not_with_its_square() -> None:
    def products(length: int) -> int:
        q, v, buckets = drawn(length, 2)
        with FlopCounterMode(display=False) as counted:
            lsh_attention(q, v, buckets, masks.causal(), chunk_length=8)
        return counted.get_total_flops()

    one = products(64)
    assert products(128) == 2 * one
    assert products(512) == 8 * one
    assert one == 2 * B * H * (2 * 64) * 16 * (E + V)


def test_dropout_takes_weights_and_keeps_the_mean() -> None:
    q, v, buckets = drawn(24, 2)
    calm = lsh_attention(q, v, buckets, chunk_length=4)
    torch.manual_seed(1)
    runs = torch.stack([lsh_attention(q, v, buckets, chunk_length=4, dropout=0.3)
                        for _ in range(600)])  # fmt: skip
    assert runs.std(0).min() > 0
    assert_close(runs.mean(0), calm, rtol=0.0, atol=0.35)
    assert (runs.mean(0) - calm).abs().mean() < 0.03


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_in_half_precision_it_is_finite_and_close(dtype: torch.dtype) -> None:
    q, v, buckets = drawn(24, 2)
    got = lsh_attention(q.to(dtype), v.to(dtype), buckets, masks.causal(), chunk_length=4)
    want = lsh_attention(q, v, buckets, masks.causal(), chunk_length=4)
    assert got.dtype == dtype
    assert_close(got.double(), want, rtol=0.0, atol=0.08)


def test_other_rules_of_positions_count_where_tokens_stand() -> None:
    q, v, buckets = drawn(24, 2)
    rule: Mask = masks.causal() & (masks.sliding_window(6) | masks.strided(5))
    table = lsh_candidates(buckets, rule, chunk_length=4)
    other = torch.eye(24, dtype=torch.bool) | rule.to_tensor(24, 24)
    assert not (table * ~other).any()
    assert_close(
        lsh_attention(q, v, buckets, rule, chunk_length=4),
        lsh_attention(
            q, v, buckets, masks.padding(torch.ones(B, 24).bool()) & rule, chunk_length=4
        ),
        **CLOSE,
    )


def test_nothing_comes_of_nothing() -> None:
    buckets = torch.zeros(B, H, 1, 0, dtype=torch.int64)
    q, v = torch.zeros(B, H, 0, E), torch.zeros(B, H, 0, V)
    assert lsh_attention(q, v, buckets).shape == (B, H, 0, V)
    assert lsh_candidates(buckets).shape == (B, H, 0, 0)


@pytest.mark.plain
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"query": torch.zeros(2, 3, 8)}, r"query should have shape \(B, H, T, E\)"),
        ({"value": torch.zeros(B, H, 7, V)}, r"value should have shape \(B=2, H=3, T=8, V\)"),
        ({"value": torch.zeros(B, H, 8, V).double()}, "value should have the dtype of the query"),
        (
            {"buckets": torch.zeros(B, H, 8).long()},
            r"buckets should have shape \(B=2, H=3, R, T=8\)",
        ),
        ({"buckets": torch.zeros(B, H, 1, 8)}, "buckets should hold int64 numbers"),
        ({"mask": torch.ones(8, 8).bool()}, "mask should be made of padding and of rules"),
        (
            {"mask": masks.causal() & torch.ones(8, 8).bool()},
            "mask should be made of padding and of rules without tensors",
        ),
        ({"mask": ~masks.padding(torch.ones(B, 8).bool())}, "mask should be made of padding"),
        ({"mask": masks.padding(torch.ones(B, 9).bool())}, r"keep should have shape \(B=2, S=8\)"),
        ({"chunk_length": 0}, "chunk_length should be a positive whole number, got 0"),
        ({"num_before": -1}, "num_before should be .*whole number.*, got -1"),
        ({"num_after": 0.5}, "num_after should be .*whole number.*, got 0.5"),
        ({"dropout": 1.0}, "dropout should"),
    ],
)
def test_what_does_not_fit_is_refused(changed: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {
        "query": torch.zeros(B, H, 8, E), "value": torch.zeros(B, H, 8, V),
        "buckets": torch.zeros(B, H, 1, 8).long(), "chunk_length": 4,
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        lsh_attention(**{**given, **changed})


def test_an_export_is_refused() -> None:
    """The order is that of the example's numbers, and a branch would be burnt in."""

    class Alone(torch.nn.Module):
        def forward(self, x: Tensor, buckets: Tensor) -> Tensor:
            return lsh_attention(x, x, buckets, chunk_length=4)

    q, _, buckets = drawn(8, 1)
    with pytest.raises(Exception, match="an export cannot sort by what comes"):
        torch.export.export(Alone(), (q, buckets))
