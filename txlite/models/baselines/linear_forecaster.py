"""A forecaster without a Transformer: a linear map of a window, as strong as it is short.

Zeng et al. set such maps beside the Transformers of their day, and beat them. A window may first be
parted into its trend, which is a moving average, and the rest (DLinear), or have its last value
subtracted (NLinear); with neither it is one linear map.

Source
    Zeng et al. (2023), "Are Transformers Effective for Time Series Forecasting?", section 4.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool1d

from txlite._checks import check_positive, check_shape
from txlite.models.forecaster_head import ForecastHead, Head
from txlite.models.forecasts import Forecast
from txlite.nn.instance_norm import Gaps, ReversibleNorm, Scaling

__all__ = ["LinearForecaster"]


class LinearForecaster(nn.Module):
    """One linear map from all values of a window to all values to come, the same for each channel.

    Called as :class:`txlite.models.Forecaster`.

    Parameters
    ----------
    context_length : int
        Values of a window.
    horizon : int
        Values that are forecast.
    average : int, optional
        Over how many values the trend is averaged; odd, so that it has a middle. Beyond the ends
        the first and the last value go on. By default there is no trend apart. Nothing of it knows
        the future: the average is taken inside the window.
    scaling : str
        Of a window: ``"last"``, ``"std"``, ``"mean"`` or ``"none"``, as
        :class:`txlite.nn.ReversibleNorm` has them.
    gaps : str
        What stands where nothing is observed, as there.
    head : str
        ``"point"``, ``"quantiles"``, ``"normal"`` or ``"student_t"``.
    levels : sequence of float
        Of a head with quantiles.

    Attributes
    ----------
    scale : ReversibleNorm
        A window's level and scale, and the way back.
    head : ForecastHead
        The linear maps.

    Raises
    ------
    ValueError
        If a size is not positive, ``average`` is even, or a choice does not exist.

    Notes
    -----
    The paper's two maps, of trend and rest, are one of both side by side: their sum is the same,
    and there is one bias in the place of two that nothing can tell apart.

    References
    ----------
    Zeng et al. (2023), section 4.

    Examples
    --------
    >>> model = LinearForecaster(48, 12, head="quantiles", levels=[0.1, 0.5, 0.9])
    >>> model(torch.zeros(2, 48, 3)).values.shape
    torch.Size([2, 12, 3, 3])
    """

    def __init__(
        self,
        context_length: int,
        horizon: int,
        *,
        average: int | None = None,
        scaling: Scaling = "last",
        gaps: Gaps = "level",
        head: Head = "point",
        levels: Sequence[float] = (0.1, 0.5, 0.9),
    ) -> None:
        super().__init__()
        self.context_length = check_positive("context_length", context_length)
        self.average = average
        if average is not None:
            self.average = average = check_positive("average", average)
            if average % 2 == 0:
                raise ValueError(f"average should be an odd number, got {average}")
        self.scale = ReversibleNorm(scaling, gaps=gaps)
        width = self.context_length * (1 if average is None else 2)
        self.head = ForecastHead(width, horizon, head, levels)

    @classmethod
    def dlinear(cls, context_length: int, horizon: int) -> "LinearForecaster":
        """Return the paper's DLinear: a trend over 25 values, and no scaling."""
        return cls(context_length, horizon, average=25, scaling="none")

    @classmethod
    def nlinear(cls, context_length: int, horizon: int) -> "LinearForecaster":
        """Return the paper's NLinear: the last value is subtracted, and added again."""
        return cls(context_length, horizon, scaling="last")

    def forward(
        self, past: Float[Tensor, "B T C"], observed: Bool[Tensor, "B T C"] | None = None
    ) -> Forecast:
        """Say what comes after a window.

        Parameters
        ----------
        past : Tensor, shape (B, T, C)
            Windows of C series each, the newest value last; T is ``context_length``.
        observed : Tensor of bool, shape (B, T, C), optional
            False for a value that is missing. What stands there does not count, NaN included.

        Returns
        -------
        Forecast
            Of the N = ``horizon`` values after each window, in the units of the series.

        Raises
        ------
        ValueError
            If a window has another length, or a shape or dtype does not fit.
        """
        check_shape("past", past, "B T C", T=self.context_length)
        z, level = self.scale(past, observed)
        parts = z.mT  # (B, C, T)
        if self.average is not None:
            trend = self.trend(parts)
            parts = torch.cat([trend, parts - trend], dim=-1)
        forecast: Forecast = self.head(parts, self.scale, level)
        return forecast

    def trend(self, x: Float[Tensor, "B C T"]) -> Float[Tensor, "B C T"]:
        """Return the moving average of each channel, its first and last value going on outside."""
        if self.average is None:
            raise ValueError("average should be a number for a trend, got None")
        beside = self.average // 2
        ends = [x[..., :1].expand(-1, -1, beside), x[..., -1:].expand(-1, -1, beside)]
        return avg_pool1d(torch.cat([ends[0], x, ends[1]], dim=-1), self.average, stride=1)
