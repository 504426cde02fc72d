"""Curves over a common axis, each named at its right end, where the eye already is."""

from collections.abc import Sequence
from functools import partial
from statistics import median

from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.transforms import ScaledTranslation

from txlite.viz.narrow import Changes, on_narrow
from txlite.viz.palette import INK
from txlite.viz.series import COLORS, DASHES, MARKERS, Numbers, floats
from txlite.viz.style import style

__all__ = ["plot_curves", "plot_runs"]

_FEW = 16  # points up to which each one is marked
_NAMES = "tx_curves"
_LINE = 13.0  # points that a line of text needs


def plot_curves(
    ax: Axes,
    x: Numbers,
    ys: Sequence[Numbers],
    labels: Sequence[str],
    *,
    logx: bool = False,
    logy: bool = False,
) -> None:
    """Draw curves over one common x, each with its name at its right end.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; label its axes yourself, with units.
    x : sequence of float or Tensor
        The common abscissae, increasing.
    ys : sequence of sequences of float or of Tensors
        One for each curve, as long as ``x``. At most six curves.
    labels : sequence of str
        The curves' names.
    logx, logy : bool
        Whether that axis is logarithmic.

    Raises
    ------
    ValueError
        If a curve is not as long as ``x``, or curves and labels differ in number, or there are
        more than six.
    """
    if not len(ys) == len(labels) <= len(COLORS):
        raise ValueError(
            f"labels should be as many as the curves, at most {len(COLORS)}, "
            f"got {len(labels)} labels and {len(ys)} curves"
        )
    points, curves = floats(x), [floats(y) for y in ys]
    for label, curve in zip(labels, curves, strict=True):
        if len(curve) != len(points):
            raise ValueError(f"{label!r} should have {len(points)} points like x, got {len(curve)}")
    with style():
        if logx:
            ax.set_xscale("log")
            if len(points) <= _FEW // 2:  # the measured places themselves, as plain numbers
                ax.set_xticks(points, [f"{p:g}" for p in points], minor=False)
                ax.minorticks_off()
        if logy:
            ax.set_yscale("log")
        lines = []
        for i, curve in enumerate(curves):
            marker = MARKERS[i] if len(points) <= _FEW else None
            lines += ax.plot(points, curve, color=COLORS[i], linestyle=DASHES[i], marker=marker)
        names = _name_ends(ax, points[-1], [c[-1] for c in curves], labels)
    vars(ax)[_NAMES] = list(labels)
    on_narrow(ax, lambda changes: _hide(names, changes))
    on_narrow(ax, lambda changes: _name_below(ax, lines, labels, changes), last=True)


def plot_runs(
    ax: Axes,
    x: Numbers,
    runs: Sequence[Sequence[Numbers]],
    labels: Sequence[str],
    *,
    logx: bool = False,
    logy: bool = False,
) -> None:
    """Draw the median of several runs as a curve, and a band from the least to the greatest.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw, see :func:`plot_curves`.
    x : sequence of float or Tensor
        The common abscissae, increasing.
    runs : sequence of sequences of sequences of float or of Tensors
        For each curve and each abscissa what the runs have found, in any order.
    labels : sequence of str
        The curves' names.
    logx, logy : bool
        Whether that axis is logarithmic.

    Raises
    ------
    ValueError
        If a curve is not as long as ``x``, or curves and labels differ in number, or there are
        more than six.
    """
    found = [[sorted(floats(point)) for point in curve] for curve in runs]
    before = len(ax.lines)
    medians = [[median(point) for point in curve] for curve in found]
    plot_curves(ax, x, medians, labels, logx=logx, logy=logy)
    for line, curve in zip(ax.lines[before:], found, strict=True):
        low, high = [point[0] for point in curve], [point[-1] for point in curve]
        ax.fill_between(floats(x), low, high, color=line.get_color(), alpha=0.15, linewidth=0)


def _hide(names: Sequence[Annotation], changes: Changes) -> None:
    for name in names:
        changes.set(name, visible=False)


def _name_below(ax: Axes, lines: Sequence[Line2D], labels: Sequence[str], changes: Changes) -> None:
    """Name the curves in a legend below the axes, or below the last of several with these names."""
    others = ax.figure.axes[ax.figure.axes.index(ax) + 1 :]
    if any(vars(other).get(_NAMES) == list(labels) for other in others):
        return
    below = ax.figure.dpi_scale_trans
    box, words = ax.get_window_extent(), ax.xaxis.get_tightbbox()
    drop = (box.y0 - words.y0 if words else 0.0) / ax.figure.dpi + _LINE / 72 / 2
    with style():
        legend = Legend(
            ax,
            lines,
            labels,
            loc="upper left",
            bbox_to_anchor=(0, 0),
            bbox_transform=ax.transAxes + ScaledTranslation(0, -drop, below),
            borderaxespad=0,
            borderpad=0,
            fontsize=9,
            handlelength=2.4,
        )
    legend.set_clip_on(False)  # it stands outside, and the layout makes room for it
    changes.do(partial(ax.add_artist, legend), legend.remove)  # beside one that may be there


def _name_ends(
    ax: Axes, x: float, ends: Sequence[float], labels: Sequence[str]
) -> list[Annotation]:
    names = [
        ax.annotate(
            label,
            (x, y),
            xytext=(14, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=9,
            arrowprops={"arrowstyle": "-", "color": color, "linewidth": 1.0, "shrinkA": 1},
        )
        for label, y, color in zip(labels, ends, COLORS, strict=False)
    ]

    def place(_: Axes) -> None:
        dots_per_point = ax.figure.dpi / 72
        heights = [float(ax.transData.transform((x, y))[1]) / dots_per_point for y in ends]
        for name, height, target in zip(names, heights, _spread(heights, _LINE), strict=True):
            name.set_position((14, target - height))

    place(ax)
    ax.callbacks.connect("ylim_changed", place)
    return names


def _spread(heights: Sequence[float], room: float) -> list[float]:
    """Move heights as little as possible (least squares) until neighbours are ``room`` apart."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    pools: list[list[float]] = []  # isotonic regression: pool adjacent violators
    for rank, i in enumerate(order):
        pools.append([heights[i] - rank * room])
        while len(pools) > 1 and _mean(pools[-2]) >= _mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    levels = [_mean(pool) for pool in pools for _ in pool]
    places = {
        i: level + rank * room for rank, (i, level) in enumerate(zip(order, levels, strict=True))
    }
    return [places[i] for i in range(len(heights))]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
