"""Scenes: handwritten digits that are pasted on real photographs, and where each of them stands.

To find things a model needs pictures with several things in them, and the truth about each. So real
parts are put together: digits that people wrote, in several sizes, on crops of photographs that
are made dark. A scene has a few of them. They may overlap a little, and always stand
wholly in the picture. What is held out is held out twice: other digits on other photographs. A
digit's box is the smallest rectangle around its ink.

Sources
    Digits: :mod:`txlite.data.digits`. Photographs: some of those that come with scikit-image.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

from txlite._checks import (
    check_choice,
    check_floating,
    check_generator,
    check_positive,
    check_shape,
)
from txlite.data.digits import digits

__all__ = ["InkedDigits", "Scenes", "inked_digits", "paste", "photographs", "scenes"]

PARTS = ("train", "valid", "test")
PHOTOGRAPHS = {
    "train": ("astronaut", "brick", "camera", "coffee", "grass", "gravel", "moon"),
    "valid": ("coins", "rocket"),
    "test": ("chelsea", "stereo_motorcycle"),
}

_INK = 4 / 16  # what is at least as dark belongs to the digit
_VIEW = 0.375  # the smallest part of a photograph that fills a scene, as a share of its side
_DARK = 0.5  # what is left of a photograph's brightness
_SHARED = 0.25  # the largest part of a box that another one may cover
_SIDE = 128  # to which photographs are made small


class InkedDigits(NamedTuple):
    """Handwritten digits."""

    ink: Float[Tensor, "N 8 8"]
    """From 0 (paper) to 1."""
    labels: Int[Tensor, " N"]
    """Which digit it is."""
    edges: Float[Tensor, "N 4"]
    """Left, top, right and bottom of the ink, as shares of the square."""


class Scenes(NamedTuple):
    """Pictures, and what is in each of them."""

    pictures: Float[Tensor, "N 1 H H"]
    """From 0 (black) to 1."""
    objects: list[tuple[Int[Tensor, " M"], Float[Tensor, "M 4"]]]
    """For each picture the digits, and their boxes: centre x, centre y, width and height, as shares
    of the picture."""


@cache
def inked_digits(part: str) -> InkedDigits:
    """Return the handwritten digits of a part, and where their ink is.

    Parameters
    ----------
    part : str
        ``"train"``, ``"valid"`` or ``"test"``, as in :func:`txlite.data.digits.digits`.

    Returns
    -------
    InkedDigits
        On the CPU.

    Raises
    ------
    ValueError
        If there is no such part.
    ImportError
        If scikit-learn is missing.
    """
    check_choice("part", part, PARTS)
    found = getattr(digits(), part)
    ink = found.pictures[:, 0]
    dark = ink >= _INK
    ends = [_ends(dark.any(axis)) for axis in (1, 2)]  # of columns, of rows
    edges = torch.stack([side[i] for i in (0, 1) for side in ends], dim=1)
    return InkedDigits(ink, found.labels, edges)


@cache
def photographs(part: str) -> Float[Tensor, "P 1 128 128"]:
    """Return the photographs of a part, in grey, their middle square made small.

    Parameters
    ----------
    part : str
        ``"train"`` (7 photographs), ``"valid"`` (2) or ``"test"`` (2).

    Returns
    -------
    Tensor, shape (P, 1, 128, 128)
        From 0 (black) to 1, on the CPU.

    Raises
    ------
    ValueError
        If there is no such part.
    ImportError
        If scikit-image is missing.
    """
    check_choice("part", part, PARTS)
    try:
        from skimage import data
    except ImportError as error:
        told = "photographs needs scikit-image: pip install scikit-image"
        raise ImportError(f"{told} ({error})") from error
    return torch.cat([_grey(getattr(data, name)()) for name in PHOTOGRAPHS[part]])


def scenes(
    count: int,
    part: str = "train",
    *,
    generator: torch.Generator,
    size: int = 48,
    most: int = 4,
    sides: tuple[float, float] = (0.2, 0.4),
) -> Scenes:
    """Draw scenes.

    Parameters
    ----------
    count : int
        How many.
    part : str
        From which digits and photographs: ``"train"``, ``"valid"`` or ``"test"``.
    generator : Generator
        Draws everything, on the CPU: the same numbers on every device.
    size : int
        Height and width of a scene, in pixels.
    most : int
        The largest number of digits in a scene; the smallest is 1, and all are equally likely.
    sides : tuple of float
        Between which two numbers lies the side of a digit's square, as a share of the scene's. The
        digit in it is a little smaller.

    Returns
    -------
    Scenes
        On the CPU.

    Raises
    ------
    ValueError
        If a number is not positive, there is no such part, ``generator`` is none, or ``sides`` are
        not two rising numbers from 0 to 1.
    ImportError
        If scikit-learn or scikit-image is missing.

    Examples
    --------
    >>> drawn = scenes(3, "test", generator=torch.Generator().manual_seed(0))
    >>> drawn.pictures.shape, [len(labels) for labels, _ in drawn.objects]
    (torch.Size([3, 1, 48, 48]), [1, 4, 3])
    """
    count, size = check_positive("count", count), check_positive("size", size)
    most = check_positive("most", most)
    check_generator("generator", generator)
    sides = _check_sides(sides)
    source = inked_digits(part)
    background = _views(photographs(part), count, size, generator)
    numbers = torch.randint(1, most + 1, (count,), generator=generator)
    which = torch.randint(len(source.labels), (count, most), generator=generator)
    squares = torch.rand(count, most, 3, generator=generator)
    there = torch.arange(most) < numbers[:, None]  # (N, M)
    boxes = torch.zeros(count, most, 4)
    again = torch.arange(count)
    while len(again):  # draw anew whatever overlaps too much
        drawn = torch.rand(len(again), most, 3, generator=generator)
        squares[again], boxes[again] = _placed(drawn, source.edges[which[again]], sides)
        again = again[_crowded(boxes[again], there[again])]
    ink = source.ink[which] * there[..., None, None]
    pictures = paste(background, ink, squares)
    labels = source.labels[which]
    kept = [(labels[i, :n], boxes[i, :n]) for i, n in enumerate(numbers.tolist())]
    return Scenes(pictures, kept)


def paste(
    background: Float[Tensor, "N 1 H W"],
    ink: Float[Tensor, "N M I J"],
    squares: Float[Tensor, "N M 3"],
) -> Float[Tensor, "N 1 H W"]:
    """Put pictures of ink on backgrounds, in white.

    Parameters
    ----------
    background : Tensor, shape (N, 1, H, W)
        From 0 (black) to 1.
    ink : Tensor, shape (N, M, I, J)
        From 0 (nothing) to 1 (covers what is below); for each background M of them.
    squares : Tensor, shape (N, M, 3)
        Where each of them is put: left edge, top edge and side, as shares of the background's width
        and height. They need not lie between pixels.

    Returns
    -------
    Tensor, shape (N, 1, H, W)
        What one ink leaves of the background is what the next one covers, so their order does not
        matter.

    Raises
    ------
    ValueError
        If a shape does not fit.
    """
    sizes = check_shape("background", background, "N C H W", C=1)
    check_floating("background", background)
    count = check_shape("ink", ink, "N M I J", N=sizes["N"])["M"]
    check_shape("squares", squares, "N M E", N=sizes["N"], M=count, E=3)
    middle, side = 2 * squares[..., :2] + squares[..., 2:] - 1, squares[..., 2:]
    # For each point of the scene, in [-1, 1], the point of the ink that falls on it.
    turn = torch.zeros(sizes["N"] * count, 2, 3, dtype=ink.dtype, device=ink.device)
    turn[:, [0, 1], [0, 1]] = (1 / side).expand(-1, -1, 2).flatten(0, 1)
    turn[:, :, 2] = (-middle / side).flatten(0, 1)
    one = ink.flatten(0, 1)[:, None]
    grid = affine_grid(turn, [len(turn), 1, sizes["H"], sizes["W"]], align_corners=False)
    cover = grid_sample(one, grid, align_corners=False).view(-1, count, 1, *grid.shape[1:3])
    left: Tensor = (1 - cover).prod(dim=1)  # (N, 1, H, W)
    return background * left + (1 - left)


def _check_sides(sides: Any) -> tuple[float, float]:
    """Return two sides as floats, the smaller first."""
    fits = isinstance(sides, Sequence) and len(sides) == 2
    if not (
        fits and all(isinstance(x, int | float) for x in sides) and 0 < sides[0] <= sides[1] <= 1
    ):
        raise ValueError(f"sides should be two rising numbers from 0 to 1, got {sides!r}")
    return float(sides[0]), float(sides[1])


def _ends(marked: Tensor) -> tuple[Tensor, Tensor]:
    """Return where the first marked of 8 columns begins and the last one ends, as shares."""
    columns = marked.shape[1]
    first = marked.int().argmax(1)
    last = columns - marked.flip(1).int().argmax(1)
    return first / columns, last / columns


def _grey(photograph: Any) -> Tensor:
    """Return a photograph in grey, its middle square, small."""
    if isinstance(photograph, tuple):  # what the left eye of a pair looks at
        photograph = photograph[0]
    x = torch.from_numpy(np.asarray(photograph)).float() / 255
    if x.ndim == 3:
        x = x @ torch.tensor([0.299, 0.587, 0.114])  # luma of ITU-R BT.601
    side = min(x.shape)
    top, left = ((n - side) // 2 for n in x.shape)
    x = x[top : top + side, left : left + side][None, None]
    return interpolate(x, (_SIDE, _SIDE), mode="bilinear", antialias=True).clamp(0, 1)


def _views(photos: Tensor, count: int, size: int, generator: torch.Generator) -> Tensor:
    """Return dark crops of photographs, shape (N, 1, size, size)."""
    which = torch.randint(len(photos), (count,), generator=generator)
    drawn = torch.rand(count, 3, generator=generator)
    share = _VIEW + (1 - _VIEW) * drawn[:, 2]
    middle = (2 * drawn[:, :2] - 1) * (1 - share)[:, None]
    turn = torch.zeros(count, 2, 3)
    turn[:, 0, 0] = turn[:, 1, 1] = share
    turn[:, :, 2] = middle
    views = torch.empty(count, 1, size, size)
    for i in sorted(set(which.tolist())):
        rows, photo = (which == i).nonzero()[:, 0], photos[i]
        grid = affine_grid(turn[rows], [len(rows), 1, size, size], align_corners=False)
        whole = photo.expand(len(rows), -1, -1, -1)
        views[rows] = grid_sample(whole, grid, padding_mode="border", align_corners=False)
    return _DARK * views


def _placed(drawn: Tensor, edges: Tensor, sides: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """Return squares whose ink lies wholly in the scene, and the boxes of the ink."""
    side = sides[0] + (sides[1] - sides[0]) * drawn[..., 2:]
    low, high = side * edges[..., :2], side * edges[..., 2:]  # of the ink, in its square
    corner = drawn[..., :2] * (1 - (high - low)) - low
    return torch.cat([corner, side], -1), torch.cat([corner + (low + high) / 2, high - low], -1)


def _crowded(boxes: Tensor, there: Tensor) -> Tensor:
    """Return for each scene whether too much of a box is covered by another, shape (N,)."""
    low, high = boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2
    both = torch.minimum(high[:, :, None], high[:, None]) - torch.maximum(
        low[:, :, None], low[:, None]
    )
    shared = both.clamp(min=0).prod(-1) / boxes[..., 2:].prod(-1)[:, :, None]  # (N, M, M)
    pairs = there[:, :, None] & there[:, None] & ~torch.eye(there.shape[1], dtype=torch.bool)
    return ((shared > _SHARED) & pairs).flatten(1).any(1)
