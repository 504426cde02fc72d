r"""Weights as small whole numbers: a row, or a group of its entries, shares one scale.

.. math:: s = \frac{\max_i |w_i|}{2^{b-1} - 1},\quad c_i = \operatorname{round}(w_i / s),\quad
          \hat w_i = s\, c_i,\quad |\hat w_i - w_i| \le \frac{s}{2}

The scale is kept in float32 whatever the weights are in: that of a row of ±1e-6 would be zero in
float16, and the row lost. A row of zeros, as a pruned head leaves, has the scale 0 and stays zero.

Sources
    Jacob et al. (2018), "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference", section 2.1 (here without a zero point).
    Dettmers et al. (2022), "LLM.int8()", section 2.1. Frantar et al. (2023), "GPTQ" (groups).
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from txlite._checks import (
    as_whole,
    check_divides,
    check_floating,
    check_length,
    check_positive,
    check_shape,
)

__all__ = ["Rounded", "expand_rows", "pack_int4", "round_rows", "unpack_int4"]


class Rounded(NamedTuple):
    """A matrix as whole numbers and their scales.

    Parameters
    ----------
    codes : Tensor of int8, shape (O, I)
        From −127 to 127, or −7 to 7 with 4 bits.
    scales : Tensor of float32, shape (O, G)
        One for each of the G groups of a row.
    """

    codes: Integer[Tensor, "O I"]
    scales: Float[Tensor, "O G"]


def check_bits(bits: int) -> int:
    """Require 4 or 8.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    if as_whole(bits) not in (4, 8):
        raise ValueError(f"bits should be 4 or 8, got {bits!r}")
    return int(bits)


def round_rows(
    weight: Float[Tensor, "O I"], *, bits: int = 8, group_size: int | None = None
) -> Rounded:
    """Round a matrix to whole numbers, each row or each group of a row by its own scale.

    Parameters
    ----------
    weight : Tensor, shape (O, I)
        Finite numbers.
    bits : int
        8 or 4, the sign included.
    group_size : int, optional
        How many neighbours in a row share a scale; divides I. By default the whole row does.

    Returns
    -------
    Rounded
        Codes and scales. No entry is off by more than half its scale.

    Raises
    ------
    ValueError
        If the weight is no matrix of finite floating-point numbers, ``bits`` is neither 4 nor 8,
        or the groups do not divide.

    References
    ----------
    Jacob et al. (2018), equation (1), with Z = 0.

    Examples
    --------
    >>> codes, scales = round_rows(torch.tensor([[0.0, 0.0], [0.5, -1.27]]))
    >>> codes.tolist(), scales.flatten().tolist()[0]
    ([[0, 0], [50, -127]], 0.0)
    """
    rows, columns = check_shape("weight", weight, "O I").values()
    check_floating("weight", weight)
    bits = check_bits(bits)
    size = columns if group_size is None else check_positive("group_size", group_size)
    check_divides("group_size", size, "I", columns)
    exact = weight.detach().to(torch.promote_types(weight.dtype, torch.float32))
    if not torch.isfinite(exact).all():
        raise ValueError("weight should be finite, got NaN or infinity")
    groups = exact.reshape(rows, columns // size, size)  # (O, G, I / G)
    most = (1 << (bits - 1)) - 1
    largest = groups.abs().amax(-1, keepdim=True)
    scales = (largest / most).float()
    # Divided, the smallest numbers of float32 round to zero; such a scale is never to be one.
    scales = torch.where(largest > 0, scales.clamp(min=torch.finfo(torch.float32).tiny), 0.0)
    divisor = torch.where(scales > 0, scales, 1.0)
    codes = (groups / divisor).round().clamp(-most, most).to(torch.int8)
    return Rounded(codes.reshape(rows, columns), scales[..., 0])


def expand_rows(
    codes: Integer[Tensor, "O I"], scales: Float[Tensor, "O G"]
) -> Float[Tensor, "O I"]:
    """Return the matrix that codes and scales stand for, in float32.

    Parameters
    ----------
    codes : Tensor of int8, shape (O, I)
        Whole numbers.
    scales : Tensor of float32, shape (O, G)
        One for each group of I / G neighbours.

    Returns
    -------
    Tensor, shape (O, I)
        Each code times its scale.

    Raises
    ------
    ValueError
        If the groups do not divide the rows.

    Examples
    --------
    >>> expand_rows(torch.tensor([[3, -7, 1, 0]], dtype=torch.int8), torch.tensor([[0.5, 2.0]]))
    tensor([[ 1.5000, -3.5000,  2.0000,  0.0000]])
    """
    rows, columns = check_shape("codes", codes, "O I").values()
    groups = check_shape("scales", scales, "O G", O=rows)["G"]
    check_divides("G", groups, "I", columns)
    parts = codes.reshape(rows, groups, columns // groups).to(scales.dtype)
    return (parts * scales[..., None]).reshape(rows, columns)


def pack_int4(codes: Integer[Tensor, "O I"]) -> Integer[Tensor, "O P"]:
    """Put two codes of four bits into each byte; without that they would take no less than eight.

    Parameters
    ----------
    codes : Tensor of int8, shape (O, I)
        From −8 to 7.

    Returns
    -------
    Tensor of uint8, shape (O, P)
        P = I / 2, rounded up: the code of an even column in the lower half of a byte, its
        neighbour in the upper half, each 8 larger.

    Raises
    ------
    ValueError
        If a code needs more bits.

    Examples
    --------
    >>> pack_int4(torch.tensor([[-8, 7, 1]], dtype=torch.int8))  # 0 + 16 · 15, 9 + 16 · 8
    tensor([[240, 137]], dtype=torch.uint8)
    """
    columns = check_shape("codes", codes, "O I")["I"]
    if codes.numel() and (codes.min() < -8 or codes.max() > 7):
        raise ValueError(f"codes should lie in [-8, 8), got {codes.min()} to {codes.max()}")
    even = torch.nn.functional.pad(codes, (0, columns % 2)).to(torch.int16) + 8
    return (even[:, ::2] + 16 * even[:, 1::2]).to(torch.uint8)


def unpack_int4(packed: Integer[Tensor, "O P"], columns: int) -> Integer[Tensor, "O I"]:
    """Take the codes out of their bytes again.

    Parameters
    ----------
    packed : Tensor of uint8, shape (O, P)
        What :func:`pack_int4` returned.
    columns : int
        I, how many codes a row had.

    Returns
    -------
    Tensor of int8, shape (O, I)
        The codes.

    Raises
    ------
    ValueError
        If so many columns do not fit into the bytes.

    Examples
    --------
    >>> unpack_int4(torch.tensor([[240, 137]], dtype=torch.uint8), 3)
    tensor([[-8,  7,  1]], dtype=torch.int8)
    """
    rows, pairs = check_shape("packed", packed, "O P").values()
    columns = check_length("columns", columns)
    if (columns + 1) // 2 != pairs:
        raise ValueError(f"columns should be {2 * pairs} or one less, got {columns}")
    wide = packed.to(torch.int32)  # no shifts of bytes: not every runtime has them
    upper = torch.div(wide, 16, rounding_mode="floor")
    both = torch.stack([wide - 16 * upper, upper], dim=-1).reshape(rows, 2 * pairs)
    return (both[:, :columns] - 8).to(torch.int8)
