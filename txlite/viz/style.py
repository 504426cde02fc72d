"""How every figure of the book looks: calm axes, direct colours, text that stays text.

``figure`` and ``panels`` make figures in this style, ``style`` is the context in which the
pictures of this package draw. None of them changes matplotlib's settings for anything else.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
from cycler import cycler
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure

from txlite._checks import check_positive
from txlite.viz.fonts import font_families
from txlite.viz.palette import ACCENT, FAINT, INK, MUTED, OPPOSITE, PALETTE, PAPER

__all__ = ["DIVERGING", "SEQUENTIAL", "figure", "panels", "style"]

# From nothing at all to the accent: the paper shows through, whatever its colour.
SEQUENTIAL = LinearSegmentedColormap.from_list(
    "txlite", [to_rgba(ACCENT, 0.0), to_rgba(ACCENT, 1.0)]
)
DIVERGING = LinearSegmentedColormap.from_list(
    "txlite-diverging",
    [
        (0.0, to_rgba(OPPOSITE, 1.0)),
        (0.5, to_rgba(OPPOSITE, 0.0)),
        (0.5, to_rgba(ACCENT, 0.0)),
        (1.0, to_rgba(ACCENT, 1.0)),
    ],
)

_SETTINGS: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": MUTED,
    "axes.labelpad": 6.0,
    "axes.labelsize": 10.0,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": cycler(color=list(PALETTE.values())),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlepad": 10.0,
    "axes.titlesize": 11.0,
    "axes.unicode_minus": True,
    "figure.facecolor": "none",
    "font.size": 10.0,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "legend.edgecolor": FAINT,
    "legend.facecolor": PAPER,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "lines.markersize": 5.0,
    "lines.solid_capstyle": "round",
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "txlite",
    "text.color": INK,
    "xtick.color": MUTED,
    "xtick.labelsize": 9.0,
    "xtick.major.size": 0.0,
    "xtick.minor.size": 0.0,
    "ytick.color": MUTED,
    "ytick.labelsize": 9.0,
    "ytick.major.size": 0.0,
    "ytick.minor.size": 0.0,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the book's style inside a ``with`` block, and in the caller's own after it."""
    with matplotlib.rc_context({**_SETTINGS, "font.family": font_families()}):
        yield


def figure(width: float | int = 6.4, height: float | int = 3.2) -> tuple[Figure, Axes]:
    """Make a figure with one pair of axes, in the book's style.

    Parameters
    ----------
    width, height : float
        Size in inches, before the picture is cropped to what it shows. A width of 6.4 fills the
        column of a chapter, with letters as large as those of the text.

    Returns
    -------
    fig : matplotlib.figure.Figure
        To be handed to :func:`txlite.viz.show`.
    ax : matplotlib.axes.Axes
        Where to draw.
    """
    fig, [ax] = panels(1, width=width, height=height)
    return fig, ax


def panels(
    count: int,
    *,
    columns: int | None = None,
    width: float | int = 6.4,
    height: float | int = 2.8,
    sharex: bool = False,
    sharey: bool = False,
    width_ratios: Sequence[float | int] | None = None,
) -> tuple[Figure, list[Axes]]:
    """Make a figure with several pairs of axes side by side, in the book's style.

    Parameters
    ----------
    count : int
        How many pairs of axes.
    columns : int, optional
        How many stand in one row; all of them by default.
    width, height : float
        Size of the whole figure in inches.
    sharex, sharey : bool
        Whether all axes have one scale, labelled only at the edge.
    width_ratios : sequence of float, optional
        Relative widths of the columns; alike by default.

    Returns
    -------
    fig : matplotlib.figure.Figure
        To be handed to :func:`txlite.viz.show`.
    axes : list of matplotlib.axes.Axes
        In reading order, ``count`` of them.

    Raises
    ------
    ValueError
        If ``count`` or ``columns`` is less than one.
    """
    columns = count if columns is None else columns
    check_positive("count", count)
    check_positive("columns", columns)
    rows = math.ceil(count / columns)
    with style():
        fig = plt.figure(figsize=(width, height), layout="compressed")
        grid = fig.subplots(
            rows, columns, squeeze=False, sharex=sharex, sharey=sharey,
            width_ratios=width_ratios,
        )  # fmt: skip
    axes = list(grid.flat)
    for extra in axes[count:]:
        extra.remove()
    return fig, axes[:count]
