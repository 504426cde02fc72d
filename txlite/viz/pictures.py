"""Pictures of attention: who looks at whom, and who may.

Every function draws tensors on axes that it is given. None of them knows a model, makes a figure
or shows one. Rows are queries and columns are keys throughout, as in the formula.
"""

import math
from collections.abc import Sequence
from functools import partial

from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from torch import Tensor

from txlite.viz.cells import MANY, check_words, draw_cells
from txlite.viz.narrow import Changes, on_narrow
from txlite.viz.palette import MUTED, STRONG
from txlite.viz.style import DIVERGING, SEQUENTIAL

__all__ = ["plot_attention", "plot_heads", "plot_mask", "plot_matrix"]


def plot_attention(
    ax: Axes,
    weights: Float[Tensor, "T S"],
    queries: Sequence[str],
    keys: Sequence[str],
    *,
    values: bool = False,
) -> None:
    """Draw one attention map: the darker a cell, the more its query takes from its key.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    weights : Tensor
        Between 0 (clear) and 1 (full colour), on any device.
    queries, keys : sequence of str
        The words beside the rows and above the columns, in any script.
    values : bool
        Whether to write each weight into its cell, to two decimals.

    Raises
    ------
    ValueError
        If the words do not fit the weights, or a weight is not within [0, 1].
    """
    if not ((weights >= -1e-6) & (weights <= 1 + 1e-6)).all():
        raise ValueError(
            f"weights should lie in [0, 1], got {weights.min():.3g} to {weights.max():.3g}"
        )
    check_words("weights", weights, queries, keys)
    draw_cells(ax, weights, queries, keys, SEQUENTIAL, (0.0, 1.0), ".2f" if values else None)
    ax.set(xlabel="key", ylabel="query")


def plot_matrix(
    ax: Axes,
    values: Float[Tensor, "T S"],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    limit: float | int | None = None,
    numbers: str | None = ".2f",
) -> None:
    """Draw any real matrix: blue above zero, orange below, the paper at zero.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    values : Tensor
        For instance scores, or the vectors of a few words.
    rows, columns : sequence of str
        The words beside the rows and above the columns; an empty sequence leaves them out.
    limit : float, optional
        The size of an entry that gets the full colour; by default that of the largest.
    numbers : str or None
        The format in which each entry is written into its cell, or None to write none.

    Raises
    ------
    ValueError
        If the words do not fit the values.
    """
    check_words("values", values, rows, columns)
    largest = float(values.detach().abs().max()) if limit is None else limit
    largest = largest or 1.0
    draw_cells(ax, values, rows, columns, DIVERGING, (-largest, largest), numbers)


def plot_mask(
    ax: Axes, allowed: Bool[Tensor, "T S"], queries: Sequence[str] = (), keys: Sequence[str] = ()
) -> None:
    """Draw a mask: a full cell with a dot where the query may attend to the key, else a cross.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    allowed : Tensor
        True where the query may attend.
    queries, keys : sequence of str, optional
        The words beside the rows and above the columns; positions 0, 1, … where left out.

    Raises
    ------
    ValueError
        If the words do not fit the mask.
    """
    check_words("allowed", allowed, queries, keys)
    rows = queries or _positions(allowed.size(0))
    columns = keys or _positions(allowed.size(1))
    draw_cells(ax, allowed.cpu() * 0.75, rows, columns, SEQUENTIAL, (0.0, 1.0), None)
    if max(allowed.shape) <= MANY // 2:
        yes, no = allowed.cpu().nonzero().T, (~allowed.cpu()).nonzero().T
        ax.scatter(yes[1], yes[0], s=14, color=STRONG, linewidths=0)
        ax.scatter(no[1], no[0], s=10, marker="x", color=MUTED, alpha=0.5, linewidths=0.8)
    ax.set(xlabel="key", ylabel="query")


def plot_heads(
    axes: Sequence[Axes],
    weights: Float[Tensor, "H T S"],
    queries: Sequence[str],
    keys: Sequence[str],
    *,
    titles: Sequence[str] | None = None,
) -> None:
    """Draw one attention map for each head, with the words only at the outer edge.

    Parameters
    ----------
    axes : sequence of matplotlib.axes.Axes
        One for each head, in reading order.
    weights : Tensor
        Between 0 and 1.
    queries, keys : sequence of str
        The words beside the rows and above the columns.
    titles : sequence of str, optional
        The heads' names; "head 1", "head 2", … by default.

    Raises
    ------
    ValueError
        If axes, titles and weights differ in number, or the words do not fit.
    """
    names = [f"head {h + 1}" for h in range(len(weights))] if titles is None else titles
    if not len(axes) == len(names) == len(weights):
        raise ValueError(
            f"axes and titles should be as many as the heads, H={len(weights)}, "
            f"got {len(axes)} axes and {len(names)} titles"
        )
    for ax, name, head in zip(axes, names, weights, strict=True):
        plot_attention(ax, head, queries, keys)
        ax.set_title(name, loc="center", fontsize=10)
        ax.set(xlabel="", ylabel="")
        _words_at_edges(ax, queries, keys)
        on_narrow(ax, partial(_edges_again, ax, queries, keys))


def _words_at_edges(ax: Axes, queries: Sequence[str], keys: Sequence[str]) -> None:
    place = ax.get_subplotspec()
    ax.set_yticklabels(queries if place is None or place.is_first_col() else [])
    ax.set_xticklabels(keys if place is None or place.is_first_row() else [])


def _edges_again(ax: Axes, queries: Sequence[str], keys: Sequence[str], changes: Changes) -> None:
    for axis in (ax.xaxis, ax.yaxis):
        before = axis.get_major_formatter()
        changes.do(lambda: None, partial(axis.set_major_formatter, before))
    _words_at_edges(ax, queries, keys)


def _positions(count: int) -> list[str]:
    step = math.ceil(count / 16)  # more names than that would run into each other
    return [str(i) if i % step == 0 else "" for i in range(count)]
