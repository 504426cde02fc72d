r"""Positions on a grid: where a place of a picture stands, by its row and its column.

Half of the width says the row, the other half the column, each with sines and cosines as a sentence
has them. What is counted is not places but shares of the picture: its height and its width are both
one turn, 2π, however large it is, and what pads it counts nothing.

Source
    Carion et al. (2020), "End-to-End Object Detection with Transformers", appendix A.4. Details
    that the paper does not tell are those of the authors' code.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from txlite._checks import check_bool, check_number, check_positive, check_shape

__all__ = ["sinusoidal_grid"]

_TINY = 1e-6  # what a picture without a single place is divided by


def sinusoidal_grid(
    keep: Bool[Tensor, "B H W"],
    d_model: int,
    base: float | int = 10_000.0,
    *,
    dtype: torch.dtype | None = None,
) -> Float[Tensor, "B H W D"]:
    r"""Sines and cosines of a place's row and column, as shares of the picture.

    .. math:: y = 2\pi\,\frac{\#\{\text{real rows up to it}\}}{\#\{\text{real rows}\}},\qquad
              PE_{2i} = \sin\!\left(y / \text{base}^{4i/D}\right),\quad
              PE_{2i+1} = \cos\!\left(y / \text{base}^{4i/D}\right)

    and the same of the column in the second half.

    Parameters
    ----------
    keep : Tensor of bool, shape (B, H, W)
        True for a place of the picture, False for padding.
    d_model : int
        Width D, a multiple of 4.
    base : float
        How much more slowly the last hand of each half turns than the first, nearly.
    dtype : torch.dtype, optional
        Of the result; the default is torch's. The angles are float64 in any case.

    Returns
    -------
    Tensor, shape (B, H, W, D)
        A vector for each place.

    Raises
    ------
    ValueError
        If ``keep`` is not a bool tensor of three axes, ``d_model`` is no multiple of 4, or
        ``base`` is not above one.

    References
    ----------
    Carion et al. (2020), appendix A.4. Vaswani et al. (2017), section 3.5.

    Examples
    --------
    >>> keep = torch.ones(1, 2, 4, dtype=torch.bool)
    >>> sinusoidal_grid(keep, 4)[0, :, 3, 1]  # the cosines of half a turn and of a whole one
    tensor([-1.,  1.])
    """
    check_bool("keep", keep)
    check_shape("keep", keep, "B H W")
    d_model = check_positive("d_model", d_model)
    if d_model % 4:
        raise ValueError(f"d_model={d_model} should be a multiple of 4")
    base = check_number("base", base, "a finite number above 1", lambda x: 1.0 < x < math.inf)
    wide = torch.float32 if keep.device.type == "mps" else torch.float64
    hands = base ** (torch.arange(d_model // 4, dtype=wide, device=keep.device) * (-4.0 / d_model))
    halves = []
    for axis in (1, 2):
        counted = keep.to(wide).cumsum(axis)
        last = counted.narrow(axis, counted.shape[axis] - 1, 1)
        angles = (2 * math.pi * counted / (last + _TINY))[..., None] * hands  # (B, H, W, D/4)
        halves.append(torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2))
    return torch.cat(halves, dim=-1).to(dtype or torch.get_default_dtype())
