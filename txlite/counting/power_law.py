r"""Power laws: a straight line between logarithms, and how sure its slope is.

Three sizes always give an exponent. What it is worth, runs with other seeds say: each size is drawn
again from its own runs, and the line fitted anew.

Source
    Efron and Tibshirani (1993), "An Introduction to the Bootstrap": standard errors, percentiles.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from txlite._checks import check_finite, check_number, check_positive, check_rate, check_whole

__all__ = ["PowerLaw", "fit_power_law"]


@dataclass(frozen=True, kw_only=True)
class PowerLaw:
    """The law y = floor + factor · x^exponent, and an interval of the exponent.

    Parameters
    ----------
    factor, exponent : float
        Of the line through the means of the logarithms.
    low, high : float
        Between them lies the exponent in ``level`` of the fits to runs drawn again.
    level : float
        The share.
    floor : float
        What was taken off before the fit.
    """

    factor: float
    exponent: float
    low: float
    high: float
    level: float
    floor: float = 0.0

    def __call__(self, x: float) -> float:
        """Return the law's y."""
        return float(self.floor + self.factor * check_rate("x", x) ** self.exponent)


def fit_power_law(
    x: Sequence[float],
    y: Sequence[Sequence[float]],
    *,
    floor: float = 0.0,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> PowerLaw:
    r"""Fit a power law to several runs at each of a few sizes.

    .. math:: \log(y - y_0) = \log c + k \log x

    by least squares over all runs.

    Parameters
    ----------
    x : sequence of float
        At least three different sizes, positive.
    y : sequence of sequence of float
        For each size the results of at least two runs, above ``floor``: losses, for instance.
    floor : float
        Taken off first: what is left at infinite size, if it is known. A wrong one bends the line.
    level : float
        How much of the fits to runs drawn again the interval covers.
    draws : int
        How often runs are drawn again.
    seed : int
        Decides which.

    Returns
    -------
    PowerLaw
        The fit, and the percentile interval of its exponent.

    Raises
    ------
    ValueError
        If there are fewer than three sizes, or two runs of one, or a number cannot be used.

    Notes
    -----
    The interval tells what another set of seeds would do. It cannot tell whether the law goes on
    beyond the largest size, nor that there is one.

    Examples
    --------
    >>> law = fit_power_law([1.0, 10.0, 100.0], [[8.0, 8.2], [4.0, 4.1], [2.0, 2.1]])
    >>> round(law.exponent, 2), law.low < law.exponent < law.high
    (-0.3, True)
    """
    sizes = [check_rate("each of x", size) for size in x]
    if len(set(sizes)) < 3:
        raise ValueError(f"x should hold at least three different sizes, got {list(x)}")
    if len(y) != len(sizes):
        raise ValueError(f"y should hold the runs of {len(sizes)} sizes, got {len(y)}")
    floor = check_finite("floor", floor)
    level = check_number("level", level, "in (0, 1)", lambda share: 0.0 < share < 1.0)
    draws, seed = check_positive("draws", draws), check_whole("seed", seed)
    logs = [_logs(runs, floor) for runs in y]
    middle, pulls = _lever([math.log(size) for size in sizes], [len(runs) for runs in logs])
    generator = torch.Generator().manual_seed(seed)
    exponent, slopes = 0.0, torch.zeros(draws, dtype=torch.float64)
    for pull, runs in zip(pulls, logs, strict=True):
        exponent += pull * float(runs.sum())
        drawn = torch.randint(len(runs), (draws, len(runs)), generator=generator)
        slopes += pull * runs[drawn].sum(1)
    tail = (1.0 - level) / 2.0
    low, high = slopes.quantile(torch.tensor([tail, 1.0 - tail], dtype=torch.float64)).tolist()
    offset = float(torch.cat(logs).mean()) - exponent * middle
    return PowerLaw(
        factor=math.exp(offset), exponent=exponent, low=low, high=high, level=level, floor=floor
    )


def _logs(runs: Sequence[float], floor: float) -> Tensor:
    if len(runs) < 2:
        raise ValueError(f"y should hold at least two runs of each size, got {list(runs)}")
    wanted = f"a number above floor={floor}"
    above = [
        check_number("each of y", run, wanted, lambda v: floor < v < math.inf) - floor
        for run in runs
    ]
    return torch.tensor(above, dtype=torch.float64).log()


def _lever(places: list[float], counts: list[int]) -> tuple[float, list[float]]:
    """Return the middle of all runs' places, and how much each run of a size turns the line.

    The slope of a least squares line is a weighted sum of the heights, and which runs are drawn
    changes no weight.
    """
    middle = sum(n * place for n, place in zip(counts, places, strict=True)) / sum(counts)
    spread = sum(n * (place - middle) ** 2 for n, place in zip(counts, places, strict=True))
    return middle, [(place - middle) / spread for place in places]
