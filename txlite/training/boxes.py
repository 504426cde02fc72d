r"""Boxes: where something stands in a picture, and how much two of them have in common.

A box is (centre x, centre y, width, height), each a share of the picture's width or height, its
padding not counted.

Shape letters
    N, M boxes

Source
    Rezatofighi et al. (2019), "Generalized Intersection over Union", algorithm 1.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_floating, check_shape

__all__ = ["corners", "generalised_iou"]

_SMALLEST = 1e-7  # an area that is divided by is no smaller


def corners(boxes: Float[Tensor, "*N 4"]) -> Float[Tensor, "*N 4"]:
    """Return (left, top, right, bottom) of boxes given by centre and size.

    Parameters
    ----------
    boxes : Tensor, shape (..., 4)
        Centre x, centre y, width, height.

    Returns
    -------
    Tensor, shape (..., 4)
        In the same unit.

    Raises
    ------
    ValueError
        If the last axis does not have four numbers.

    Examples
    --------
    >>> corners(torch.tensor([0.5, 0.25, 0.5, 0.5]))
    tensor([0.2500, 0.0000, 0.7500, 0.5000])
    """
    check_shape("boxes", boxes, "*N E", E=4)
    centre, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([centre - size / 2, centre + size / 2], dim=-1)


def generalised_iou(
    boxes: Float[Tensor, "N 4"], others: Float[Tensor, "M 4"]
) -> Float[Tensor, "N M"]:
    r"""How much two boxes have in common, below zero where that is nothing: the further the lower.

    .. math:: \frac{|A \cap B|}{|A \cup B|} - \frac{|H| - |A \cup B|}{|H|}

    where H is the smallest box around both.

    Parameters
    ----------
    boxes, others : Tensor, shape (N, 4) and (M, 4)
        Centre x, centre y, width, height.

    Returns
    -------
    Tensor, shape (N, M)
        Between −1 and 1; 1 for equal boxes. An area below 10⁻⁷ is divided by as if it were that:
        of two equal points it is 0.

    Raises
    ------
    ValueError
        If a shape is wrong, or a width or height is below zero or no number.

    References
    ----------
    Rezatofighi et al. (2019), algorithm 1.

    Examples
    --------
    >>> one = torch.tensor([[0.25, 0.5, 0.5, 1.0]])  # the left half
    >>> generalised_iou(one, torch.tensor([[0.5, 0.5, 1.0, 1.0], [0.75, 0.5, 0.5, 1.0]]))
    tensor([[0.5000, 0.0000]])
    """
    for name, given in (("boxes", boxes), ("others", others)):
        check_shape(name, given, "N E", E=4)
        check_floating(name, given)
        _check_sizes(name, given, positive=False)
    return _iou(boxes[:, None], others[None])


def _iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Return :func:`generalised_iou` of pairs, shapes (..., 4) that can be broadcast."""
    a, b = corners(boxes), corners(others)
    both = _area(a[..., :2].maximum(b[..., :2]), a[..., 2:].minimum(b[..., 2:]))
    hull = _area(a[..., :2].minimum(b[..., :2]), a[..., 2:].maximum(b[..., 2:]))
    either = boxes[..., 2:].prod(-1) + others[..., 2:].prod(-1) - both
    return both / either.clamp(min=_SMALLEST) - (hull - either) / hull.clamp(min=_SMALLEST)


def _area(low: Tensor, high: Tensor) -> Tensor:
    return (high - low).clamp(min=0).prod(-1)


def _check_sizes(name: str, boxes: Tensor, *, positive: bool) -> None:
    """Refuse sizes below zero, and with ``positive`` those of zero too."""
    sizes = boxes[..., 2:]
    fits = (sizes > 0 if positive else sizes >= 0).all(-1)
    if not bool(fits.all()):
        wanted = "above zero" if positive else "of at least zero"
        first = boxes[~fits][0].tolist()
        raise ValueError(f"{name} should have widths and heights {wanted}, got the box {first}")
