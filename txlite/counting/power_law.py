r"""Power laws: a straight line between logarithms, and how sure its slope is.

Three sizes always give an exponent. What it is worth, runs with other seeds say: each size is drawn
again from its own runs, and the line fitted anew.

Source
    Efron and Tibshirani (1993), "An Introduction to the Bootstrap", chapters 6 and 13.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from txlite._checks import check_finite, check_number, check_positive, check_rate, check_whole

__all__ = ["PowerLaw", "fit_power_law"]


@dataclass(frozen=True, kw_only=True)
class PowerLaw:
    """y = floor + factor · x^exponent, and an interval of the exponent.

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
    places = [math.log(size) for size in sizes]
    exponent, offset = _line(places, [torch.tensor(runs, dtype=torch.float64) for runs in logs])
    generator = torch.Generator().manual_seed(seed)
    slopes = torch.tensor([
        _line(places, [_again(runs, generator) for runs in logs])[0] for _ in range(draws)
    ], dtype=torch.float64)  # fmt: skip
    tail = (1.0 - level) / 2.0
    low, high = slopes.quantile(torch.tensor([tail, 1.0 - tail], dtype=torch.float64)).tolist()
    return PowerLaw(
        factor=math.exp(offset), exponent=exponent, low=low, high=high, level=level, floor=floor
    )


def _logs(runs: Sequence[float], floor: float) -> list[float]:
    if len(runs) < 2:
        raise ValueError(f"y should hold at least two runs of each size, got {list(runs)}")
    wanted = f"a number above floor={floor}"
    return [
        math.log(check_number("each of y", run, wanted, lambda v: floor < v < math.inf) - floor)
        for run in runs
    ]


def _again(runs: list[float], generator: torch.Generator) -> torch.Tensor:
    """Draw as many runs as there are, with replacement."""
    drawn = torch.randint(len(runs), (len(runs),), generator=generator)
    return torch.tensor(runs, dtype=torch.float64)[drawn]


def _line(places: list[float], runs: list[torch.Tensor]) -> tuple[float, float]:
    """Return slope and offset of the least squares line through all runs."""
    x = torch.cat([torch.full_like(r, place) for place, r in zip(places, runs, strict=True)])
    y = torch.cat(runs)
    centred = x - x.mean()
    slope = float((centred * y).sum() / (centred**2).sum())
    return slope, float(y.mean() - slope * x.mean())
