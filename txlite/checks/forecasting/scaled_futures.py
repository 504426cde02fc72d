"""Exercise: a walk-forward test in which every origin has a scale of its own.

Sources
    Kapoor and Narayanan (2023), "Leakage and the Reproducibility Crisis in Machine-Learning-Based
    Science", section 2.2, L1.2 and L3.1: preprocessing on training and test set, and data from the
    future.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, swapped

__all__ = ["scaled_futures"]


def _before(series: Tensor, origin: int, first: int, horizon: int) -> Tensor:
    return series[:origin]


def _mean(known: Tensor) -> Tensor:
    return known.mean()


def _spread(known: Tensor) -> Tensor:
    return known.std(correction=0)


def _told(series: Tensor, origin: int, horizon: int) -> Tensor:
    return series[origin : origin + horizon]


def _futures_recipe(
    series: Tensor,
    origins: Sequence[int],
    horizon: int,
    known: Step = _before,
    centre: Step = _mean,
    spread: Step = _spread,
    told: Step = _told,
) -> object:
    rows = []
    for origin in origins:
        seen = known(series, origin, origins[0], horizon)
        rows.append((told(series, origin, horizon) - centre(seen)) / spread(seen))
    return torch.stack(rows)


def _walk(seed: int, length: int) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(length, generator=draw, device="cpu").double().cumsum(0) + 10


scaled_futures = Exercise(
    name="scaled_futures",
    signature="f(series: (T,), origins: list of int, horizon: int) -> (N, H)",
    task=(
        "A walk-forward test with N origins: at origin t the values before t are known, and the H "
        "= horizon values from t on are told. Return those of each origin as a model would learn "
        "them: less the mean, and divided by the standard deviation (without Bessel's correction) "
        "of all values that are known at this origin."
    ),
    inputs=("series", "origins", "horizon"),
    reference=_futures_recipe,
    cases=(
        (torch.tensor([1.0, 3.0, 8.0, 6.0, 10.0], dtype=torch.float64, device="cpu"), [3], 2),
        (_walk(1, 9), [4, 6], 2),
        (_walk(2, 15), [6, 8, 11], 3),
        (_walk(3, 22), [7, 11, 12, 18], 4),
    ),
    bank=(
        swapped(
            _futures_recipe,
            "fitted on everything",
            "Mean and deviation are those of the whole series. The scale then knows how high it "
            "will rise: no column looks wrong, and every score is too good.",
            known=lambda series, origin, first, horizon: series,
        ),
        swapped(
            _futures_recipe,
            "fitted on what is told",
            "Each window is scaled by its own mean and deviation: they are those of the test.",
            known=lambda series, origin, first, horizon: series[origin : origin + horizon],
        ),
        swapped(
            _futures_recipe,
            "fitted up to the window's end",
            "The values that are to be told are among those that are known.",
            known=lambda series, origin, first, horizon: series[: origin + horizon],
        ),
        swapped(
            _futures_recipe,
            "one value too far",
            "The value at the origin is taken for known. It is the first one that is to be told.",
            known=lambda series, origin, first, horizon: series[: origin + 1],
        ),
        swapped(
            _futures_recipe,
            "one value too few",
            "The last known value is left out.",
            known=lambda series, origin, first, horizon: series[: origin - 1],
        ),
        swapped(
            _futures_recipe,
            "never fitted again",
            "All origins have the scale of the first one. It leaks nothing, and grows old; asked "
            "was what is known at each origin.",
            known=lambda series, origin, first, horizon: series[:first],
        ),
        swapped(
            _futures_recipe,
            "the last horizon alone",
            "Only the H values before the origin are in the scale. Asked were all that are known.",
            known=lambda series, origin, first, horizon: series[origin - horizon : origin],
        ),
        swapped(
            _futures_recipe,
            "the values known",
            "These are the last known values, scaled. Asked are those that come after them.",
            told=lambda series, origin, horizon: series[origin - horizon : origin],
        ),
        swapped(
            _futures_recipe,
            "one step late",
            "The windows begin one after the origin.",
            told=lambda series, origin, horizon: series[origin + 1 : origin + 1 + horizon],
        ),
        swapped(
            _futures_recipe,
            "not centred",
            "They are divided, and the mean is still in them.",
            centre=lambda known: torch.zeros((), dtype=known.dtype),
        ),
        swapped(
            _futures_recipe,
            "not divided",
            "The mean is taken off, and nothing is divided.",
            spread=lambda known: torch.ones((), dtype=known.dtype),
        ),
        swapped(
            _futures_recipe,
            "Bessel's correction",
            "The deviation is that with one less below, as torch computes it unless told "
            "correction=0.",
            spread=lambda known: known.std(),
        ),
        swapped(
            _futures_recipe,
            "by the variance",
            "They are divided by the variance.",
            spread=lambda known: known.var(correction=0),
        ),
        swapped(
            _futures_recipe,
            "between least and most",
            "They are scaled by the least and the most that is known.",
            centre=lambda known: known.min(),
            spread=lambda known: known.max() - known.min(),
        ),
    ),
    praise="At each origin, what was known there.",
    differentiable=False,
)
