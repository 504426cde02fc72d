"""Exercise: the mean absolute scaled error of a forecast.

Sources
    Hyndman and Koehler (2006), "Another Look at Measures of Forecast Accuracy", section 2.4: the
    error of a forecast in units of the naive method's error within the sample.
"""

from functools import partial

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, swapped

__all__ = ["scaled_error"]


def _error(future: Tensor, forecast: Tensor) -> Tensor:
    return (future - forecast).abs().mean()


def _seasonal(past: Tensor, future: Tensor, season: int) -> Tensor:
    return (past[season:] - past[:-season]).abs().mean()


def _divided(error: Tensor, scale: Tensor) -> Tensor:
    return error / scale if float(scale) > 0 else torch.full((), torch.nan, dtype=torch.float64)


def _scaled_recipe(
    past: Tensor,
    future: Tensor,
    forecast: Tensor,
    season: int,
    error: Step = _error,
    scale: Step = _seasonal,
    ratio: Step = _divided,
) -> object:
    return ratio(error(future, forecast), scale(past, future, season))


def _of_the_future(past: Tensor, future: Tensor, season: int) -> Tensor:
    both = torch.cat([past, future])
    return (future - both[len(past) - season : -season]).abs().mean()


def _of_the_future_alone(past: Tensor, future: Tensor, season: int) -> Tensor:
    return (future[1:] - future[:-1]).abs().mean()


def _of_everything(past: Tensor, future: Tensor, season: int) -> Tensor:
    return _seasonal(torch.cat([past, future]), future, season)


def _by_all_values(past: Tensor, future: Tensor, season: int) -> Tensor:
    return (past[season:] - past[:-season]).abs().sum() / len(past)


def _trimmed_twice(past: Tensor, future: Tensor, season: int) -> Tensor:
    late = past[season:]
    return _seasonal(late, future, season) if len(late) > season else late.abs().mean() * torch.nan


def _around_the_mean(past: Tensor, future: Tensor, season: int) -> Tensor:
    return (past - past.mean()).abs().mean()


def _small_number(error: Tensor, scale: Tensor) -> Tensor:
    return error / scale.clamp(min=1e-8)


def _steps(seed: int, past: int, horizon: int, season: int) -> tuple[Tensor, Tensor, Tensor, int]:
    draw = torch.Generator().manual_seed(seed)
    values = torch.randint(0, 40, (past + horizon,), generator=draw, device="cpu").double() / 2
    noise = torch.randint(1, 9, (horizon,), generator=draw, device="cpu").double() / 4
    return (
        values[:past],
        values[past:],
        values[past:] + noise * (-1) ** torch.arange(horizon),
        season,
    )


def _row(*values: int | float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, device="cpu")


scaled_error = Exercise(
    name="scaled_error",
    signature="f(past: (T,), future: (H,), forecast: (H,), season: int) -> float",
    task=(
        "Return the mean absolute scaled error: the mean absolute error of the forecast, divided "
        "by that of the seasonal-naive rule over the past, which says of every value of the past "
        "that has one a season before it that it will be that one. NaN where the rule makes no "
        "error, for there the score is undefined."
    ),
    inputs=("past", "future", "forecast", "season"),
    reference=_scaled_recipe,
    cases=(
        (_row(1, 2, 4, 8, 9), _row(10, 13), _row(11, 11), 1),
        (_row(3, 8, 4, 10, 7, 11), _row(6, 14, 9), _row(5, 12, 13), 2),
        _steps(1, 13, 5, 4),
        _steps(2, 17, 8, 3),
        (_row(0, 0, 0, 0, 0, 0), _row(0, 3, 1), _row(1, 1, 2), 2),
    ),
    bank=(
        swapped(
            _scaled_recipe,
            "scaled by the test set",
            "The rule's error is taken over the future, where it is another number for every "
            "origin, and is not known when the forecast is made. The scale is that of the past.",
            scale=_of_the_future,
        ),
        swapped(
            _scaled_recipe,
            "scaled by the steps of the test set",
            "The scale is the mean step from value to value within the future: neither the past "
            "nor the season is in it.",
            scale=_of_the_future_alone,
        ),
        swapped(
            _scaled_recipe,
            "past and future together",
            "The rule's error is taken over past and future together. What is scored may not be "
            "in its own unit.",
            scale=_of_everything,
        ),
        swapped(
            _scaled_recipe,
            "yesterday's value",
            "The rule repeats the value one step before. A season was given: with it the rule is "
            "much better where days or weeks repeat, and the score is higher.",
            scale=lambda past, future, season: _seasonal(past, future, 1),
        ),
        swapped(
            _scaled_recipe,
            "one season too far",
            "The rule looks season + 1 steps back.",
            scale=lambda past, future, season: _seasonal(past, future, season + 1),
        ),
        swapped(
            _scaled_recipe,
            "trimmed twice",
            "The first season is taken off the past twice: once by the subtraction, and once "
            "before it. The naive rule itself would not have a score of 1.",
            scale=_trimmed_twice,
        ),
        swapped(
            _scaled_recipe,
            "divided by all of T",
            "The rule's errors are added up and divided by T. Only T - season values have one a "
            "season before them.",
            scale=_by_all_values,
        ),
        swapped(
            _scaled_recipe,
            "scaled by the spread",
            "The scale is the mean distance from the past's mean. The unit is the error of a rule "
            "that forecasts.",
            scale=_around_the_mean,
        ),
        swapped(
            _scaled_recipe,
            "squared errors",
            "The forecast's errors are squared, and those of the rule are not.",
            error=lambda future, forecast: (future - forecast).square().mean(),
        ),
        swapped(
            _scaled_recipe,
            "errors that cancel",
            "The forecast's errors keep their signs and cancel: too high by ten and too low by "
            "ten would be perfect.",
            error=lambda future, forecast: (future - forecast).mean().abs(),
        ),
        swapped(
            _scaled_recipe,
            "a small number below",
            "Where the rule makes no error, something tiny stands below, and one constant series "
            "decides the mean over all. The score is undefined there: leave it out and say so.",
            ratio=_small_number,
        ),
        swapped(
            _scaled_recipe,
            "upside down",
            "The rule's error stands above, and the forecast's below.",
            ratio=lambda error, scale: scale / error,
        ),
        swapped(
            _scaled_recipe,
            "not scaled",
            "This is the mean absolute error, in the series' own unit.",
            ratio=lambda error, scale: error,
        ),
        Mistake(
            "in per cent",
            "This is in per cent of the rule's error. Wanted is the ratio itself.",
            partial(_scaled_recipe, ratio=lambda error, scale: 100 * _divided(error, scale)),
        ),
    ),
    praise="Below 1 it is better than repeating the last season.",
    differentiable=False,
)
