"""Patches of a series: which values they hold, in which order, and by which map."""

import re
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from txlite.nn import SeriesPatches

B, T, C, P, S, D = 2, 11, 3, 4, 3, 5  # all different


def test_by_hand() -> None:
    """Of 0 … 10 in fours every three: 9 + 1 − 4 values fit, and 0 is left out."""
    x = torch.arange(11.0).view(1, 11, 1)
    cut = SeriesPatches(D, P, S).cut(x)
    assert cut.tolist() == [[[[1, 2, 3, 4], [4, 5, 6, 7], [7, 8, 9, 10]]]]
    longer = SeriesPatches(D, P, S, repeat_last=S).cut(x)
    assert longer.tolist() == [[[[1, 2, 3, 4], [4, 5, 6, 7], [7, 8, 9, 10], [10, 10, 10, 10]]]]


@given(
    length=st.integers(1, 30), patch=st.integers(1, 12), stride=st.integers(1, 12),
    repeat=st.integers(0, 5),
)  # fmt: skip
def test_counted_as_they_are_cut(length: int, patch: int, stride: int, repeat: int) -> None:
    """By loops: from the newest end backwards, as long as one fits."""
    module = SeriesPatches(D, patch, stride, repeat_last=repeat)
    values = [*range(length), *[length - 1] * repeat]
    ends = range(len(values), patch - 1, -stride)
    wanted = [values[end - patch : end] for end in reversed(ends)]
    assert module.count(length) == len(wanted)
    if wanted:
        cut = module.cut(torch.arange(float(length)).view(1, length, 1))
        assert cut[0, 0].tolist() == wanted


@pytest.mark.parametrize("own", [False, True])
def test_each_patch_goes_through_its_channel_s_map(own: bool) -> None:
    module = SeriesPatches(D, P, S, num_channels=C if own else None).double()
    assert len(module.maps) == (C if own else 1)
    x = torch.randn(B, T, C).double()
    out, cut = module(x), module.cut(x)
    assert out.shape == (B, C, 3, D)
    for c in range(C):
        weights: Any = module.maps[c if own else 0]
        assert_close(out[:, c], cut[:, c] @ weights.weight.T + weights.bias)


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    x = torch.randn(B, T, C)
    for module, given_, message in (
        (SeriesPatches(D, P, S), x[0], "x should have shape (B, T, C), got (11, 3)"),
        (SeriesPatches(D, P, S), x[:, :3], "x should have at least patch_length=4 values, got T=3"),
        (SeriesPatches(D, P, S, repeat_last=9), x[:, :0], "x should have at least patch_length=4"),
        (SeriesPatches(D, P, S), x.double(), "x should have the dtype of the weights, float32, go"),
        (SeriesPatches(D, P, S, num_channels=2), x, "x should have shape (B, T, C=2), got (2, 11"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            module(given_)
    for options, message in (
        ({"patch_length": 0}, "patch_length should be a positive whole number, got 0"),
        ({"stride": 0}, "stride should be a positive whole number, got 0"),
        ({"repeat_last": -1}, "repeat_last should be"),
        ({"num_channels": 0}, "num_channels should be a positive whole number, got 0"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            SeriesPatches(**{"d_model": D, "patch_length": P, "stride": S, **options})  # type: ignore[arg-type]
