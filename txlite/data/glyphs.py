"""Letters as pictures: the same characters in the typefaces that come with matplotlib.

A character keeps its meaning from one typeface to another and loses its exact shape, which makes
a small, real and honest task: find the letter that a sign in another hand stands for. The faces
are the DejaVu family, which every installation of matplotlib has, so nothing is downloaded.

Sources
    The DejaVu fonts (free, https://dejavu-fonts.github.io/License.html) as shipped by matplotlib.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import torch
from jaxtyping import Float
from matplotlib.ft2font import FT2Font
from torch import Tensor

from txlite._checks import check_choice, check_positive

__all__ = ["FACES", "distinct", "drawable", "glyphs"]

FACES = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSans-BoldOblique",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSansMono-Oblique",
    "DejaVuSansMono-BoldOblique",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-Italic",
    "DejaVuSerif-BoldItalic",
)

_EM = 5 / 6  # height of the letter's em square, as a share of the picture's side


def drawable(characters: Sequence[str], faces: Sequence[str] = FACES) -> list[str]:
    """Keep the characters that every one of the faces can draw.

    Parameters
    ----------
    characters : sequence of str
        Single characters.
    faces : sequence of str
        Names out of :data:`FACES`.

    Returns
    -------
    list of str
        In the same order.

    Raises
    ------
    ValueError
        If a face is none of :data:`FACES`.

    Examples
    --------
    >>> drawable(["A", "Ж", "我"])
    ['A', 'Ж']
    """
    known = [_codes(face) for face in faces]
    return [c for c in characters if all(ord(c) in codes for codes in known)]


def glyphs(
    characters: Sequence[str], face: str = "DejaVuSans", *, size: int = 24
) -> Float[Tensor, "N size size"]:
    """Draw each character in a square of its own, its ink centred.

    Parameters
    ----------
    characters : sequence of str
        Single characters that the face can draw and that leave some ink.
    face : str
        One of :data:`FACES`.
    size : int
        Side of the square in pixels. The letters' em is five sixths of it; ink that
        nevertheless sticks out is cut off.

    Returns
    -------
    Tensor, shape (N, size, size)
        Ink from 0 (paper) to 1, one picture for each character, on the CPU.

    Raises
    ------
    ValueError
        If the face is unknown, the size is not positive, or a character cannot be drawn.
    """
    check_positive("size", size)
    codes = _codes(face)
    font = FT2Font(str(_folder() / f"{face}.ttf"))
    font.set_size(size * _EM, 72)
    pictures = torch.zeros(len(characters), size, size)
    for picture, character in zip(pictures, characters, strict=True):
        if len(character) != 1 or ord(character) not in codes:
            raise ValueError(f"characters should be drawable in {face}, got {character!r}")
        font.set_text(character)
        font.draw_glyphs_to_bitmap()
        ink = torch.from_numpy(np.array(font.get_image())) / 255
        if not ink.any():
            raise ValueError(f"characters should leave some ink, got {character!r}")
        _centre(picture, ink)
    return pictures


def distinct(characters: Sequence[str], face: str = "DejaVuSans", *, size: int = 24) -> list[str]:
    """Drop each character whose picture is exactly that of an earlier one.

    Latin A, Greek Α and Cyrillic А are three characters and one picture; only the first stays.

    Parameters
    ----------
    characters : sequence of str
        Single characters that the face can draw.
    face : str
        One of :data:`FACES`.
    size : int
        Side of the picture in pixels.

    Returns
    -------
    list of str
        In the same order.

    Raises
    ------
    ValueError
        As :func:`glyphs` does.

    Examples
    --------
    >>> distinct(["A", "Α", "Б", "А"])
    ['A', 'Б']
    """
    pictures = glyphs(characters, face, size=size).flatten(1)
    first: dict[bytes, str] = {}
    for picture, character in zip(pictures, characters, strict=True):
        first.setdefault(picture.numpy().tobytes(), character)
    return list(first.values())


def _centre(picture: Tensor, ink: Tensor) -> None:
    """Write the inked box of ``ink`` into the middle of ``picture``, cutting what is too large."""
    rows, columns = ink.any(1).nonzero().flatten(), ink.any(0).nonzero().flatten()
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    (height, width), side = box.shape, picture.shape[0]
    top, left = max(0, (height - side) // 2), max(0, (width - side) // 2)
    box = box[top : top + side, left : left + side]
    height, width = box.shape
    y, x = (side - height) // 2, (side - width) // 2
    picture[y : y + height, x : x + width] = box


def _folder() -> Path:
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@cache
def _codes(face: str) -> frozenset[int]:
    check_choice("face", face, FACES)
    return frozenset(FT2Font(str(_folder() / f"{face}.ttf")).get_charmap())
