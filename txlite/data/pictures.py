"""Pictures as numbers: read from a file as a person would look at them, cut square, moved a little.

A file says more than its numbers: which side is up, which pixels are transparent and show what lies
behind, how many bits a value has. Whoever ignores it learns from pictures that nobody has drawn.

Sources
    The EXIF standard (CIPA DC-008), tag 0x0112, "Orientation". The PNG specification (W3C), section
    11.3.1.1, "tRNS". The mean and the deviation of ImageNet's colours are those with which nearly
    all published models of pictures were trained.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from txlite._checks import (
    check_floating,
    check_generator,
    check_number,
    check_positive,
    check_shape,
)

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "LabelledPictures",
    "moved",
    "normalised",
    "read_picture",
    "square",
]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Mean of red, green and blue over ImageNet, of values between 0 and 1."""
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Their standard deviation."""

_DEEP = ("I;16", "I;16B", "I;16L", "I")  # Pillow's names for one channel of 16 bits


@dataclass(frozen=True)
class LabelledPictures:
    """Pictures of one size, and of which kind each is.

    Parameters
    ----------
    pictures : Tensor, shape (N, C, Y, X)
        Values between 0 and 1.
    labels : Tensor of int, shape (N,)
        A number for each.

    Raises
    ------
    ValueError
        If there are not as many labels as pictures.
    """

    pictures: Float[Tensor, "N C Y X"]
    labels: Int[Tensor, " N"]

    def __post_init__(self) -> None:
        count = check_shape("pictures", self.pictures, "N C Y X")["N"]
        check_shape("labels", self.labels, "N", N=count)

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[Tensor]:
        """Give the pictures and then the labels: ``x, y = part``."""
        return iter((self.pictures, self.labels))

    def rows(self, rows: Sequence[int] | Int[Tensor, " M"]) -> "LabelledPictures":
        """Return some of them, in the order of ``rows``."""
        chosen = torch.as_tensor(rows, dtype=torch.long)
        return LabelledPictures(self.pictures[chosen], self.labels[chosen])


def read_picture(
    path: str | Path, *, channels: int = 3, background: float | int = 1.0
) -> Float[Tensor, "C Y X"]:
    """Read a picture as people see it: upright, and over a stated colour where it is transparent.

    Parameters
    ----------
    path : str or Path
        A file of any kind that Pillow reads.
    channels : int
        3 for red, green and blue, or 1 for grey. A grey picture has three equal channels in colour.
    background : float
        The grey that lies behind transparent pixels: 1 is white, 0 black.

    Returns
    -------
    Tensor, shape (C, Y, X)
        Height before width, after the picture was turned as its EXIF orientation says. Values
        between 0 and 1: eight bits are divided by 255, sixteen by 65535.

    Raises
    ------
    ValueError
        If ``channels`` is neither 1 nor 3, ``background`` is outside [0, 1], or the file is no
        picture, or one whose values have no known largest one (floating point).
    ImportError
        If the library Pillow is missing.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if channels not in (1, 3):
        raise ValueError(f"channels should be 1 or 3, got {channels!r}")
    behind = check_number("background", background, "a number in [0, 1]", lambda x: 0 <= x <= 1)
    try:
        with Image.open(path) as opened:
            upright = ImageOps.exif_transpose(opened)
            seen, alpha = _unpacked(upright, "L" if channels == 1 else "RGB", Path(path))
    except UnidentifiedImageError:
        raise ValueError(f"{path} should be a picture, and Pillow cannot tell its kind") from None
    x = torch.from_numpy(np.ascontiguousarray(seen.reshape(*seen.shape[:2], -1))).movedim(-1, 0)
    if x.shape[0] != channels:
        x = x.expand(channels, -1, -1)
    cover = torch.from_numpy(alpha)
    return (x * cover + behind * (1 - cover)).float()


def _unpacked(image: Any, mode: str, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return values and how much they cover, both between 0 and 1, in float64."""
    if image.mode == "F":
        raise ValueError(f"{path} should have whole numbers as values, not floating point")
    if image.mode in _DEEP:
        whole = np.asarray(image).astype(np.float64)
        hidden = image.info.get("transparency")
        alpha = np.ones_like(whole) if hidden is None else (whole != hidden).astype(np.float64)
        return whole / 65535.0, alpha
    covered = image.convert("RGBA") if image.has_transparency_data else image
    alpha = np.ones((image.height, image.width))
    if covered.mode == "RGBA":
        alpha = np.asarray(covered.getchannel("A")) / 255.0
    return np.asarray(covered.convert("RGB").convert(mode)) / 255.0, alpha


def square(picture: Float[Tensor, "C Y X"], side: int) -> Float[Tensor, "C S S"]:
    """Cut the square out of the middle of a picture, and give it another size.

    Parameters
    ----------
    picture : Tensor, shape (C, Y, X)
        Height before width.
    side : int
        Pixels of the new side S.

    Returns
    -------
    Tensor, shape (C, S, S)
        Interpolated bicubic, averaging over what a reduction leaves out, and kept between the
        least and the greatest value of the picture.

    Raises
    ------
    ValueError
        If the shape does not fit, the picture is empty, or ``side`` is not positive.
    """
    sizes = check_shape("picture", picture, "C Y X")
    check_floating("picture", picture)
    side = check_positive("side", side)
    shorter = min(sizes["Y"], sizes["X"])
    if not picture.numel():
        raise ValueError(f"picture should have pixels, got shape {tuple(picture.shape)}")
    top, left = (sizes["Y"] - shorter) // 2, (sizes["X"] - shorter) // 2
    middle = picture[None, :, top : top + shorter, left : left + shorter]
    resized: Tensor = functional.interpolate(
        middle, size=(side, side), mode="bicubic", align_corners=False, antialias=True
    )[0]
    return resized.clamp(float(picture.min()), float(picture.max()))


def normalised(pictures: Float[Tensor, "*B 3 Y X"]) -> Float[Tensor, "*B 3 Y X"]:
    """Subtract ImageNet's mean colour and divide by its deviation, as published models expect.

    Parameters
    ----------
    pictures : Tensor, shape (..., 3, Y, X)
        Values between 0 and 1.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If the third axis from the end has not three channels.
    """
    check_floating("pictures", pictures)
    if pictures.dim() < 3 or pictures.shape[-3] != 3:
        raise ValueError(f"pictures should have shape (..., 3, Y, X), got {tuple(pictures.shape)}")
    mean, std = (pictures.new_tensor(x)[:, None, None] for x in (IMAGENET_MEAN, IMAGENET_STD))
    return (pictures - mean) / std


def moved(
    pictures: Float[Tensor, "B C Y X"],
    generator: torch.Generator,
    *,
    shift: float | int = 0.25,
    turn: float | int = 0.1,
) -> Float[Tensor, "B C Y X"]:
    """Shift and turn every picture by a little, each by its own.

    Parameters
    ----------
    pictures : Tensor, shape (B, C, Y, X)
        What comes in from outside is 0.
    generator : Generator
        On the CPU; it decides how far.
    shift : float
        The largest shift across and down, in pixels.
    turn : float
        The largest angle, in radians.

    Returns
    -------
    Tensor, shape (B, C, Y, X)
        Interpolated linearly between pixels.

    Raises
    ------
    ValueError
        If the shape does not fit, or an extent is negative or not finite.
    """
    sizes = check_shape("pictures", pictures, "B C Y X")
    check_floating("pictures", pictures)
    check_generator("generator", generator)
    extents = [
        check_number(name, x, "a finite number, not negative", lambda x: 0 <= x < float("inf"))
        for name, x in (("shift", shift), ("turn", turn))
    ]
    drawn = 2 * torch.rand(sizes["B"], 3, generator=generator) - 1
    height, width = sizes["Y"], sizes["X"]
    angle = extents[1] * drawn[:, 0]
    cos, sin, ratio = angle.cos(), angle.sin(), height / width
    across, down = (2 * extents[0] * drawn[:, i + 1] / (width, height)[i] for i in (0, 1))
    rows = [
        torch.stack([cos, -sin * ratio, across], dim=1),
        torch.stack([sin / ratio, cos, down], dim=1),
    ]
    where = torch.stack(rows, dim=1).to(pictures)
    grid = functional.affine_grid(where, list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, align_corners=False)
