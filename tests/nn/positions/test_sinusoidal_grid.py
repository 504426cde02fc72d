"""Positions on a grid: by definition, and what they must not depend on."""

import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from txlite.nn.positions import sinusoidal_grid

B, H, W, D = 2, 3, 5, 8
CLOSE: dict[str, float] = {"rtol": 0.0, "atol": 1e-9}


def whole(height: int = H, width: int = W) -> Tensor:
    return torch.ones(1, height, width, dtype=torch.bool)


def by_definition(row: int, rows: int, column: int, columns: int, width: int) -> list[float]:
    """One place's vector, by loops; counted from one."""
    vector = []
    for at, of in ((row, rows), (column, columns)):
        share = 2 * math.pi * at / (of + 1e-6)
        for i in range(width // 4):
            angle = share / 10_000 ** (4 * i / width)
            vector += [math.sin(angle), math.cos(angle)]
    return vector


def test_rows_come_first_and_each_is_a_share_of_the_picture() -> None:
    got = sinusoidal_grid(whole(), D, dtype=torch.float64)[0]
    want = [[by_definition(i + 1, H, j + 1, W, D) for j in range(W)] for i in range(H)]
    assert_close(got, torch.tensor(want, dtype=torch.float64), **CLOSE)


def test_a_padded_picture_is_where_it_was_alone() -> None:
    keep = torch.zeros(2, 6, 9, dtype=torch.bool)
    keep[0, :H, :W] = True
    keep[1] = True
    got = sinusoidal_grid(keep, D, dtype=torch.float64)
    assert_close(got[0, :H, :W], sinusoidal_grid(whole(), D, dtype=torch.float64)[0], **CLOSE)
    assert_close(got[1], sinusoidal_grid(whole(6, 9), D, dtype=torch.float64)[0], **CLOSE)
    assert got.isfinite().all()
    assert sinusoidal_grid(~whole(), D).isfinite().all()  # nothing but padding


def test_turning_the_picture_exchanges_the_halves() -> None:
    one = sinusoidal_grid(whole(H, W), D, dtype=torch.float64)
    other = sinusoidal_grid(whole(W, H), D, dtype=torch.float64).transpose(1, 2)
    assert_close(one, torch.cat([other[..., D // 2 :], other[..., : D // 2]], -1), **CLOSE)


def test_a_picture_of_any_size_is_one_turn() -> None:
    small, large = (sinusoidal_grid(whole(n, n), D, dtype=torch.float64) for n in (4, 12))
    assert_close(small[0, 1, 3], large[0, 5, 11], rtol=0, atol=1e-5)  # half, whole


def test_no_two_places_are_alike() -> None:
    flat = sinusoidal_grid(whole(7, 9), 16, dtype=torch.float64).flatten(0, 2)
    apart = torch.cdist(flat, flat) + 9 * torch.eye(63)
    assert apart.min() > 0.01


def test_angles_are_exact_whatever_the_result_is() -> None:
    assert sinusoidal_grid(whole(), D).dtype == torch.float32
    exact = sinusoidal_grid(whole(), D, dtype=torch.float64)
    assert torch.equal(sinusoidal_grid(whole(), D, dtype=torch.float32), exact.float())


@pytest.mark.plain
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keep": whole()[0]}, "keep should have shape (B, H, W), got (3, 5)"),
        ({"keep": whole().float()}, "keep should be a bool tensor"),
        ({"d_model": 6}, "d_model=6 should be a multiple of 4"),
        ({"d_model": 0}, "d_model should be a positive whole number, got 0"),
        ({"base": 1.0}, "base should be a finite number above 1, got 1.0"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        sinusoidal_grid(**{"keep": whole(), "d_model": D, **change})
