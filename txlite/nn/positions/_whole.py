"""The check that every scheme shares: positions are whole numbers, for one sequence or many."""

from typing import Any

import torch

from txlite._checks import check_shape, dtype_name

__all__ = ["check_positions"]


def check_positions(name: str, positions: Any) -> None:
    """Require whole numbers of shape (T,), or (B, T) where every sequence has its own.

    Parameters
    ----------
    name : str
        What the caller calls them.
    positions : Tensor
        The tensor to look at.

    Raises
    ------
    ValueError
        If ``positions`` is no tensor, has another number of axes, or holds anything else.
    """
    if not isinstance(positions, torch.Tensor) or positions.ndim not in (1, 2):
        check_shape(name, positions, "B T" if getattr(positions, "ndim", 0) else "T")
    if positions.dtype not in (torch.int32, torch.int64):
        raise ValueError(f"{name} should hold int32 or int64 numbers, got {dtype_name(positions)}")
