"""Exercise: the pinball loss of forecast quantiles.

Sources
    Koenker and Bassett (1978), "Regression Quantiles", equation 3.1: what a quantile minimises.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, normal, swapped

__all__ = ["pinball_loss"]


def _missed(forecasts: Tensor, actual: Tensor) -> Tensor:
    return actual[:, None] - forecasts


def _weighted(missed: Tensor, levels: Tensor) -> Tensor:
    return torch.where(missed > 0, levels * missed, (levels - 1) * missed)


def _mean(losses: Tensor) -> Tensor:
    return losses.mean()


def _pinball_recipe(
    forecasts: Tensor,
    actual: Tensor,
    levels: Tensor,
    missed: Step = _missed,
    weigh: Step = _weighted,
    reduce: Step = _mean,
) -> object:
    return reduce(weigh(missed(forecasts, actual), levels))


def _steepest(missed: Tensor, levels: Tensor) -> Tensor:
    return torch.minimum(levels * missed, (levels - 1) * missed)


def _squared(missed: Tensor, levels: Tensor) -> Tensor:
    return torch.where(missed > 0, levels, 1 - levels) * missed.square()


def _without_sign(missed: Tensor, levels: Tensor) -> Tensor:
    return torch.where(missed > 0, levels * missed, (1 - levels) * missed)


def _case(seed: int, count: int, *levels: float) -> tuple[Tensor, Tensor, Tensor]:
    middle = normal(seed, count, 1)
    forecasts = middle + normal(seed + 1, count, len(levels)).sort(1).values
    actual = (middle + normal(seed + 2, count, 1)).squeeze(1)
    return forecasts, actual, torch.tensor(levels, device="cpu")


pinball_loss = Exercise(
    name="pinball_loss",
    signature="f(forecasts: (N, Q), actual: (N,), levels: (Q,)) -> float",
    task=(
        "forecasts holds, for each of N moments, the quantiles of the Q levels: of 0.9 it says "
        "that nine values in ten lie below. A value above its quantile costs level times the "
        "distance, one below it (1 - level) times the distance. Return the mean over all moments "
        "and levels."
    ),
    inputs=("forecasts", "actual", "levels"),
    reference=_pinball_recipe,
    cases=(
        (
            torch.tensor([[2.0], [5.0]], device="cpu"),
            torch.tensor([6.0, 3.0], device="cpu"),
            torch.tensor([0.9], device="cpu"),
        ),
        (
            torch.tensor([[1.0, 4.0], [0.0, 2.0]], device="cpu"),
            torch.tensor([3.0, 5.0], device="cpu"),
            torch.tensor([0.25, 0.75], device="cpu"),
        ),
        _case(1, 5, 0.1, 0.5, 0.9),
        _case(5, 7, 0.05, 0.3, 0.6, 0.8),
    ),
    bank=(
        swapped(
            _pinball_recipe,
            "the sign swapped",
            "The distance is forecast less actual. So the level 0.9 is trained to lie below nine "
            "values in ten: every quantile is that of 1 - level.",
            missed=lambda forecasts, actual: forecasts - actual[:, None],
        ),
        swapped(
            _pinball_recipe,
            "twice as much",
            "This is twice the loss. With a factor 2 the median's loss is the absolute error; "
            "whoever compares has to say which one it is.",
            weigh=lambda missed, levels: 2 * _weighted(missed, levels),
        ),
        swapped(
            _pinball_recipe,
            "the cheaper side",
            "The smaller of the two products is taken, which is negative. It is the larger one.",
            weigh=_steepest,
        ),
        swapped(
            _pinball_recipe,
            "one side costs nothing",
            "Values below the quantile cost nothing: the best forecast would be infinitely high.",
            weigh=lambda missed, levels: levels * missed.clamp(min=0),
        ),
        swapped(
            _pinball_recipe,
            "negative below",
            "Below the quantile the distance keeps its sign, and lowers the loss.",
            weigh=_without_sign,
        ),
        swapped(
            _pinball_recipe,
            "the same on both sides",
            "The level weighs both sides alike, so that every level's best forecast is the median.",
            weigh=lambda missed, levels: levels * missed.abs(),
        ),
        swapped(
            _pinball_recipe,
            "without levels",
            "This is the mean absolute error: the levels are not in it.",
            weigh=lambda missed, levels: missed.abs(),
        ),
        swapped(
            _pinball_recipe,
            "squared",
            "The distances are squared. The result is an expectile, and not a quantile.",
            weigh=_squared,
        ),
        swapped(
            _pinball_recipe,
            "added over levels",
            "The levels are added up, and only the moments are averaged: more levels, more loss.",
            reduce=lambda losses: losses.sum(1).mean(),
        ),
        swapped(
            _pinball_recipe,
            "added over moments",
            "The moments are added up, and only the levels are averaged.",
            reduce=lambda losses: losses.sum(0).mean(),
        ),
        swapped(
            _pinball_recipe,
            "all added up",
            "The losses are added up and not averaged.",
            reduce=lambda losses: losses.sum(),
        ),
        swapped(
            _pinball_recipe,
            "one for each level",
            "There is a loss for each level; wanted is one number, their mean.",
            reduce=lambda losses: losses.mean(0),
        ),
        swapped(
            _pinball_recipe,
            "the first level alone",
            "The first level alone is scored. A loss over all of them keeps the whole fan honest.",
            reduce=lambda losses: losses[:, 0].mean(),
        ),
    ),
    praise="The least that it can be is where each quantile has its share of values below it.",
    differentiable=True,
)
