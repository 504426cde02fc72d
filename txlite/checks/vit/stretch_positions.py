"""Exercise: learned positions of a grid, for a picture of another size.

Sources
    Dosovitskiy et al. (2021), "An Image is Worth 16x16 Words", section 3.2: interpolated by where
    they lie in the picture. That a factor may lose a row of patches is known from published code.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from txlite.checks.framework import Exercise, Mistake, Step, halves, normal, swapped

__all__ = ["stretch_positions"]

Sides = tuple[int, int]


def _picture_of(places: Tensor, grid: Sides) -> Tensor:
    return places.mT.reshape(1, -1, *grid)  # (1, D, rows, columns)


def _to_size(picture: Tensor, wanted: Sides) -> Tensor:
    return interpolate(picture, size=wanted, mode="bicubic")


def _by_rows(picture: Tensor) -> Tensor:
    return picture[0].flatten(1).mT


def _first(before: Tensor, places: Tensor) -> Tensor:
    return torch.cat([before, places])


def _stretch_recipe(
    table: Tensor,
    grid: Sides,
    wanted: Sides,
    see: Step = _picture_of,
    resize: Step = _to_size,
    flatten: Step = _by_rows,
    join: Step = _first,
) -> Tensor:
    before, places = table[:1], table[1:]
    stretched: Tensor = join(before, flatten(resize(see(places, grid), wanted)))
    return stretched


def _factors(picture: Tensor, wanted: Sides) -> tuple[float, float]:
    rows, columns = picture.shape[-2:]
    return wanted[0] / rows, wanted[1] / columns


def _by_factor(picture: Tensor, wanted: Sides) -> Tensor:
    return interpolate(picture, scale_factor=_factors(picture, wanted), mode="bicubic")


def _by_one_factor(picture: Tensor, wanted: Sides) -> Tensor:
    factor = _factors(picture, wanted)[0]
    size = [round(side * factor) for side in picture.shape[-2:]]
    return interpolate(picture, size=size, mode="bicubic")


def _resized(**options: Any) -> Step:
    """Return a step that resizes in another way."""
    return lambda picture, wanted: interpolate(picture, size=wanted, **options)


def _square(places: Tensor, grid: Sides) -> Tensor:
    side = math.isqrt(len(places))
    return places.mT.reshape(1, -1, side, side)


def _as_a_line(table: Tensor, grid: Sides, wanted: Sides) -> Tensor:
    length = 1 + wanted[0] * wanted[1]
    return interpolate(table.mT[None], size=length, mode="linear")[0].mT


stretch_positions = Exercise(
    name="stretch_positions",
    signature=(
        "f(table: (1 + rows * columns, D), grid: (rows, columns), wanted: (R, C)) -> (1 + R * C, D)"
    ),
    task=(
        "A table holds the learned position of the class token, then those of a grid of patches, "
        "row by row. Return a table for a grid of exactly so many rows and columns: bicubic "
        "interpolation, corners not aligned, nothing averaged. The class token's row stays first, "
        "as it is."
    ),
    inputs=("table", "grid", "wanted"),
    reference=_stretch_recipe,
    cases=(
        (halves(1, 7, 2), (2, 3), (4, 3)),
        (halves(2, 13, 3), (3, 4), (2, 6)),
        (halves(3, 23, 2), (11, 2), (15, 4)),
        (normal(4, 29, 3), (7, 4), (61, 2)),
    ),
    bank=(
        swapped(
            _stretch_recipe,
            "a factor for the size",
            "The size is given by a factor, and a product such as 11 * (15 / 11) is a little less "
            "than 15: rounded down, a row of patches is left without a position. Say the size.",
            resize=_by_factor,
        ),
        swapped(
            _stretch_recipe,
            "one factor for both sides",
            "Both sides are stretched by as much as the rows are. A picture need not have the "
            "shape of those that the table was learned from.",
            resize=_by_one_factor,
        ),
        swapped(
            _stretch_recipe,
            "height and width exchanged",
            "The new grid has rows for columns. Height comes before width.",
            resize=lambda picture, wanted: _to_size(picture, wanted[::-1]),
        ),
        swapped(
            _stretch_recipe,
            "old grid's sides exchanged",
            "The learned grid is taken to have rows for columns: positions that were neighbours "
            "no longer are.",
            see=lambda places, grid: _picture_of(places, grid[::-1]),
        ),
        swapped(
            _stretch_recipe,
            "reshaped, not transposed",
            "The table (P, D) is reshaped to (D, rows, columns), which moves no number: "
            "coordinates of one position become positions. Transpose first.",
            see=lambda places, grid: places.reshape(1, -1, *grid),
        ),
        swapped(
            _stretch_recipe,
            "a square taken for granted",
            "The grid's side is the square root of the number of positions. That holds for a "
            "square alone.",
            see=_square,
        ),
        swapped(
            _stretch_recipe,
            "column by column",
            "The new positions come column by column, and the patches row by row.",
            flatten=lambda picture: picture[0].mT.flatten(1).mT,
        ),
        Mistake(
            "as a line",
            "The table is stretched as a line, class token and all. Then the end of a row "
            "blends into the beginning of the next one.",
            _as_a_line,
        ),
        swapped(
            _stretch_recipe,
            "corners aligned",
            "The corners of both grids are laid on one another. Patches are squares: what stays "
            "in place is the picture's border, and not the middle of a corner patch.",
            resize=_resized(mode="bicubic", align_corners=True),
        ),
        swapped(
            _stretch_recipe,
            "bilinear",
            "It is bilinear. The published models were stretched bicubic, and their numbers "
            "differ.",
            resize=_resized(mode="bilinear"),
        ),
        swapped(
            _stretch_recipe,
            "nearest",
            "Each new position is a copy of the nearest old one: several patches then stand in "
            "one and the same position.",
            resize=_resized(mode="nearest"),
        ),
        swapped(
            _stretch_recipe,
            "averaged where it shrinks",
            "Where the grid shrinks, it averages over what it leaves out, as image libraries do. "
            "Only the published models with registers want that.",
            resize=_resized(mode="bicubic", antialias=True),
        ),
        swapped(
            _stretch_recipe,
            "class token's row lost",
            "The class token's row is missing. It stands on no grid, and stays as it is.",
            join=lambda before, places: places,
        ),
        swapped(
            _stretch_recipe,
            "class token's row last",
            "The class token's row has moved to the end.",
            join=lambda before, places: torch.cat([places, before]),
        ),
    ),
    praise="A row for each patch, however large the picture is.",
    differentiable=True,
)
