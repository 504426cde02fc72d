"""How much a price moves: measured from the range of a day, and forecast, which can be done.

Source
    Parkinson (1980), "The extreme value method for estimating the variance of the rate of return",
    with the constant 4 log 2; Garman and Klass (1980), "On the estimation of security price
    volatilities from historical data", their practical estimator; RiskMetrics (1996) (exponential
    weights); Corsi (2009), "A simple approximate long-memory model of realized volatility" (HAR);
    Patton (2011), "Volatility forecast comparison using imperfect volatility proxies" (QLIKE);
    Campbell and Thompson (2008), "Predicting excess stock returns out of sample" (R²).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_number, check_positive, check_shape
from txlite.forecasting.forecast import Forecast, check_past

__all__ = ["EWMA", "HAR", "garman_klass", "out_of_sample_r2", "parkinson", "qlike"]


def parkinson(high: Float[Tensor, "*B"], low: Float[Tensor, "*B"]) -> Float[Tensor, "*B"]:
    """Return the variance of a bar's returns, from its highest and lowest price.

    Parameters
    ----------
    high, low : Tensor, shape (...)
        Prices.

    Returns
    -------
    Tensor, shape (...)
        ``log(high / low)² / (4 log 2)``: the variance of the log price over a bar, if it moves
        without drift and without jumps.

    Raises
    ------
    ValueError
        If the shapes differ, a price is not positive, or a high lies below its low.
    """
    low, high = _prices(low=low, high=high)
    if (high < low).any():
        raise ValueError("high should be at least low everywhere, got bars where it is below")
    return (high / low).log().square() / (4 * math.log(2))


def garman_klass(
    open: Float[Tensor, "*B"],
    high: Float[Tensor, "*B"],
    low: Float[Tensor, "*B"],
    close: Float[Tensor, "*B"],
) -> Float[Tensor, "*B"]:
    """Return the variance of a bar's returns, from all four of its prices.

    Parameters
    ----------
    open, high, low, close : Tensor, shape (...)
        Prices.

    Returns
    -------
    Tensor, shape (...)
        ``½ log(high / low)² − (2 log 2 − 1) log(close / open)²``, never below zero.

    Raises
    ------
    ValueError
        If the shapes differ, a price is not positive, or open or close lies outside high and low.
    """
    low, open, high, close = _prices(low=low, open=open, high=high, close=close)
    if ((high < torch.maximum(open, close)) | (low > torch.minimum(open, close))).any():
        raise ValueError("open and close should lie between low and high, got bars where not")
    inside = (2 * math.log(2) - 1) * (close / open).log().square()
    return (high / low).log().square() / 2 - inside


@dataclass(frozen=True)
class EWMA:
    """Forecasts a mean of the past in which each value counts less than the one after it.

    Parameters
    ----------
    decay : float
        The share of its weight that a value keeps from one step to the next: 0.94 for days in
        RiskMetrics.
    """

    decay: float = 0.94

    def __post_init__(self) -> None:
        fits = check_number("decay", self.decay, "in (0, 1)", lambda x: 0 < x < 1)
        object.__setattr__(self, "decay", fits)

    def __call__(self, past: Float[Tensor, " T"], horizon: int) -> Forecast:
        """Forecast the same mean for each step.

        Raises
        ------
        ValueError
            If there is no past, or it holds what is no number.
        """
        held = check_past(past)
        weights = self.decay ** torch.arange(len(held) - 1, -1, -1, dtype=torch.double)
        mean = (held * weights).sum() / weights.sum()
        return Forecast(mean.repeat(check_positive("horizon", horizon)))


@dataclass(frozen=True)
class HAR:
    """Forecasts each step by a linear function of the last day, the last week and the last month.

    Parameters
    ----------
    lengths : sequence of int
        Over how many of the last values the means go.
    """

    lengths: Sequence[int] = (1, 5, 22)

    def __post_init__(self) -> None:
        lengths = tuple(check_positive("lengths", n) for n in self.lengths)
        if not lengths or list(lengths) != sorted(set(lengths)):
            raise ValueError(
                f"lengths should rise, and there should be one at least, got {lengths}"
            )
        object.__setattr__(self, "lengths", lengths)

    def inputs(self, past: Float[Tensor, " T"]) -> Float[Tensor, "N F"]:
        """Return what enters at each value that has enough before it: 1, and the means.

        Parameters
        ----------
        past : Tensor, shape (T,)
            What is known.

        Raises
        ------
        ValueError
            If the past is shorter than the longest mean.
        """
        longest = max(self.lengths)
        held = check_past(past, at_least=longest)
        means = [held[longest - n :].unfold(0, n, 1).mean(1) for n in self.lengths]
        return torch.stack([torch.ones_like(means[0]), *means], dim=1)

    def __call__(self, past: Float[Tensor, " T"], horizon: int) -> Forecast:
        """Fit by least squares, each step ahead for itself, and forecast.

        Raises
        ------
        ValueError
            If the past has not as many windows as there are weights, or holds what is no number.
        """
        longest, horizon = max(self.lengths), check_positive("horizon", horizon)
        held = check_past(past, at_least=longest + horizon + len(self.lengths))
        inputs = self.inputs(held)
        targets = held[longest:].unfold(0, horizon, 1)
        rows = inputs[: len(targets)]
        weights = torch.linalg.pinv(rows.T @ rows, hermitian=True) @ (rows.T @ targets)
        return Forecast(inputs[-1] @ weights)


def out_of_sample_r2(
    truth: Float[Tensor, "*S"], forecast: Float[Tensor, "*S"], reference: Float[Tensor, "*S"]
) -> float:
    """Return how much less than a reference's squared errors those of a forecast are.

    Parameters
    ----------
    truth, forecast : Tensor, shape (...)
        What came, and what was forecast.
    reference : Tensor, shape (...)
        What is to be beaten: the mean of what was known, made at the same origins.

    Returns
    -------
    float
        1 is perfect, 0 no better than the reference, below zero worse.

    Raises
    ------
    ValueError
        If the shapes differ, or the reference makes no error.
    """
    for name, x in (("forecast", forecast), ("reference", reference)):
        if x.shape != truth.shape:
            raise ValueError(
                f"{name} should have truth's shape {tuple(truth.shape)}, got {tuple(x.shape)}"
            )
    of_reference = float((truth.double() - reference.double()).square().sum())
    if not of_reference > 0:
        raise ValueError(f"reference should make an error to beat, got {of_reference}")
    return 1 - float((truth.double() - forecast.double()).square().sum()) / of_reference


def qlike(truth: Float[Tensor, "*S"], forecast: Float[Tensor, "*S"]) -> float:
    """Return the mean QLIKE loss of forecasts of a variance.

    Its ranking stays right where the truth is only an unbiased measurement of the variance.

    Parameters
    ----------
    truth, forecast : Tensor, shape (...)
        Variances, measured and forecast.

    Returns
    -------
    float
        Mean of ``y / f − log(y / f) − 1``: 0 where all agree.

    Raises
    ------
    ValueError
        If the shapes differ, or a variance is not positive.
    """
    truth, forecast = _prices(truth=truth, forecast=forecast)
    ratio = truth / forecast
    return float((ratio - ratio.log() - 1).mean())


def _prices(**prices: Tensor) -> tuple[Float[Tensor, "*B"], ...]:
    """Return positive numbers of one shape, in float64."""
    first, shape = next((name, tuple(x.shape)) for name, x in prices.items())
    for name, x in prices.items():
        check_shape(name, x, "*B")
        if tuple(x.shape) != shape:
            raise ValueError(f"{name} should have {first}'s shape {shape}, got {tuple(x.shape)}")
        if not ((x > 0) & torch.isfinite(x)).all():
            raise ValueError(f"{name} should be positive and finite, got {float(x.min())}")
    return tuple(x.double() for x in prices.values())
