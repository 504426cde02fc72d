"""Exercise: the mean absolute percentage error, where some values are zero.

Sources
    Hyndman and Koehler (2006), "Another Look at Measures of Forecast Accuracy", section 2.2: what
    percentage errors cannot say.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, swapped

__all__ = ["percentage_error"]


def _other_than_zero(actual: Tensor, forecast: Tensor) -> Tensor:
    return actual != 0


def _by_the_value(actual: Tensor, forecast: Tensor) -> Tensor:
    return (actual - forecast).abs() / actual.abs()


def _over_those_kept(shares: Tensor, count: int) -> Tensor:
    return shares.mean()


def _left_out(kept: Tensor) -> int:
    return int((~kept).sum())


def _percentage_recipe(
    actual: Tensor,
    forecast: Tensor,
    keep: Step = _other_than_zero,
    share: Step = _by_the_value,
    reduce: Step = _over_those_kept,
    count: Step = _left_out,
    scale: float = 1.0,
) -> object:
    kept = keep(actual, forecast)
    shares = share(actual[kept], forecast[kept])
    return [scale * float(reduce(shares, len(actual))), count(kept)]


def _of_the_sums(actual: Tensor, forecast: Tensor) -> object:
    return [float((actual - forecast).abs().sum() / actual.abs().sum()), int((actual == 0).sum())]


def _small_number(actual: Tensor, forecast: Tensor) -> object:
    return [float(((actual - forecast).abs() / actual.abs().clamp(min=1e-8)).mean()), 0]


def _symmetric(actual: Tensor, forecast: Tensor) -> Tensor:
    return 2 * (actual - forecast).abs() / (actual.abs() + forecast.abs())


def _row(*values: int | float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, device="cpu")


percentage_error = Exercise(
    name="percentage_error",
    signature="f(actual: (N,), forecast: (N,)) -> [float, int]",
    task=(
        "Return the mean absolute percentage error as a share (0.1 is ten per cent), and how many "
        "values had to be left out of it: those that are zero, of which no share can be told."
    ),
    inputs=("actual", "forecast"),
    reference=_percentage_recipe,
    cases=(
        (_row(1, 0), _row(2, 1)),
        (_row(4, 10), _row(5, 8)),
        (_row(-2, 5, 8), _row(-1, 7, 4)),
        (_row(3, 0, -4, 0, 10, 0.5), _row(2, 0, -1, 4, 12, 0.7)),
        (_row(20, 4, 0, 6, -5, 16, 0), _row(16, 5, 2, 3, 1, 17, -3)),
    ),
    bank=(
        Mistake(
            "a small number below",
            "Something tiny is put in place of a zero. One value then decides the mean, and what "
            "it says depends on how tiny that is.",
            _small_number,
        ),
        swapped(
            _percentage_recipe,
            "zeros count as no error",
            "The zeros are left out of the sum and not out of the count: each of them passes for "
            "a perfect forecast.",
            reduce=lambda shares, count: shares.sum() / count,
        ),
        swapped(
            _percentage_recipe,
            "left out in silence",
            "The zeros are left out, and the reader is not told: the second number has to say how "
            "many.",
            count=lambda kept: 0,
        ),
        swapped(
            _percentage_recipe,
            "how many are left",
            "The second number counts those that are left. Asked is how many were left out.",
            count=lambda kept: int(kept.sum()),
        ),
        swapped(
            _percentage_recipe,
            "zeros divided by",
            "The zeros are divided by, and the mean is infinite, or NaN where the forecast is "
            "zero as well.",
            keep=lambda actual, forecast: torch.ones_like(actual, dtype=torch.bool),
        ),
        swapped(
            _percentage_recipe,
            "negative values left out",
            "What is below zero is left out with the zeros. A share of it can be told, by its "
            "absolute value.",
            keep=lambda actual, forecast: actual > 0,
        ),
        swapped(
            _percentage_recipe,
            "divided with the sign",
            "The error is divided by the value with its sign: errors of negative values count as "
            "gains.",
            share=lambda actual, forecast: (actual - forecast).abs() / actual,
        ),
        swapped(
            _percentage_recipe,
            "errors that cancel",
            "The shares keep their signs and cancel.",
            share=lambda actual, forecast: (actual - forecast) / actual,
        ),
        swapped(
            _percentage_recipe,
            "divided by the forecast",
            "The error is divided by the forecast: who forecasts more gets a better score.",
            keep=lambda actual, forecast: actual != 0,
            share=lambda actual, forecast: (actual - forecast).abs() / forecast.abs(),
        ),
        swapped(
            _percentage_recipe,
            "symmetric",
            "This is the symmetric error, divided by the mean of value and forecast.",
            share=_symmetric,
        ),
        Mistake(
            "of the sums",
            "This is the sum of the errors over the sum of the values, often called WAPE. It is "
            "defined with zeros too; the one that is asked for is a mean of shares.",
            _of_the_sums,
        ),
        swapped(
            _percentage_recipe,
            "the median",
            "This is the median of the shares.",
            reduce=lambda shares, count: shares.median(),
        ),
        swapped(
            _percentage_recipe,
            "in per cent",
            "This is in per cent. Wanted is a share.",
            scale=100.0,
        ),
    ),
    praise="A share of what was there, and aloud what has none.",
    differentiable=False,
)
