"""A figure for a phone: its axes below each other, as wide as a phone, the letters full size.

A figure that is shrunk to a phone has letters that nobody reads. Here nothing shrinks: the panels
are stacked, long titles are broken into lines, names at the ends of curves go into a legend, words
above columns are turned until they no longer meet. Afterwards the figure is what it was before.
"""

import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, FixedLocator

__all__ = [
    "PHONE",
    "SMALLEST",
    "Changes",
    "fit_width",
    "narrowed",
    "on_narrow",
]

PHONE = 328  # CSS pixels: the column on a screen of 360
SMALLEST = 9.0  # points: twelve CSS pixels
_INCH = 96  # CSS pixels
_PADDING = 0.1  # inches around a picture, both sides together
_MANY = 6  # square panels from which two stand side by side
_WIDE = 2.6  # inches: about what an axes gets beside its labels
_FLAT, _TALL = 1.5, 2.4  # inches: how high a panel of curves may be
_LINE = 0.17  # inches: a row with a word beside it
_ROOM = 0.7  # inches that a panel's title and labels take
_FIRST, _LAST = "tx_narrow_first", "tx_narrow_last"
_ANGLES = (45, 90)  # degrees: how words above narrow columns are turned
_SHARE = 0.36  # of the width, for words beside the rows

Step = Callable[["Changes"], None]


class Changes:
    """Changes of a figure that can be taken back, the last one first."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] = []

    def set(self, artist: Any, **values: Any) -> None:
        """Set properties of an artist, as ``artist.set`` does."""
        old = {name: getattr(artist, f"get_{name}")() for name in values}
        self._undo.append(partial(artist.set, **old))
        artist.set(**values)

    def do(self, act: Callable[[], object], undo: Callable[[], object]) -> None:
        """Call ``act`` now and ``undo`` later."""
        act()
        self._undo.append(undo)

    def take_back(self) -> None:
        """Make all of it undone."""
        while self._undo:
            self._undo.pop()()


def on_narrow(ax: Axes, step: Step, *, last: bool = False) -> None:
    """Have ``step`` called with the changes when the axes have been stacked for a phone.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        What the step changes.
    step : callable
        Makes its changes through the :class:`Changes` that it is given.
    last : bool
        Whether to wait until titles and names are broken into lines.
    """
    vars(ax).setdefault(_LAST if last else _FIRST, []).append(step)


@contextmanager
def narrowed(fig: Figure) -> Iterator[None]:
    """Lay a figure out for a phone inside a ``with`` block; after it the figure is as before.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        Any figure; what the functions of this package have drawn knows how to change.
    """
    changes = Changes()
    try:
        with warnings.catch_warnings():
            # Until long words are broken there may be no room for the axes at all.
            warnings.filterwarnings("ignore", "constrained_layout not applied", UserWarning)
            _lay_out(fig, changes)
        yield
    finally:
        changes.take_back()


def _lay_out(fig: Figure, changes: Changes) -> None:
    _stack(fig, changes)
    turns = (_turn_words,) * len(_ANGLES)
    for step in (_own(_FIRST), _break_rows, *turns, _break_titles, _own(_LAST)):
        fig.draw_without_rendering()
        for ax in fig.axes:
            step(ax, changes)
    _grow(fig, changes)
    fit_width(fig, PHONE, changes)


def _own(when: str) -> Callable[[Axes, Changes], None]:
    """Return what makes the changes that the axes have asked for themselves."""

    def act(ax: Axes, changes: Changes) -> None:
        for step in vars(ax).get(when, ()):
            step(changes)

    return act


def fit_width(fig: Figure, pixels: int, changes: Changes) -> None:
    """Narrow a figure until all that it draws is at most so many CSS pixels wide.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        A figure with a layout that makes room for labels.
    pixels : int
        The width of the column.
    changes : Changes
        Takes note of the size.
    """
    room = (pixels - 1) / _INCH - _PADDING
    for _ in range(4):
        fig.draw_without_rendering()
        excess = fig.get_tightbbox().width - room
        if excess <= 0:
            return
        width, height = fig.get_size_inches()
        if width - excess < 1:
            return
        changes.do(
            partial(fig.set_size_inches, width - excess, height),
            partial(fig.set_size_inches, width, height),
        )


def _stack(fig: Figure, changes: Changes) -> None:
    fig.draw_without_rendering()
    placed: list[Any] = [ax for ax in fig.axes if ax.get_subplotspec() is not None]
    columns = 2 if len(placed) >= _MANY and all(map(_is_map, placed)) else 1
    heights = [_height(fig, ax, changes) for ax in placed]
    rows = [heights[i : i + columns] for i in range(0, len(heights), columns)]
    tall = [max(row) / columns for row in rows]
    old = fig.get_layout_engine()
    changes.do(partial(fig.set_layout_engine, "compressed"), partial(fig.set_layout_engine, old))
    if placed:
        grid = GridSpec(len(rows), columns, figure=fig, height_ratios=tall)
        for i, ax in enumerate(placed):
            spec = grid[i // columns, i % columns]
            before = ax.get_subplotspec()
            changes.do(partial(ax.set_subplotspec, spec), partial(ax.set_subplotspec, before))
            _label_again(ax, placed, changes)
    size = fig.get_size_inches()
    height = sum(tall) + _ROOM * len(tall) if placed else size[1] * PHONE / _INCH / size[0]
    changes.do(
        partial(fig.set_size_inches, PHONE / _INCH, height),
        partial(fig.set_size_inches, *size),
    )


def _grow(fig: Figure, changes: Changes) -> None:
    """Give panels of curves back the height that legends and broken lines have taken."""
    for _ in range(2):
        fig.draw_without_rendering()
        width, height = fig.get_size_inches()
        curves = [ax for ax in fig.axes if not _is_map(ax)]
        lack = sum(max(0.0, _FLAT - ax.get_position().height * height) for ax in curves)
        if lack < 0.05:
            return
        changes.do(
            partial(fig.set_size_inches, width, height + lack),
            partial(fig.set_size_inches, width, height),
        )


def _is_map(ax: Axes) -> bool:
    return ax.get_aspect() != "auto"


def _height(fig: Figure, ax: Axes, changes: Changes) -> float:
    """Return how high the axes should be when they are as wide as a phone.

    A map keeps its shape, unless the words beside its rows would then run into each other.
    """
    width, height = ax.get_position().size * fig.get_size_inches()
    if not _is_map(ax):
        return float(min(max(height, _FLAT), _TALL))
    labels = ax.get_yticklabels() if ax.axison else []  # axes that are off keep theirs, unseen
    words = [label for label in labels if label.get_text()]
    needed, natural = _LINE * len(words), float(_WIDE * height / width)
    if natural < needed:
        changes.set(ax, aspect="auto")
    return min(max(natural, needed, 0.4), 1.3 * _WIDE)


def _label_again(ax: Any, others: Sequence[Any], changes: Changes) -> None:
    """Show the numbers and the name of an axis that a neighbour has shown for all."""
    for axis, side in ((ax.xaxis, "labelbottom"), (ax.yaxis, "labelleft")):
        name = axis.axis_name
        group = getattr(ax, f"get_shared_{name}_axes")().get_siblings(ax)
        if len(group) < 2:
            continue
        shown = axis.get_tick_params("major").get(side, True)
        changes.do(
            partial(ax.tick_params, axis=name, **{side: True}),
            partial(ax.tick_params, axis=name, **{side: shown}),
        )
        named = [text for o in others if o in group if (text := getattr(o, f"get_{name}label")())]
        if named and not axis.label.get_text():
            changes.set(axis.label, text=named[0])


def _break_rows(ax: Axes, changes: Changes) -> None:
    """Break the words beside the rows where they take more than their share."""
    labels = ax.get_yticklabels()
    if isinstance(ax.yaxis.get_major_locator(), FixedLocator) and any(
        label.get_window_extent().width > _SHARE * ax.figure.bbox.width for label in labels
    ):
        lines = [broken(label, _SHARE * ax.figure.bbox.width) for label in labels]
        row = ax.get_window_extent().height / len(lines)
        if max(line.count("\n") + 1 for line in lines) * _LINE * ax.figure.dpi > row:
            return  # they would run into each other
        changes.do(
            partial(ax.yaxis.set_major_formatter, FixedFormatter(lines)),
            partial(ax.yaxis.set_major_formatter, ax.yaxis.get_major_formatter()),
        )


def _break_titles(ax: Axes, changes: Changes) -> None:
    """Break titles and names of axes that are longer than the axes."""
    box = ax.get_window_extent()
    titles = [child for child in ax.get_children() if isinstance(child, Text)]
    titles = [text for text in titles if text not in ax.texts]
    for text, room in (
        *((title, box.width) for title in titles),
        (ax.xaxis.label, box.width),
        (ax.yaxis.label, max(box.height, 100)),
    ):
        if text.get_text():
            changes.set(text, text=broken(text, room))


def broken(text: Text, room: float) -> str:
    """Return what a text says in lines of at most so many dots, broken at spaces.

    Parameters
    ----------
    text : matplotlib.text.Text
        Where the words stand now; it is left as it was.
    room : float
        The longest line, in dots. A single word may be longer.

    Returns
    -------
    str
        The same words; where they fit, unchanged.
    """
    before = text.get_text()
    along = "width" if abs(text.get_rotation()) < 45 else "height"

    def fits(line: str) -> bool:
        text.set_text(line)
        return bool(getattr(text.get_window_extent(), along) <= room)

    lines = [line for part in before.split("\n") for line in _filled(part.split(" "), fits)]
    text.set_text(before)
    return "\n".join(lines)


def _filled(words: list[str], fits: Callable[[str], bool]) -> list[str]:
    lines = [words[0]]
    for word in words[1:]:
        if fits(f"{lines[-1]} {word}"):
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _turn_words(ax: Axes, changes: Changes) -> None:
    """Turn the words along the horizontal axis a step further where they meet."""
    labels = [label for label in ax.get_xticklabels() if label.get_text() and label.get_visible()]
    on_top = ax.xaxis.get_ticks_position() == "top"
    if not _meet(labels, ax.figure.dpi):
        return
    angle = next((a for a in _ANGLES if a > labels[0].get_rotation() % 180), _ANGLES[-1])
    for label in labels:
        changes.set(
            label,
            rotation=angle,
            horizontalalignment="left" if on_top else "right",
            rotation_mode="anchor",
            verticalalignment="center" if angle == 90 else label.get_verticalalignment(),
        )


def _meet(labels: Sequence[Text], dpi: float) -> bool:
    """Tell whether two neighbours overlap: side by side, or as parallel lines that lean."""
    if len(labels) < 2:
        return False
    boxes = [label.get_window_extent() for label in labels]
    angle = math.radians(labels[0].get_rotation() % 180)
    if not angle:
        return any(a.x1 + 4 > b.x0 for a, b in itertools.pairwise(boxes))
    line = float(labels[0].get_fontsize()) * dpi / 72
    steps = [abs(b.x0 - a.x0) for a, b in itertools.pairwise(boxes)]
    return bool(min(steps) * math.sin(angle) < line)
