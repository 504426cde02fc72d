"""Weights as whole numbers: no entry is off by more than half its scale, and zeros stay zeros."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from txlite.compress import expand_rows, pack_int4, round_rows, unpack_int4


def off_by(weight: Tensor, **choices: Any) -> tuple[Tensor, Tensor]:
    """Return how far each entry is off, in halves of its scale, and the matrix that is meant."""
    codes, scales = round_rows(weight, **choices)
    assert codes.dtype == torch.int8
    assert scales.dtype == torch.float32
    meant = codes.double().reshape(*scales.shape, -1) * scales.double()[..., None]
    meant = meant.reshape(weight.shape)
    own = scales.repeat_interleave(weight.shape[1] // scales.shape[1], dim=1).double()
    apart = (meant - weight.double()).abs()
    return torch.where(own > 0, apart / own.where(own > 0, 1.0) * 2, apart), meant


@given(
    seed=st.integers(0, 99),
    bits=st.sampled_from([4, 8]),
    group=st.sampled_from([None, 3, 4]),
    size=st.sampled_from([1e-30, 1e-6, 1.0, 1e4]),
    dtype=st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64]),
)
def test_no_entry_is_off_by_more_than_half_its_scale(
    seed: int, bits: int, group: int | None, size: float, dtype: torch.dtype
) -> None:
    chance = torch.Generator().manual_seed(seed)
    weight = (torch.randn(5, 12, generator=chance, dtype=torch.float64) * size).to(dtype)
    weight[2] = 0
    found, meant = off_by(weight, bits=bits, group_size=group)
    assert found.max() <= 1 + 1e-4
    assert meant[2].eq(0).all()


@pytest.mark.kills(
    "quantization: the scale in the dtype of the weights",
    "compress/rounding.py",
    "scales = (largest / most).float()",
    "scales = (largest / most).to(weight.dtype).float()",
)
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
@pytest.mark.parametrize("bits", [4, 8])
def test_a_pruned_row_and_a_tiny_one(dtype: torch.dtype, bits: int) -> None:
    # Field case N28: one row is zero, one holds ±1e-6.
    weight = torch.tensor([[0.0, 0, 0], [1e-6, -1e-6, 0], [0.5, -1, 0.25]]).to(dtype)
    found, meant = off_by(weight, bits=bits)
    assert found.max() <= 1 + 1e-4
    assert meant.isfinite().all()
    assert meant[0].eq(0).all()
    assert meant[1, 0] > 0.9e-6
    assert meant[1, 1] < -0.9e-6


@pytest.mark.kills(
    "quantization: a scale that rounds to zero",
    "compress/rounding.py",
    "scales.clamp(min=torch.finfo(torch.float32).tiny)",
    "scales",
)
def test_the_smallest_numbers_there_are() -> None:
    found, meant = off_by(torch.tensor([[1e-37, -1e-37], [1e-45, 0.0]]))
    assert round_rows(torch.tensor([[1e-45, 0.0]])).scales > 0
    assert_close(meant[0], torch.tensor([1e-37, -1e-37], dtype=torch.float64), rtol=0.06, atol=0)
    assert found.max() <= 1 + 1e-4
    assert meant.isfinite().all()


def test_a_group_has_a_scale_of_its_own() -> None:
    weight = torch.tensor([[127.0, 1.0, 0.127, 0.001]])
    assert round_rows(weight).scales.tolist() == [[1.0]]
    codes, scales = round_rows(weight, group_size=2)
    assert codes.tolist() == [[127, 1, 127, 1]]
    assert_close(scales, torch.tensor([[1.0, 0.001]]))
    assert_close(expand_rows(codes, scales), weight)


@pytest.mark.kills(
    "quantization: the halves of a byte change places",
    "compress/rounding.py",
    "(even[:, ::2] + 16 * even[:, 1::2])",
    "(16 * even[:, ::2] + even[:, 1::2])",
)
@pytest.mark.parametrize("columns", [1, 2, 5, 6])
def test_two_codes_share_a_byte(columns: int) -> None:
    codes = torch.randint(-8, 8, (3, columns), dtype=torch.int8)
    packed = pack_int4(codes)
    assert packed.nbytes == 3 * ((columns + 1) // 2)
    assert torch.equal(unpack_int4(packed, columns), codes)


@pytest.mark.plain
def test_what_cannot_be_rounded_is_refused() -> None:
    whole = torch.ones(2, 6)
    for call, message in (
        (lambda: round_rows(whole * torch.nan), r"weight should be finite, got NaN or infinity"),
        (lambda: round_rows(whole, bits=5), r"bits should be 4 or 8, got 5"),
        (lambda: round_rows(whole, group_size=4), r"I=6 should be a multiple of group_size=4"),
        (lambda: round_rows(whole.long()), r"weight should hold floating-point numbers"),
        (lambda: pack_int4((whole * 8).to(torch.int8)), r"codes should lie in \[-8, 8\), got 8"),
        (
            lambda: unpack_int4(torch.ones(2, 3, dtype=torch.uint8), 4),
            r"columns should be 6 or one",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            call()
