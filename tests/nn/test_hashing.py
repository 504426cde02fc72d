"""Hashing: the bucket by its definition, and that close vectors share one more often."""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from txlite.nn import choose_num_buckets, hash_buckets, random_rotations

B, H, T, E, R = 2, 3, 7, 5, 4


def vectors() -> Tensor:
    return torch.randn(B, H, T, E, dtype=torch.float64)


@pytest.mark.parametrize("num_buckets", [2, 8, (2, 4), [4, 6, 2]])
@pytest.mark.kills(
    "hashing: the factors' numbers are added", "nn/hashing.py", "buckets += product *", "buckets +="
)
def test_a_bucket_is_the_direction_along_which_a_vector_points_most(num_buckets: Any) -> None:
    x = vectors()
    turns = random_rotations(H, E, R, num_buckets, dtype=torch.float64)
    got = hash_buckets(x, turns, num_buckets)
    assert got.shape == (B, H, R, T)
    factors = num_buckets if isinstance(num_buckets, list | tuple) else [num_buckets]
    for b in range(B):
        for h in range(H):
            for r in range(R):
                for t in range(T):
                    want, product, first = 0, 1, 0
                    for n in factors:
                        along = [
                            float(x[b, h, t] @ turns[h, :, r, first + i]) for i in range(n // 2)
                        ]
                        both = along + [-a for a in along]
                        want += product * both.index(max(both))
                        product, first = product * n, first + n // 2
                    assert got[b, h, r, t] == want
    assert got.max() < math.prod(factors)


def test_the_length_of_a_vector_does_not_matter_and_the_opposite_one_is_elsewhere() -> None:
    x, turns = vectors(), random_rotations(H, E, R, 6, dtype=torch.float64)
    got = hash_buckets(x, turns, 6)
    assert torch.equal(got, hash_buckets(x * torch.rand(B, H, T, 1).double(), turns, 6))
    assert torch.equal((got + 3) % 6, hash_buckets(-x, turns, 6))


def test_close_vectors_share_a_bucket_more_often() -> None:
    """The rate falls with the angle, from all to less than by chance."""
    one = torch.nn.functional.normalize(torch.randn(1, 1, 4000, 8), dim=-1)
    other = torch.randn_like(one)
    other = torch.nn.functional.normalize(other - (other * one).sum(-1, keepdim=True) * one, dim=-1)
    turns, rates = random_rotations(1, 8, 2, 16), []
    for angle in (0.0, 0.2, 0.5, 1.0, math.pi / 2, math.pi):
        turned = math.cos(angle) * one + math.sin(angle) * other
        same = hash_buckets(one, turns, 16) == hash_buckets(turned, turns, 16)
        rates.append(same.float().mean().item())
    assert rates[0] == 1.0
    assert all(a > b + 0.02 for a, b in pairwise(rates))
    assert rates[4] == pytest.approx(1 / 16, abs=0.03)
    assert rates[-1] == 0.0


def test_a_draw_begins_where_its_generator_does() -> None:
    def draw() -> Tensor:
        return random_rotations(H, E, R, (2, 4), generator=torch.Generator().manual_seed(3))

    assert draw().shape == (H, E, R, 3)
    assert torch.equal(draw(), draw())
    torch.manual_seed(3)
    assert torch.equal(draw(), random_rotations(H, E, R, 6))
    assert not torch.equal(draw(), random_rotations(H, E, R, 6))


def test_no_gradient_flows_into_a_bucket() -> None:
    x = vectors().requires_grad_()
    turns = random_rotations(H, E, R, 4, dtype=torch.float64).requires_grad_()
    assert not hash_buckets(x, turns, 4).requires_grad


@pytest.mark.parametrize(
    ("length", "chunk", "longest", "want"),
    [
        (64, 64, None, 2),
        (127, 64, None, 2),
        (128, 64, None, 4),
        (4096, 64, None, 128),
        (8192, 64, None, (16, 16)),
        (8192, 64, 2 * 10**6, 256),
        (24, 2, 24, (4, 4)),
    ],
)
def test_two_buckets_for_each_chunk(
    length: int, chunk: int, longest: int | None, want: int | tuple[int, int]
) -> None:
    assert choose_num_buckets(length, chunk, longest) == want


@pytest.mark.plain
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: choose_num_buckets(3, 4), "length should be at least chunk_length=4, got 3"),
        (lambda: choose_num_buckets(8, 0), "chunk_length should be a positive whole number"),
        (lambda: choose_num_buckets(8, 4, 0), "max_len should be a positive whole number"),
        (lambda: random_rotations(1, 2, 1, 3), "num_buckets should be an even whole number.*got 3"),
        (lambda: random_rotations(1, 2, 1, []), r"num_buckets should be an even .*got \[\]"),
        (lambda: random_rotations(1, 2, 1, (4, 1)), r"num_buckets should be .*got \(4, 1\)"),
        (lambda: random_rotations(1, 2, 0, 4), "num_hashes should be a positive whole number"),
        (lambda: random_rotations(1, 2, 1, 4, generator=7), "generator should be a generator"),
        (
            lambda: hash_buckets(torch.zeros(2, 3, 4), torch.zeros(2, 4, 1, 2), 4),
            r"x should have shape \(B, H, T, E\)",
        ),
        (
            lambda: hash_buckets(torch.zeros(1, 2, 3, 4), torch.zeros(2, 4, 1, 3), 4),
            r"rotations should have shape \(H=2, E=4, R, N=2\)",
        ),
        (
            lambda: hash_buckets(torch.zeros(1, 2, 3, 4).long(), torch.zeros(2, 4, 1, 2), 4),
            "x should hold floating-point numbers, got int64",
        ),
    ],
)
def test_what_cannot_be_hashed_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
