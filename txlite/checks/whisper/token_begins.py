"""Exercise: when each token begins, by the best way through a map of tokens and time.

Sources
    Sakoe and Chiba (1978), "Dynamic Programming Algorithm Optimization for Spoken Word
    Recognition", section II, without a limit on the slope.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, normal, swapped

__all__ = ["token_begins"]

_BOTH, _DOWN, _RIGHT = (1, 1), (1, 0), (0, 1)
_Path = list[tuple[int, int]]


def _from_the_corner(t: int, s: int) -> bool:
    return t == s == 0


def _warped(
    strength: Tensor,
    steps: tuple[tuple[int, int], ...] = (_BOTH, _DOWN, _RIGHT),
    begin: Step = _from_the_corner,
    sign: int = 1,
) -> _Path:
    rows, columns = strength.shape
    total = [[-float("inf")] * columns for _ in range(rows)]
    came: dict[tuple[int, int], tuple[int, int] | None] = {}
    for t in range(rows):
        for s in range(columns):
            ways: list[tuple[float, tuple[int, int] | None]] = [
                (total[t - a][s - b], (t - a, s - b)) for a, b in steps if t >= a and s >= b
            ]
            if begin(t, s):
                ways.append((0.0, None))
            best, came[t, s] = max(ways, key=lambda way: way[0], default=(-float("inf"), None))
            total[t][s] = best + sign * float(strength[t, s])
    at: tuple[int, int] | None = (rows - 1, columns - 1)
    path: _Path = []
    while at is not None:
        path.append(at)
        at = came[at]
    return path[::-1]


def _first(path: _Path, rows: int) -> list[int]:
    return [min((s for row, s in path if row == t), default=0) for t in range(rows)]


def _last(path: _Path, rows: int) -> list[int]:
    return [max((s for row, s in path if row == t), default=0) for t in range(rows)]


def _begins_recipe(strength: Tensor, walk: Step = _warped, tell: Step = _first) -> Tensor:
    return torch.tensor(tell(walk(strength), len(strength)), device="cpu")


def _step_by_step(strength: Tensor) -> _Path:
    at, path = (0, 0), [(0, 0)]
    corner = (strength.shape[0] - 1, strength.shape[1] - 1)
    while at != corner:
        ways = [(at[0] + a, at[1] + b) for a, b in (_BOTH, _DOWN, _RIGHT)]
        ways = [way for way in ways if way[0] <= corner[0] and way[1] <= corner[1]]
        at = max(ways, key=lambda way: float(strength[way]))
        path.append(at)
    return path


def _each_by_itself(strength: Tensor) -> Tensor:
    return strength.argmax(1)


def _held(strength: Tensor) -> Tensor:
    return strength.argmax(1).cummax(0).values


def _by_vector(strength: Tensor) -> Tensor:
    return strength.argmax(0)


def _evenly(strength: Tensor) -> Tensor:
    rows, columns = strength.shape
    return torch.arange(rows, device="cpu") * columns // rows


def _middle(path: _Path, rows: int) -> list[int]:
    return [(a + b) // 2 for a, b in zip(_first(path, rows), _last(path, rows), strict=True)]


def _after_the_one_before(path: _Path, rows: int) -> list[int]:
    return [0] + [s + 1 for s in _last(path, rows)[:-1]]


_SMALL = torch.tensor([[0.5, -1.0, 2.0, -1.0], [-0.5, 1.5, -2.0, 1.0]], device="cpu")

token_begins = Exercise(
    name="token_begins",
    signature="f(strength: (T, S)) -> (T,) int",
    task=(
        "strength[t, s] says how well token t fits to moment s of the sound; it may be negative. "
        "A way through it goes from the first cell to the last, each step one row down, one "
        "column to the right, or both. Find the way whose strengths add up to the most, and "
        "return the first column of each row on it."
    ),
    inputs=("strength",),
    reference=_begins_recipe,
    cases=(
        (_SMALL,),
        (normal(1, 3, 5),),
        (normal(2, 4, 6),),
        (normal(6, 4, 6),),
        (normal(4, 5, 5),),
        (normal(5, 5, 12),),
    ),
    bank=(
        Mistake(
            "each token by itself",
            "Each token gets the moment at which it is strongest, whatever the others get. Then a "
            "later token may begin before an earlier one: the way runs backwards.",
            _each_by_itself,
        ),
        Mistake(
            "held by the one before",
            "Each token gets its strongest moment, or that of a token before it if that is later. "
            "One token that is wrong and late then moves all that follow.",
            _held,
        ),
        Mistake(
            "the best token of each moment",
            "This is a token for each moment, with nothing that keeps their order. Wanted is a "
            "moment for each token.",
            _by_vector,
        ),
        Mistake(
            "evenly spread",
            "The tokens are spread over the sound evenly, whatever the strengths are.",
            _evenly,
        ),
        swapped(
            _begins_recipe,
            "the best next step",
            "Each step goes to the strongest of its three neighbours. What lies behind a weak "
            "cell is never found: fill the table of the best sums first.",
            walk=_step_by_step,
        ),
        swapped(
            _begins_recipe,
            "the weakest way",
            "This is the way on which the strengths add up to the least. Where cost is wanted, "
            "give minus the strength.",
            walk=lambda strength: _warped(strength, sign=-1),
        ),
        swapped(
            _begins_recipe,
            "no step to both sides",
            "Each step goes down or to the right, never both. Every change of token then passes a "
            "cell more than it has to.",
            walk=lambda strength: _warped(strength, steps=(_DOWN, _RIGHT)),
        ),
        swapped(
            _begins_recipe,
            "one token a moment",
            "No step goes straight down: a moment may hold one token only. A token that makes no "
            "sound, such as a comma, has to take time from another one.",
            walk=lambda strength: _warped(strength, steps=(_BOTH, _RIGHT)),
        ),
        swapped(
            _begins_recipe,
            "begins anywhere",
            "The way may begin in any column of the first row. It begins in the first cell, so "
            "that all of the sound belongs to a token.",
            walk=lambda strength: _warped(strength, begin=lambda t, s: t == 0),
        ),
        swapped(
            _begins_recipe,
            "begins with any token",
            "The way may begin in any row of the first column, so that the first tokens are left "
            "out. It begins in the first cell.",
            walk=lambda strength: _warped(strength, begin=lambda t, s: s == 0),
        ),
        swapped(
            _begins_recipe,
            "where it ends",
            "This is the last column of each token, where it ends.",
            tell=_last,
        ),
        swapped(
            _begins_recipe,
            "its middle",
            "This is the middle between a token's first column and its last one.",
            tell=_middle,
        ),
        swapped(
            _begins_recipe,
            "after the one before has ended",
            "Each token begins one column after the one before has ended. Where the way goes "
            "straight down both share a column.",
            tell=_after_the_one_before,
        ),
    ),
    praise="The best of all ways that never run backwards, and each token begins on it.",
    differentiable=False,
)
