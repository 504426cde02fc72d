"""Curves, bars and distributions, labelled where the eye already is.

Every function draws numbers on axes that it is given. A series is told from the others by three
things at once (colour, dash, marker) and named at its end, so that no reader has to match colours
with a legend.
"""

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from torch import Tensor

from txlite.viz.palette import FAINT, INK, MUTED, PALETTE
from txlite.viz.style import style

__all__ = ["plot_bars", "plot_curves", "plot_histogram"]

Numbers = Sequence[float] | Tensor

_COLORS = list(PALETTE.values())
_DASHES = ["-", (0, (5, 1.6)), (0, (1.2, 1.6)), (0, (6, 1.6, 1.2, 1.6)), (0, (3, 1.2)), "-"]
_MARKERS = ["o", "s", "^", "D", "v", "P"]
_FEW = 16  # points up to which each one is marked


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
    if not len(ys) == len(labels) <= len(_COLORS):
        raise ValueError(
            f"labels should be as many as the curves, at most {len(_COLORS)}, "
            f"got {len(labels)} labels and {len(ys)} curves"
        )
    points, curves = _floats(x), [_floats(y) for y in ys]
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
        for i, curve in enumerate(curves):
            marker = _MARKERS[i] if len(points) <= _FEW else None
            ax.plot(points, curve, color=_COLORS[i], linestyle=_DASHES[i], marker=marker)
        _name_ends(ax, points[-1], [c[-1] for c in curves], labels)


def plot_bars(
    ax: Axes,
    labels: Sequence[str],
    values: Numbers,
    *,
    highlight: Sequence[str] | None = None,
    numbers: str = ".2f",
) -> None:
    """Draw a horizontal bar for each label, with its number at its end, the first label on top.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    labels : sequence of str
        The bars' names, in any script.
    values : sequence of float or Tensor
        One for each label.
    highlight : sequence of str, optional
        The labels whose bars get the full colour; the others, the baselines, stay pale. By
        default all get it.
    numbers : str
        The format of the number at each bar's end.

    Raises
    ------
    ValueError
        If labels and values differ in number, or a highlighted label is none of the labels.
    """
    lengths = _floats(values)
    if len(labels) != len(lengths):
        raise ValueError(f"values should be {len(labels)} like the labels, got {len(lengths)}")
    chosen = set(labels if highlight is None else highlight)
    if not chosen <= set(labels):
        raise ValueError(f"highlight should name labels, got {sorted(chosen - set(labels))}")
    with style():
        places = range(len(labels))
        bars = ax.barh(places, lengths, height=0.62, color=PALETTE["blue"])
        for bar, label in zip(bars, labels, strict=True):
            bar.set_alpha(1.0 if label in chosen else 0.45)
        written = [format(v, numbers).replace("-", "−") for v in lengths]
        ax.bar_label(bars, written, padding=4, color=INK, fontsize=9)
        ax.set_yticks(places, list(labels), color=INK)
        ax.invert_yaxis()
        ax.grid(visible=False)
        ax.grid(axis="x", color=FAINT, linewidth=0.8)
        ax.spines[["bottom", "right", "top"]].set_visible(False)
        ax.axvline(0, color=MUTED, linewidth=0.8)


def plot_histogram(
    ax: Axes,
    samples: Sequence[Tensor],
    labels: Sequence[str],
    *,
    bins: int = 40,
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw the distributions of several samples over each other, as densities.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; label its horizontal axis yourself.
    samples : sequence of Tensor
        One for each distribution, of any shape and device. At most six.
    labels : sequence of str
        The distributions' names.
    bins : int
        How many bins, the same for all samples.
    limits : tuple of float, optional
        Where the bins begin and end; by default they span all samples.

    Raises
    ------
    ValueError
        If samples and labels differ in number, or there are more than six.
    """
    if not len(samples) == len(labels) <= len(_COLORS):
        raise ValueError(
            f"labels should be as many as the samples, at most {len(_COLORS)}, "
            f"got {len(labels)} labels and {len(samples)} samples"
        )
    flat = [sample.detach().double().cpu().flatten() for sample in samples]
    low, high = limits or (min(float(f.min()) for f in flat), max(float(f.max()) for f in flat))
    edges = torch.linspace(low, high, bins + 1, dtype=torch.float64)
    with style():
        for i, (values, label) in enumerate(zip(flat, labels, strict=True)):
            counts = torch.histogram(values, edges)[0]
            density = counts / (len(values) * (high - low) / bins)
            ax.stairs(density.numpy(), edges.numpy(), fill=True, color=_COLORS[i], alpha=0.18)
            ax.stairs(
                density.numpy(),
                edges.numpy(),
                label=label,
                color=_COLORS[i],
                linestyle=_DASHES[i],
                linewidth=1.8,
            )
        ax.set(ylabel="density", ylim=(0, None))
        ax.legend()


def _floats(numbers: Numbers) -> list[float]:
    values = numbers.detach().cpu().tolist() if isinstance(numbers, Tensor) else numbers
    return [float(value) for value in values]


def _name_ends(ax: Axes, x: float, ends: Sequence[float], labels: Sequence[str]) -> None:
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
        for label, y, color in zip(labels, ends, _COLORS, strict=False)
    ]

    def place(_: Axes) -> None:
        dots_per_point = ax.figure.dpi / 72
        heights = [float(ax.transData.transform((x, y))[1]) / dots_per_point for y in ends]
        for name, height, target in zip(names, heights, _spread(heights, 13.0), strict=True):
            name.set_position((14, target - height))

    place(ax)
    ax.callbacks.connect("ylim_changed", place)


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
