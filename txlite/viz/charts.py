"""Bars and distributions, drawn on axes that are given."""

from collections.abc import Sequence

import torch
from jaxtyping import Shaped
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from torch import Tensor

from txlite.viz.palette import FAINT, INK, MUTED, PALETTE
from txlite.viz.series import COLORS, DASHES, Numbers, floats
from txlite.viz.style import style

__all__ = ["plot_bars", "plot_histogram"]


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
    lengths = floats(values)
    if len(labels) != len(lengths):
        raise ValueError(f"values should be {len(labels)} like the labels, got {len(lengths)}")
    chosen = set(labels if highlight is None else highlight)
    if not chosen <= set(labels):
        raise ValueError(f"highlight should name labels, got {sorted(chosen - set(labels))}")
    with style():
        places = range(len(labels))
        blue = PALETTE["blue"]
        faces = [to_rgba(blue, 1.0 if label in chosen else 0.25) for label in labels]
        bars = ax.barh(places, lengths, height=0.62, color=faces, edgecolor=blue, linewidth=1.2)
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
    samples: Sequence[Shaped[Tensor, "..."]],
    labels: Sequence[str],
    *,
    bins: int = 40,
    limits: tuple[float | int, float | int] | None = None,
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
    if not len(samples) == len(labels) <= len(COLORS):
        raise ValueError(
            f"labels should be as many as the samples, at most {len(COLORS)}, "
            f"got {len(labels)} labels and {len(samples)} samples"
        )
    flat = [sample.detach().cpu().double().flatten() for sample in samples]
    low, high = limits or (min(float(f.min()) for f in flat), max(float(f.max()) for f in flat))
    edges = torch.linspace(low, high, bins + 1, dtype=torch.float64)
    with style():
        for i, (values, label) in enumerate(zip(flat, labels, strict=True)):
            counts = torch.histogram(values, edges)[0]
            density = counts / (len(values) * (high - low) / bins)
            ax.stairs(density.numpy(), edges.numpy(), fill=True, color=COLORS[i], alpha=0.18)
            ax.stairs(
                density.numpy(),
                edges.numpy(),
                label=label,
                color=COLORS[i],
                linestyle=DASHES[i],
                linewidth=1.8,
            )
        ax.set(ylabel="density", ylim=(0, None))
        ax.legend()
