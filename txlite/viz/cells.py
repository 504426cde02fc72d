"""The cells of a map: one square for each number, the paper showing through where it is small."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Shaped
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import Colormap
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from torch import Tensor

from txlite._checks import check_shape
from txlite.viz.narrow import Changes, on_narrow
from txlite.viz.palette import FAINT, INK, STRONG
from txlite.viz.style import style

__all__ = ["MANY", "check_words", "draw_cells"]

MANY = 64  # cells along one side above which a map is drawn as pixels
_GAP = 0.05  # between neighbouring cells, as a share of a cell


def check_words(
    name: str, values: Shaped[Tensor, "T S"], rows: Sequence[str], columns: Sequence[str]
) -> None:
    """Require a word for each row and column, or none at all on a side.

    Parameters
    ----------
    name : str
        What the caller calls ``values``.
    values : Tensor
        One number for each cell.
    rows, columns : sequence of str
        The words.

    Raises
    ------
    ValueError
        If words and values differ in number.
    """
    wanted = {axis: len(words) for axis, words in (("T", rows), ("S", columns)) if words}
    check_shape(name, values, "T S", **wanted)


def draw_cells(
    ax: Axes,
    values: Float[Tensor, "T S"],
    rows: Sequence[str],
    columns: Sequence[str],
    colors: Colormap,
    limits: tuple[float | int, float | int],
    numbers: str | None,
) -> None:
    """Draw a map of values, with words at its sides and, where a format is given, numbers in it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    values : Tensor
        One number for each cell.
    rows, columns : sequence of str
        The words beside the rows and above the columns; an empty sequence leaves them out.
    colors : matplotlib.colors.Colormap
        From a share of the limits to a colour.
    limits : tuple of float
        The values that get the first and the last colour.
    numbers : str or None
        The format in which each value is written into its cell, or None to write none.
    """
    grid = values.detach().cpu().double()  # an Apple GPU has no float64
    with style():
        _cells(ax, grid, colors, limits)
        _words(ax, rows, columns)
        if numbers is not None:
            middle: dict[str, Any] = {
                "ha": "center",
                "va": "center",
                "color": STRONG,
                "fontsize": 9,
            }
            places = torch.cartesian_prod(*(torch.arange(n) for n in grid.shape)).tolist()
            texts = [
                ax.text(j, i, _written(float(grid[i, j]), numbers), **middle) for i, j in places
            ]
            on_narrow(ax, lambda changes: _hide_where_too_wide(ax, texts, changes), last=True)


def _cells(
    ax: Axes, grid: Float[Tensor, "T S"], colors: Colormap, limits: tuple[float | int, float | int]
) -> None:
    height, width = grid.shape
    low, high = limits
    shades = colors(((grid - low) / (high - low)).clamp(0, 1).numpy())
    if max(height, width) > MANY:
        ax.imshow(shades, interpolation="none")
    else:
        side = 1 - _GAP
        corners = [(j - side / 2, i - side / 2) for i in range(height) for j in range(width)]
        cells = [Rectangle(corner, side, side) for corner in corners]
        ax.add_collection(
            PatchCollection(
                cells, facecolors=shades.reshape(-1, 4), edgecolors=FAINT, linewidths=0.6
            )
        )
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), aspect="equal")
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)


def _hide_where_too_wide(ax: Axes, texts: Sequence[Text], changes: Changes) -> None:
    """Leave the numbers out of cells that are too small for them: the shades remain."""
    (left, _), (right, _) = ax.transData.transform([(0, 0), (1, 0)])
    if max(text.get_window_extent().width for text in texts) > right - left:
        for text in texts:
            changes.set(text, visible=False)


def _written(number: float, spec: str) -> str:
    text = format(number, spec)
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def _words(ax: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    ax.xaxis.set_label_position("top")
    ax.xaxis.tick_top()
    ax.tick_params(length=0, labelsize=10, labelcolor=INK)
    steep = sum(len(word) for word in columns) > 6 * len(columns)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_xticks(range(len(columns)), list(columns))
    if steep:
        ax.set_xticklabels(list(columns), rotation=45, ha="left", rotation_mode="anchor")
