"""The Sharpe ratio, what it says of few bars, and what is left of the best of many.

Source
    Sharpe (1994), "The Sharpe ratio"; Bailey and López de Prado (2012), "The Sharpe ratio efficient
    frontier" (the probabilistic ratio); Bailey and López de Prado (2014), "The deflated Sharpe
    ratio" (the expected best of many, and the ratio beside it); Mertens (2002) for the standard
    error.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from txlite._checks import check_finite, check_positive, check_rate, check_shape
from txlite.forecasting.comparing import Interval, block_bootstrap

__all__ = [
    "Moments",
    "bars_per_year",
    "best_of_nothing",
    "deflated_sharpe",
    "probabilistic_sharpe",
    "return_moments",
    "sharpe",
    "sharpe_interval",
]

_YEAR = 365 * 86_400  # seconds
_EULER = 0.5772156649015329


class Moments(NamedTuple):
    """What is needed of returns to say how sure their Sharpe ratio is."""

    sharpe: float
    """Mean over standard deviation, for one bar: not annualised."""
    bars: int
    """How many returns there are."""
    skew: float = 0.0
    """Third standardised moment: 0 for a normal distribution."""
    kurtosis: float = 3.0
    """Fourth standardised moment: 3 for a normal distribution."""


def bars_per_year(stamps: Int[Tensor, " T"]) -> float:
    """Return how many bars a year of 365 days has, from when they were.

    Four-hour bars round the clock are 2190 a year; sessions of an exchange about 252.

    Parameters
    ----------
    stamps : Tensor, shape (T,)
        In seconds, rising.

    Raises
    ------
    ValueError
        If there are fewer than two, or they do not rise.
    """
    bars = check_shape("stamps", stamps, "T")["T"]
    if bars < 2 or not (stamps.diff() > 0).all():
        raise ValueError("stamps should be at least two, and rise")
    return (bars - 1) * _YEAR / int(stamps[-1] - stamps[0])


def sharpe(returns: Float[Tensor, " N"], *, per_year: float = 1.0) -> float:
    """Return the Sharpe ratio: mean over standard deviation, times the root of the bars a year.

    Parameters
    ----------
    returns : Tensor, shape (N,)
        Of each bar, less what money without risk would have earned.
    per_year : float
        How many bars a year has (:func:`bars_per_year`); 1 does not annualise.

    Raises
    ------
    ValueError
        If there are fewer than two returns, one is not finite, or all are alike.
    """
    per_year = check_rate("per_year", per_year)
    return return_moments(returns).sharpe * math.sqrt(per_year)


def return_moments(returns: Float[Tensor, " N"]) -> Moments:
    """Return what the Sharpe ratio's error depends on.

    Parameters
    ----------
    returns : Tensor, shape (N,)
        Of each bar.

    Raises
    ------
    ValueError
        If there are fewer than two returns, one is not finite, or all are alike.
    """
    bars = check_shape("returns", returns, "N")["N"]
    if bars < 2 or not torch.isfinite(returns).all():
        raise ValueError(f"returns should be at least two finite numbers, got {bars}")
    held = returns.double()
    if held.min() == held.max():
        raise ValueError(f"returns should differ to have a Sharpe ratio, all are {float(held[0])}")
    z = (held - held.mean()) / held.std(correction=0)
    ratio = float(held.mean() / held.std())
    return Moments(ratio, bars, float(z.pow(3).mean()), float(z.pow(4).mean()))


def probabilistic_sharpe(moments: Moments, *, benchmark: float = 0.0) -> float:
    """Return the probability that the true Sharpe ratio lies above a benchmark.

    Parameters
    ----------
    moments : Moments
        Of the returns (:func:`return_moments`).
    benchmark : float
        A Sharpe ratio for one bar: not annualised.

    Returns
    -------
    float
        Between 0 and 1, with the skew and the fat tails of the returns in it.

    Raises
    ------
    ValueError
        If there are fewer than two bars, or the moments are such that no returns have.
    """
    benchmark = check_finite("benchmark", benchmark)
    ratio, bars, skew, kurtosis = moments
    bars = check_positive("bars", bars)
    variance = 1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2
    if bars < 2 or not variance > 0:
        raise ValueError(f"moments should be those of at least two returns, got {moments}")
    z = (ratio - benchmark) * math.sqrt(bars - 1) / math.sqrt(variance)
    return float(torch.special.ndtr(torch.tensor(z, dtype=torch.double)))


def best_of_nothing(trials: int, variance: float) -> float:
    """Return the Sharpe ratio to expect of the best of many strategies that are worth nothing.

    Parameters
    ----------
    trials : int
        How many were tried, all of them counted, independent of each other.
    variance : float
        Of their Sharpe ratios.

    Returns
    -------
    float
        In the unit of the root of ``variance``; 0 for a single one.

    Raises
    ------
    ValueError
        If there is no trial, or the variance is not positive.
    """
    trials = check_positive("trials", trials)
    variance = check_rate("variance", variance)
    if trials == 1:
        return 0.0
    shares = torch.tensor([1 - 1 / trials, 1 - 1 / (trials * math.e)], dtype=torch.double)
    first, second = torch.special.ndtri(shares).tolist()
    return float(math.sqrt(variance) * ((1 - _EULER) * first + _EULER * second))


def deflated_sharpe(moments: Moments, *, trials: int, variance: float) -> float:
    """Return the probability that the best of many strategies is worth more than their luck.

    Parameters
    ----------
    moments : Moments
        Of the returns of the one that was chosen.
    trials : int
        How many were tried, all of them counted.
    variance : float
        Of the Sharpe ratios of all that were tried, for one bar: not annualised.

    Raises
    ------
    ValueError
        As :func:`best_of_nothing` and :func:`probabilistic_sharpe` do.
    """
    return probabilistic_sharpe(moments, benchmark=best_of_nothing(trials, variance))


def sharpe_interval(
    returns: Float[Tensor, " N"],
    *,
    block: int,
    generator: torch.Generator,
    per_year: float = 1.0,
    samples: int = 1_000,
    coverage: float = 0.95,
) -> Interval:
    """Return the Sharpe ratio and an interval for it, by drawing blocks of bars.

    Parameters
    ----------
    returns : Tensor, shape (N,)
        Of each bar, in order.
    block : int
        Mean length of a block.
    generator : torch.Generator
        On the CPU.
    per_year : float
        How many bars a year has.
    samples : int
        How often is drawn.
    coverage : float
        Share of the samples that lie in the interval.

    Raises
    ------
    ValueError
        As :func:`sharpe` and :func:`block_bootstrap` do.
    """
    whole = sharpe(returns, per_year=per_year)
    root = math.sqrt(check_rate("per_year", per_year))

    def ratio(drawn: Float[Tensor, "S N"]) -> Float[Tensor, " S"]:
        return root * drawn.mean(1) / drawn.std(1).clamp(min=1e-300)

    _, low, high = block_bootstrap(
        returns, block=block, generator=generator, statistic=ratio, samples=samples,
        coverage=coverage,
    )  # fmt: skip
    return Interval(whole, low, high)
