"""How far forecasts are from what came: in units, in shares, against a naive one, and as a spread.

A score that is not defined somewhere is not made up there: what is left out is counted and said.

Source
    Hyndman and Koehler (2006), "Another look at measures of forecast accuracy", International
    Journal of Forecasting 22, section 3 (scaled errors); Gneiting and Raftery (2007), "Strictly
    proper scoring rules, prediction, and estimation", section 6 (quantiles and intervals).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_positive, check_rate, check_shape
from txlite.forecasting.forecast import check_levels

__all__ = [
    "Scored",
    "coverage",
    "crps",
    "interval_width",
    "mae",
    "mape",
    "mase",
    "pinball",
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
    truth, forecast : Tensor, shape (*S, H)
        What came, and what was forecast.

    Raises
    ------
    ValueError
        If the shapes differ, there is nothing, or a number is not finite.
    """
    return float(_errors(truth, forecast).abs().mean())


def rmse(truth: Float[Tensor, "*S H"], forecast: Float[Tensor, "*S H"]) -> float:
    """Return the root of the mean squared error, in the unit of the series.

    Parameters
    ----------
    truth, forecast : Tensor, shape (*S, H)
        What came, and what was forecast.

    Raises
    ------
    ValueError
        If the shapes differ, there is nothing, or a number is not finite.
    """
    return float(_errors(truth, forecast).square().mean().sqrt())


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
    truth, forecast : Tensor, shape (*S, H)
        What came, and what was forecast.

    Raises
    ------
    ValueError
        If the shapes differ, there is nothing, or a number is not finite.
    """
    return _shares(_errors(truth, forecast).abs(), truth.double().abs())


def smape(truth: Float[Tensor, "*S H"], forecast: Float[Tensor, "*S H"]) -> Scored:
    """Return the mean of ``2 |y − ŷ| / (|y| + |ŷ|)``, between 0 and 2, as in the M4 competition.

    Where both are zero it is not defined: that is left out, and counted.

    Parameters
    ----------
    truth, forecast : Tensor, shape (*S, H)
        What came, and what was forecast.

    Raises
    ------
    ValueError
        If the shapes differ, there is nothing, or a number is not finite.
    """
    errors = _errors(truth, forecast).abs()
    return _shares(2 * errors, truth.double().abs() + forecast.double().abs())


def pinball(
    truth: Float[Tensor, "*S H"], quantiles: Float[Tensor, "*S H Q"], levels: Sequence[float]
) -> Float[Tensor, " Q"]:
    """Return the mean pinball loss of each level: least, on average, for the true quantile.

    Parameters
    ----------
    truth : Tensor, shape (*S, H)
        What came.
    quantiles : Tensor, shape (*S, H, Q)
        What the truth was to stay below, with probability ``levels``.
    levels : sequence of float
        In (0, 1), rising.

    Returns
    -------
    Tensor, shape (Q,)
        ``τ (y − q)`` where the truth is above the quantile and ``(1 − τ)(q − y)`` where it is
        below, in the unit of the series.

    Raises
    ------
    ValueError
        If the shapes differ, a level is out of range, or a number is not finite.
    """
    told = check_levels(levels)
    if quantiles.shape != (*truth.shape, len(told)):
        raise ValueError(
            f"quantiles should have shape {(*truth.shape, len(told))}, got {tuple(quantiles.shape)}"
        )
    errors = _errors(truth[..., None].expand_as(quantiles), quantiles)
    tau = torch.tensor(told, dtype=torch.double, device=errors.device)
    return torch.maximum(tau * errors, (tau - 1) * errors).reshape(-1, len(told)).mean(0)


def crps(
    truth: Float[Tensor, "*S H"], quantiles: Float[Tensor, "*S H Q"], levels: Sequence[float]
) -> float:
    """Return the continuous ranked probability score, from quantiles.

    It is twice the pinball loss, integrated over all levels; each level that is there stands for
    those that are nearer to it than to its neighbours. The more levels, the closer.

    Parameters
    ----------
    truth : Tensor, shape (*S, H)
        What came.
    quantiles : Tensor, shape (*S, H, Q)
        What the truth was to stay below.
    levels : sequence of float
        How often.

    Returns
    -------
    float
        In the unit of the series; for a forecast of one number, its absolute error.

    Raises
    ------
    ValueError
        As :func:`pinball` does.
    """
    losses = pinball(truth, quantiles, levels)
    tau = torch.tensor(tuple(levels), dtype=torch.double, device=losses.device)
    edges = torch.cat([tau.new_zeros(1), (tau[1:] + tau[:-1]) / 2, tau.new_ones(1)])
    return float(2 * (losses * edges.diff()).sum())


def coverage(
    truth: Float[Tensor, "*S H"], low: Float[Tensor, "*S H"], high: Float[Tensor, "*S H"]
) -> float:
    """Return the share of truths that lie in their interval, ends included.

    Parameters
    ----------
    truth, low, high : Tensor, shape (*S, H)
        What came, and between what it was to be.

    Raises
    ------
    ValueError
        If the shapes differ, a number is not finite, or an interval ends below its beginning.
    """
    _check_interval(low, high)
    return float(((_errors(truth, low) >= 0) & (_errors(truth, high) <= 0)).double().mean())


def interval_width(low: Float[Tensor, "*S H"], high: Float[Tensor, "*S H"]) -> float:
    """Return how wide intervals are on average, in the unit of the series.

    Parameters
    ----------
    low, high : Tensor, shape (*S, H)
        Their ends.

    Raises
    ------
    ValueError
        If the shapes differ, a number is not finite, or an interval ends below its beginning.
    """
    _check_interval(low, high)
    return float(_errors(high, low).mean())


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
    return 1 - float(score) / check_rate("reference", reference)


def _errors(truth: Tensor, forecast: Tensor) -> Float[Tensor, "*S H"]:
    """Return truth less forecast, in float64."""
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


def _check_interval(low: Tensor, high: Tensor) -> None:
    if (_errors(high, low) < 0).any():
        raise ValueError("high should be at least low everywhere, got intervals that end below")


def _shares(errors: Tensor, sizes: Tensor) -> Scored:
    fits = sizes > 0
    count = int(fits.sum())
    mean = float((errors[fits] / sizes[fits]).mean()) if count else float("nan")
    return Scored(mean, count, sizes.numel() - count)


def _scored(ratios: Sequence[float | None]) -> Scored:
    there = [ratio for ratio in ratios if ratio is not None]
    mean = sum(there) / len(there) if there else float("nan")
    return Scored(mean, len(there), len(ratios) - len(there))
