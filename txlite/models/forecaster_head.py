r"""The head of a forecaster: from the features of a window to what is said of the values to come.

Sources
    Nie et al. (2023), "A Time Series is Worth 64 Words", section 3.1 (one linear map of all that is
    known of a window). Salinas et al. (2020), "DeepAR", section 3.1 (the distributions).
"""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from txlite._checks import check_choice, check_positive
from txlite.models.forecasts import (
    Forecast,
    NormalForecast,
    PointForecast,
    QuantileForecast,
    StudentTForecast,
    check_levels,
    nearest_to_median,
)
from txlite.nn.instance_norm import Level, ReversibleNorm

__all__ = ["ForecastHead"]

Head = Literal["point", "quantiles", "normal", "student_t"]
_MAPS = {"point": 1, "normal": 2, "student_t": 3}


class ForecastHead(nn.Module):
    """Linear maps of a window's features, one for each parameter of what is said.

    Parameters
    ----------
    width : int
        How many features a window has.
    horizon : int
        How many values are forecast, all at once.
    kind : str
        ``"point"``, ``"quantiles"``, ``"normal"`` or ``"student_t"``.
    levels : sequence of float
        Of the quantiles, rising.

    Attributes
    ----------
    maps : ModuleList
        In this order: the point; a map for each level; loc and scale; df, loc and scale.

    Raises
    ------
    ValueError
        If a size is not positive, there is no such kind, or the levels do not rise in (0, 1).

    Notes
    -----
    Quantiles cannot cross: the level nearest to the median is a linear map, and each other is a
    softplus, which is positive, away from its neighbour. A scale is squareplus of its map, df is 2
    more than that.
    """

    def __init__(
        self, width: int, horizon: int, kind: Head = "point", levels: Sequence[float] = (0.5,)
    ) -> None:
        super().__init__()
        check_choice("head", kind, get_args(Head))
        width, horizon = check_positive("width", width), check_positive("horizon", horizon)
        self.horizon = horizon
        self.kind: Head = kind
        self.levels = check_levels(levels, rising=True)
        count = _MAPS.get(kind, len(self.levels))
        self.maps = nn.ModuleList(nn.Linear(width, horizon) for _ in range(count))

    def forward(
        self, features: Float[Tensor, "B C W"], norm: ReversibleNorm, level: Level
    ) -> Forecast:
        """Say what comes, in the units of the series.

        Parameters
        ----------
        features : Tensor, shape (B, C, W)
            Of each window's channels, normalised.
        norm : ReversibleNorm
            Knows the way back.
        level : Level
            Of the windows.

        Returns
        -------
        Forecast
            Of N = horizon values each.
        """
        raw = [m(features).mT for m in self.maps]  # (B, N, C) each
        if self.kind == "point":
            return PointForecast(norm.restore(raw[0], level))
        if self.kind == "quantiles":
            return QuantileForecast(norm.restore(self._rising(raw), level), self.levels)
        loc, scale = norm.restore(raw[-2], level), _positive(raw[-1]) * norm.spread(level)
        if self.kind == "normal":
            return NormalForecast(loc, scale)
        return StudentTForecast(2.0 + _squareplus(raw[0]), loc, scale)

    def _rising(self, raw: list[Tensor]) -> Tensor:
        """Return quantiles, none below the one before, from the middle outwards."""
        middle = nearest_to_median(self.levels)
        values = {middle: raw[middle]}
        for i in range(middle + 1, len(raw)):
            values[i] = values[i - 1] + softplus(raw[i])
        for i in reversed(range(middle)):
            values[i] = values[i + 1] - softplus(raw[i])
        return torch.stack([values[i] for i in range(len(raw))], dim=-1)

    def extra_repr(self) -> str:
        """Return the choices that ``print(module)`` shows."""
        return repr(self.kind) + (f", levels={self.levels}" if self.kind == "quantiles" else "")


def _squareplus(x: Tensor) -> Tensor:
    return (x + (x * x + 4.0).sqrt()) / 2.0


def _positive(x: Tensor) -> Tensor:
    return _squareplus(x).clamp(min=torch.finfo(x.dtype).eps)
