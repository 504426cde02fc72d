"""Is one forecaster better than another? Losses at the same origins, which are not independent.

Forecasts of several steps from neighbouring origins meet the same days, so their losses go
together. A test that takes them for independent finds differences that are not there. Two ways out:
a variance with the correlations in it, and drawing whole blocks of origins.

Source
    Diebold and Mariano (1995), "Comparing predictive accuracy"; Harvey, Leybourne and Newbold
    (1997), "Testing the equality of prediction mean squared errors" (the factor for short series);
    Newey and West (1987), "A simple, positive semi-definite, heteroskedasticity and autocorrelation
    consistent covariance matrix"; Politis and Romano (1994), "The stationary bootstrap".
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from txlite._checks import (
    check_choice,
    check_generator,
    check_length,
    check_number,
    check_positive,
    check_shape,
)

__all__ = ["DieboldMariano", "Interval", "block_bootstrap", "block_places", "diebold_mariano"]


class DieboldMariano(NamedTuple):
    """What the test of Diebold and Mariano has found."""

    difference: float
    """Mean loss of the first less that of the second: below zero, the first is better."""
    statistic: float
    """The difference in standard errors, corrected for few origins."""
    p: float
    """Probability of a difference at least as large, either way, if both were equally good."""
    lags: int
    """How many correlations went into the standard error."""


class Interval(NamedTuple):
    """A number, and an interval for it."""

    value: float
    """From all that there is."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""


def diebold_mariano(
    first: Float[Tensor, " N"],
    second: Float[Tensor, " N"],
    *,
    horizon: int = 1,
    lags: int | None = None,
    kernel: str = "rectangular",
) -> DieboldMariano:
    """Test whether two forecasters are equally good.

    Parameters
    ----------
    first, second : Tensor, shape (N,)
        The loss of each at the same origins, one step apart, in order.
    horizon : int
        How many steps each forecast looks ahead, counted in origins: errors of forecasts of h
        steps go together over h − 1.
    lags : int, optional
        How many correlations are counted. By default ``horizon − 1``.
    kernel : str
        How they are weighed: ``"rectangular"`` as Diebold and Mariano, ``"bartlett"`` as Newey and
        West, which can never give a variance below zero.

    Returns
    -------
    DieboldMariano
        With the correction of Harvey, Leybourne and Newbold, and Student's t on N − 1 degrees.
        Where both lose alike at each origin, the statistic is 0 and p is 1.

    Raises
    ------
    ValueError
        If the two are not equally long, there are not more origins than ``horizon`` and ``lags``,
        the kernel is another, or the rectangular one gives a variance that is not positive.
    ImportError
        If scipy is missing.
    """
    n = check_shape("first", first, "N")["N"]
    check_shape("second", second, "N", N=n)
    horizon = check_positive("horizon", horizon)
    lags = horizon - 1 if lags is None else check_length("lags", lags)
    check_choice("kernel", kernel, ("rectangular", "bartlett"))
    if n <= max(horizon, lags, 1):
        raise ValueError(
            f"first should have more losses than horizon={horizon} and lags={lags}, got {n}"
        )
    gaps = first.double() - second.double()
    if not torch.isfinite(gaps).all():
        raise ValueError("first and second should be finite, got NaN or infinity")
    mean = float(gaps.mean())
    if not gaps.any():
        return DieboldMariano(0.0, 0.0, 1.0, lags)
    centred = gaps - gaps.mean()
    variance = float(centred @ centred) / n
    for lag in range(1, lags + 1):
        weight = 1 - lag / (lags + 1) if kernel == "bartlett" else 1.0
        variance += 2 * weight * float(centred[lag:] @ centred[:-lag]) / n
    if not variance > 0:
        raise ValueError(
            f"lags={lags} should leave a positive variance, got {variance:.3g}; "
            "kernel='bartlett' cannot fail so"
        )
    correction = (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n
    statistic = mean / math.sqrt(variance / n) * math.sqrt(correction)
    return DieboldMariano(mean, statistic, 2 * _tail(abs(statistic), n - 1), lags)


def block_bootstrap(
    values: Float[Tensor, " N"],
    *,
    block: int,
    generator: torch.Generator,
    kind: str = "stationary",
    statistic: Callable[[Float[Tensor, "S N"]], Float[Tensor, " S"]] | None = None,
    samples: int = 1_000,
    coverage: float = 0.95,
) -> Interval:
    """Return a statistic of values that go together, and an interval for it.

    Whole blocks are drawn, so that what is near stays near. For a difference of two forecasters,
    the values are the differences of their losses, origin by origin.

    Parameters
    ----------
    values : Tensor, shape (N,)
        In order.
    block : int
        Length of a block; with ``"stationary"`` the mean length.
    generator : torch.Generator
        On the CPU.
    kind : str
        ``"moving"``: blocks of one length; ``"stationary"``: of random length, round the end.
    statistic : callable, optional
        From samples, shape (S, N), to a number of each, shape (S,). By default the mean.
    samples : int
        How often is drawn.
    coverage : float
        Share of the samples that lie in the interval.

    Returns
    -------
    Interval
        The statistic of the values themselves, and the percentiles of those of the samples.

    Raises
    ------
    ValueError
        If there are fewer values than a block has, one is not finite, or an argument is out of
        range.
    """
    n = check_shape("values", values, "N")["N"]
    if not torch.isfinite(values).all():
        raise ValueError("values should be finite, got NaN or infinity")
    coverage = check_number("coverage", coverage, "in (0, 1)", lambda x: 0 < x < 1)
    places = block_places(n, block=block, generator=generator, kind=kind, samples=samples)
    held = values.detach().double().cpu()
    count = _mean if statistic is None else statistic
    found = count(held[places])
    check_shape("what statistic returns", found, "S", S=len(places))
    edges = torch.tensor([(1 - coverage) / 2, (1 + coverage) / 2], dtype=torch.double)
    low, high = torch.quantile(found.double(), edges).tolist()
    return Interval(float(count(held[None])[0]), low, high)


def block_places(
    length: int,
    *,
    block: int,
    generator: torch.Generator,
    kind: str = "stationary",
    samples: int = 1_000,
) -> Int[Tensor, "S N"]:
    """Return places of values, drawn in blocks.

    Parameters
    ----------
    length : int
        How many values there are.
    block : int
        Length of a block; with ``"stationary"`` the mean length.
    generator : torch.Generator
        On the CPU.
    kind : str
        ``"moving"`` or ``"stationary"`` (:func:`block_bootstrap`).
    samples : int
        How often is drawn.

    Returns
    -------
    Tensor, shape (S, N)
        Of each sample, as many places as there are values.

    Raises
    ------
    ValueError
        If there are fewer values than a block has, or an argument is out of range.
    """
    length, block = check_positive("length", length), check_positive("block", block)
    samples = check_positive("samples", samples)
    check_generator("generator", generator)
    check_choice("kind", kind, ("moving", "stationary"))
    if block > length:
        raise ValueError(f"block should be at most the {length} values that there are, got {block}")
    if kind == "moving":
        blocks = -(-length // block)
        starts = torch.randint(length - block + 1, (samples, blocks, 1), generator=generator)
        return (starts + torch.arange(block)).reshape(samples, -1)[:, :length]
    fresh = torch.rand(samples, length, generator=generator) < 1 / block
    fresh[:, 0] = True
    starts = torch.randint(length, (samples, length), generator=generator)
    begun = torch.where(fresh, torch.arange(length), 0).cummax(1).values  # where its block began
    return (starts.gather(1, begun) + torch.arange(length) - begun) % length


def _mean(samples: Float[Tensor, "S N"]) -> Float[Tensor, " S"]:
    return samples.mean(1)


def _tail(x: float, degrees: int) -> float:
    """Return the probability that Student's t is above x."""
    try:
        from scipy.special import stdtr
    except ImportError as error:
        told = "diebold_mariano needs scipy: pip install 'txlite[forecasting]'"
        raise ImportError(told) from error
    return float(stdtr(degrees, -x))
