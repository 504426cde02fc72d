"""How far forecasts are from what came: in units, in shares, against a naive one, and as a spread.

A score that is not defined somewhere is not made up there: what is left out is counted and said.

Source
    Hyndman and Koehler (2006), "Another look at measures of forecast accuracy", International
    Journal of Forecasting 22, section 3 (scaled errors).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_finite, check_positive, check_rate, check_shape

__all__ = [
    "Scored",
    "errors_of",
    "mae",
    "mape",
    "mase",
    "rmse",
    "skill",
    "smape",
]


class Scored(NamedTuple):
    """A mean over what it is defined for."""

    value: float
    """The mean; NaN if it is defined for nothing."""
    counted: int
    """How many went into it."""
    left_out: int
    """For how many it is not defined."""

    def __str__(self) -> str:
        out = f" ({self.left_out} of {self.counted + self.left_out} left out: not defined there)"
        return f"{self.value:.4g}" + (out if self.left_out else "")


def mae(truth: Float[Tensor, "*S H"], forecast: Float[Tensor, "*S H"]) -> float:
    """Return the mean absolute error, in the unit of the series.

    Parameters
    ----------
    truth, forecast : Tensor, shape (..., H)
        What came, and what was forecast.

    Raises
    ------
    ValueError
        If the shapes differ, there is nothing, or a number is not finite.
    """
    return float(errors_of(truth, forecast).abs().mean())


def rmse(truth: Float[Tensor, "*S H"], forecast: Float[Tensor, "*S H"]) -> float:
    """Return the root of the mean squared error, in the unit of the series.

    Parameters
    ----------
    truth, forecast : Tensor, shape (..., H)
        What came, and what was forecast.

    Raises
    ------
    ValueError
        If the shapes differ, there is nothing, or a number is not finite.
    """
    return float(errors_of(truth, forecast).square().mean().sqrt())


def mase(
    truth: Float[Tensor, "N H"] | Sequence[Float[Tensor, " _"]],
    forecast: Float[Tensor, "N H"] | Sequence[Float[Tensor, " _"]],
    training: Sequence[Float[Tensor, " _"]] | Float[Tensor, "N T"],
    *,
    season: int = 1,
) -> Scored:
    """Return the mean absolute scaled error over series.

    The error of each series is divided by what the naive forecast of one season before errs on
    that series' own training values. So the naive forecast has 1 there. A training that repeats
    itself exactly has no such scale: its series is left out, and counted.

    Parameters
    ----------
    truth, forecast : Tensor, shape (N, H), or sequence of Tensor, shape (H,)
        A row for each series.
    training : Tensor, shape (N, T), or sequence of Tensor, shape (T,)
        What was known of each.
    season : int
        How many steps back the naive forecast looks.

    Returns
    -------
    Scored
        Mean over the series that have a scale.

    Raises
    ------
    ValueError
        If there are not as many rows of each, a training is not longer than a season, or a number
        is not finite.
    """
    season = check_positive("season", season)
    if not len(truth) == len(forecast) == len(training):
        raise ValueError(
            f"truth, forecast and training should have a row for each series, got {len(truth)}, "
            f"{len(forecast)} and {len(training)}"
        )
    ratios = []
    for came, told, past in zip(truth, forecast, training, strict=True):
        check_shape("training", past, "T")
        if len(past) <= season:
            raise ValueError(f"training should be longer than season={season}, got {len(past)}")
        scale = mae(past[season:], past[:-season])
        error = mae(came, told)
        ratios.append(error / scale if scale > 0 else None)
    return _scored(ratios)


def mape(truth: Float[Tensor, "*S H"], forecast: Float[Tensor, "*S H"]) -> Scored:
    """Return the mean absolute error as a share of the truth: 1 is 100 %.

    Where the truth is zero there is no such share: it is left out, and counted.

    Parameters
    ----------
    truth, forecast : Tensor, shape (..., H)
        What came, and what was forecast.

    Raises
    ------
    ValueError
        If the shapes differ, there is nothing, or a number is not finite.
    """
    return _shares(errors_of(truth, forecast).abs(), truth.double().abs())


def smape(truth: Float[Tensor, "*S H"], forecast: Float[Tensor, "*S H"]) -> Scored:
    """Return the mean of ``2 |y − ŷ| / (|y| + |ŷ|)``, between 0 and 2, as in the M4 competition.

    Where both are zero it is not defined: that is left out, and counted.

    Parameters
    ----------
    truth, forecast : Tensor, shape (..., H)
        What came, and what was forecast.

    Raises
    ------
    ValueError
        If the shapes differ, there is nothing, or a number is not finite.
    """
    errors = errors_of(truth, forecast).abs()
    return _shares(2 * errors, truth.double().abs() + forecast.double().abs())


def skill(score: float, reference: float) -> float:
    """Return by what share a score is lower than a reference's: 1 is perfect, 0 no better.

    Parameters
    ----------
    score, reference : float
        Two scores of which lower is better, on the same truths.

    Raises
    ------
    ValueError
        If the reference is not positive: there is nothing to be better than.
    """
    return 1 - check_finite("score", score) / check_rate("reference", reference)


def errors_of(
    truth: Float[Tensor, "*S H"], forecast: Float[Tensor, "*S H"]
) -> Float[Tensor, "*S H"]:
    """Return truth less forecast, in float64.

    Parameters
    ----------
    truth, forecast : Tensor, shape (..., H)
        What came, and what was forecast.

    Raises
    ------
    ValueError
        If the shapes differ, there is nothing, or a number is not finite.
    """
    for name, x in (("truth", truth), ("forecast", forecast)):
        check_shape(name, x, "*S H")
        if not torch.isfinite(x).all():
            raise ValueError(f"{name} should be finite, got NaN or infinity")
    if truth.shape != forecast.shape:
        raise ValueError(
            f"forecast should have truth's shape {tuple(truth.shape)}, got {tuple(forecast.shape)}"
        )
    if not truth.numel():
        raise ValueError("truth should hold at least one number, got none")
    return truth.double() - forecast.double()


def _shares(errors: Tensor, sizes: Tensor) -> Scored:
    fits = sizes > 0
    count = int(fits.sum())
    mean = float((errors[fits] / sizes[fits]).mean()) if count else float("nan")
    return Scored(mean, count, sizes.numel() - count)


def _scored(ratios: Sequence[float | None]) -> Scored:
    there = [ratio for ratio in ratios if ratio is not None]
    mean = sum(there) / len(there) if there else float("nan")
    return Scored(mean, len(there), len(ratios) - len(there))
