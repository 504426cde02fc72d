r"""What a forecaster says: one number for each value to come, or how they may be spread.

Every kind says its ``point`` and its ``quantiles``, in the units of the series. What a head puts
out are numbers without bounds; here they become what they stand for.

Shape letters
    B windows    N values that are forecast    C channels    Q levels

Sources
    Salinas et al. (2020), "DeepAR", sections 3.1 and 3.3. Wen et al. (2017), "A Multi-Horizon
    Quantile Recurrent Forecaster", section 3.1. Barron (2021), "A General and Adaptive Robust Loss"
    (the map :math:`(x + \sqrt{x^2 + 4})/2`, "squareplus").
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_number
from txlite.models._student_t import student_t_quantiles

__all__ = ["Forecast", "NormalForecast", "PointForecast", "QuantileForecast", "StudentTForecast"]

Values = Float[Tensor, "B N C"]
Levels = Sequence[float]


@dataclass(frozen=True)
class PointForecast:
    """One number for each value to come.

    Parameters
    ----------
    point : Tensor, shape (B, N, C)
        In the units of the series.
    """

    point: Values

    def quantiles(self, levels: Levels) -> Float[Tensor, "B N C Q"]:
        """Refuse: a point says nothing of its spread.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError("levels should be asked of a forecast with a spread, got a PointForecast")


@dataclass(frozen=True)
class QuantileForecast:
    """A few quantiles of each value to come; they never cross.

    Parameters
    ----------
    values : Tensor, shape (B, N, C, Q)
        In the units of the series, none below the one before.
    levels : tuple of float
        Their levels, rising, in (0, 1).
    """

    values: Float[Tensor, "B N C Q"]
    levels: tuple[float, ...]

    @property
    def point(self) -> Values:
        """The median, if it is there, else the level nearest to it."""
        return self.values[..., nearest_to_median(self.levels)]

    def quantiles(self, levels: Levels) -> Float[Tensor, "B N C Q"]:
        """Return the quantiles at these of its levels.

        Raises
        ------
        ValueError
            If a level is none of those that it has: nothing is drawn between them.
        """
        columns = []
        for level in check_levels(levels):
            if level not in self.levels:
                raise ValueError(f"levels should be among {self.levels}, got {level}")
            columns.append(self.levels.index(level))
        return self.values[..., columns]


@dataclass(frozen=True)
class NormalForecast:
    """A normal distribution for each value to come.

    Parameters
    ----------
    loc, scale : Tensor, shape (B, N, C)
        Mean and standard deviation, in the units of the series.
    """

    loc: Values
    scale: Values

    @property
    def point(self) -> Values:
        """The mean, which is the median."""
        return self.loc

    def quantiles(self, levels: Levels) -> Float[Tensor, "B N C Q"]:
        """Return the quantiles at these levels, each in (0, 1)."""
        p = torch.tensor(check_levels(levels), dtype=torch.float64, device=self.loc.device)
        z = torch.special.ndtri(p).to(self.loc.dtype)
        found: Tensor = self.loc[..., None] + self.scale[..., None] * z
        return found


@dataclass(frozen=True)
class StudentTForecast:
    """A Student t distribution for each value to come, whose tails are heavier than the normal's.

    Parameters
    ----------
    df : Tensor, shape (B, N, C)
        Degrees of freedom, above 2, so that there is a variance: scale² · df / (df − 2).
    loc, scale : Tensor, shape (B, N, C)
        The middle and the scale, in the units of the series.
    """

    df: Values
    loc: Values
    scale: Values

    @property
    def point(self) -> Values:
        """The middle: mean and median."""
        return self.loc

    def quantiles(self, levels: Levels) -> Float[Tensor, "B N C Q"]:
        """Return the quantiles at these levels, each in (0, 1)."""
        t = student_t_quantiles(self.df, check_levels(levels)).to(self.loc.dtype)
        return self.loc[..., None] + self.scale[..., None] * t


Forecast = PointForecast | QuantileForecast | NormalForecast | StudentTForecast


def check_levels(levels: Levels, *, rising: bool = False) -> tuple[float, ...]:
    """Require levels of quantiles, each in (0, 1), and return them as Python's numbers.

    Raises
    ------
    ValueError
        If there is none, one lies outside, or they should rise and do not.
    """
    if not isinstance(levels, list | tuple) or not levels:
        raise ValueError(f"levels should hold at least one number in (0, 1), got {levels!r}")
    found = tuple(
        check_number("each of levels", q, "in (0, 1)", lambda q: 0.0 < q < 1.0) for q in levels
    )
    if rising and any(a >= b for a, b in itertools.pairwise(found)):
        raise ValueError(f"levels should rise, got {found}")
    return found


def nearest_to_median(levels: Levels) -> int:
    """Return the place of the level that is nearest to one half."""
    return min(range(len(levels)), key=lambda i: abs(levels[i] - 0.5))
