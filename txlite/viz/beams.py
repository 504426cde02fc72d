"""The tree of a beam search: recorded from a model, searched again, and drawn.

A model cannot come into a page, but what it said can. :func:`explore` writes down the continuations
that any search with few beams will ask for, and :func:`search` is beam search over such a record:
what the live figure does in the browser, in Python.

Sources
    Freitag & Al-Onaizan (2017), "Beam Search Strategies for Neural Machine Translation", section 2.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_positive
from txlite.viz.narrow import PHONE, SMALLEST, Changes, on_narrow
from txlite.viz.palette import PALETTE

__all__ = ["Candidate", "Ended", "Record", "explore", "plot_beams", "search"]

_INDENT, _ROW = 16.0, 0.19  # CSS pixels, inches: a candidate's line on a phone
Path = tuple[int, ...]
Record = Mapping[str, Sequence[Sequence[float | int]]]
"""From a beginning, "5,7", to its best continuations [token, log-probability], best first."""


class Candidate(NamedTuple):
    """One of the 2 K extensions that a step looks at; it "goes on", "ends" or is "dropped"."""

    path: Path
    log_prob: float
    fate: str


class Ended(NamedTuple):
    """A finished sentence, its log-probability, and that divided by a power of its length."""

    path: Path
    log_prob: float
    score: float


def _key(path: Path) -> str:
    return ",".join(map(str, path))


def explore(
    log_probs: Callable[[list[int]], Float[Tensor, " V"]], *, eos_id: int, max_len: int, most: int
) -> dict[str, list[list[float | int]]]:
    """Ask a model for all that searches with up to ``most`` beams will want to know.

    Parameters
    ----------
    log_probs : callable
        From the tokens written so far, log-probabilities (V,) of the next.
    eos_id : int
        The token that ends a sentence.
    max_len : int
        How many tokens a sentence may have, the end token included.
    most : int
        The largest number of beams.

    Returns
    -------
    dict of str to list of [int, float]
        For each beginning its ``2 * most`` best continuations, rounded to six digits.

    Raises
    ------
    ValueError
        If ``max_len`` or ``most`` is not positive.
    """
    check_positive("max_len", max_len)
    check_positive("most", most)
    record: dict[str, list[list[float | int]]] = {}
    for num_beams in range(1, most + 1):
        beams: list[tuple[Path, float]] = [((), 0.0)]
        for length in range(1, max_len + 1):
            for path, _ in beams:
                if _key(path) not in record:
                    row = log_probs(list(path)).double()
                    best = row.topk(min(2 * most, len(row)))
                    pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
                    record[_key(path)] = [[token, round(value, 6)] for token, value in pairs]
            step = _step(record, beams, num_beams, eos_id, length == max_len)
            beams = [(c.path, c.log_prob) for c in step if c.fate == "goes on"]
    return record


def _step(
    record: Record, beams: list[tuple[Path, float]], num_beams: int, eos_id: int, last: bool
) -> list[Candidate]:
    """Extend all beams; say of the 2 K best extensions what becomes of them."""
    reached = [
        ((*path, int(token)), log_prob + more)
        for path, log_prob in beams
        for token, more in record[_key(path)]
    ]
    reached.sort(key=lambda pair: -pair[1])
    found, going = [], 0
    for rank, (path, log_prob) in enumerate(reached[: 2 * num_beams]):
        over, fate = last or path[-1] == eos_id, "dropped"
        if over and rank < num_beams:
            fate = "ends"
        elif not over and going < num_beams:
            fate, going = "goes on", going + 1
        found.append(Candidate(path, log_prob, fate))
    return found


def search(
    record: Record, *, eos_id: int, max_len: int, num_beams: int, length_penalty: float | int
) -> tuple[list[list[Candidate]], list[Ended]]:
    """Search the recorded continuations, as :func:`txlite.generation.beam_search` would the model.

    Parameters
    ----------
    record : mapping
        What :func:`explore` returned.
    eos_id : int
        As for :func:`explore`.
    max_len : int
        As for :func:`explore`.
    num_beams : int
        At most what was explored.
    length_penalty : float
        The power of the length by which a log-probability is divided.

    Returns
    -------
    steps : list of list of Candidate
        What each step looked at, best first.
    ended : list of Ended
        The finished sentences, best first.

    Raises
    ------
    ValueError
        If ``num_beams`` or ``max_len`` is not positive.
    """
    check_positive("num_beams", num_beams)
    check_positive("max_len", max_len)
    beams: list[tuple[Path, float]] = [((), 0.0)]
    steps: list[list[Candidate]] = []
    ended: list[Ended] = []
    for length in range(1, max_len + 1):
        step = _step(record, beams, num_beams, eos_id, length == max_len)
        steps.append(step)
        new = [c for c in step if c.fate == "ends"]
        ended += [Ended(c.path, c.log_prob, c.log_prob / length**length_penalty) for c in new]
        ended = sorted(ended, key=lambda e: -e.score)[:num_beams]
        beams = [(c.path, c.log_prob) for c in step if c.fate == "goes on"]
        worst = ended[-1].score if len(ended) == num_beams else -math.inf
        if not beams or beams[0][1] / length**length_penalty <= worst:
            break
    return steps, ended


def plot_beams(ax: Any, steps: Sequence[Sequence[Candidate]], words: Mapping[int, str]) -> None:
    """Draw the tree of a search: a column for each step, the best candidate on top.

    On a phone it is a list: each candidate on a line of its own, below the one that it extends.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    steps : sequence of sequences of Candidate
        What :func:`search` returned.
    words : mapping of int to str
        How to write a token.
    """
    look = {"goes on": PALETTE["blue"], "ends": PALETTE["rust"], "dropped": "0.45"}
    places: dict[Path, tuple[float, float]] = {(): (-1.0, 0.0)}
    drawn: dict[Path, tuple[Any, Any]] = {}
    for column, step in enumerate(steps):
        for row, (path, log_prob, fate) in enumerate(step):
            x, y = places[path[:-1]]
            faint, color = fate == "dropped", look[fate]
            width, alpha = (0.6, 0.4) if faint else (1.6, 1.0)
            (line,) = ax.plot([x + 0.82, column], [y, -row], color=color, lw=width, alpha=alpha)
            label = f"{words[path[-1]]}  {log_prob:.1f}".replace("-", "−")
            size = 8.0 if faint else 9.5
            text = ax.text(column + 0.04, -row, label, va="center", color=color, fontsize=size)
            drawn[path] = line, text
            if fate == "goes on":
                places[path] = (column, -float(row))
    ax.set_xlim(-0.25, len(steps))
    ax.set_ylim(0.6 - max(map(len, steps)), 0.6)
    ax.set_axis_off()
    on_narrow(ax, lambda changes: _as_list(ax, drawn, changes), last=True)


def _as_list(ax: Any, drawn: Mapping[Path, tuple[Any, Any]], changes: Changes) -> None:
    """Put each candidate on a line of its own, indented by its length."""
    order = _below((), [*drawn])
    height = _ROW * (len(order) + 1)
    levels = {path: -float(n) for n, path in enumerate(order)} | {(): 0.0}
    for path in order:
        line, text = drawn[path]
        x, y = _INDENT * len(path), levels[path]
        above = _INDENT * (len(path) - 1) + 6
        start = levels[path[:-1]] - (0.45 if len(path) > 1 else 0.0)
        changes.set(line, data=([above, above, x], [start, y, y]))
        changes.set(text, position=(x + 3, y), fontsize=max(SMALLEST, text.get_fontsize()))
    changes.set(ax, xlim=(0.0, float(PHONE)), ylim=(0.7 - len(order), 0.7))
    size = ax.figure.get_size_inches()
    grown = partial(ax.figure.set_size_inches, size[0], height)
    changes.do(grown, partial(ax.figure.set_size_inches, *size))


def _below(path: Path, paths: Sequence[Path]) -> list[Path]:
    """Return what extends a path, each followed by what extends it in turn."""
    found = []
    for longer in paths:
        if longer[:-1] == path:
            found += [longer, *_below(longer, paths)]
    return found
