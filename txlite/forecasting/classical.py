"""Forecasts without a network: what a learned one has to beat.

Each is a function of a past and a horizon, and is fitted, where there is something to fit, on that
past alone.

Source
    Hyndman and Athanasopoulos (2021), "Forecasting: principles and practice", 3rd edition, sections
    5.2 (naive, seasonal naive, drift) and 5.5 (intervals from errors).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_number, check_positive
from txlite.forecasting.forecast import Forecast, Forecaster, as_forecast, check_levels, check_past

__all__ = ["Calibrated", "Climatology", "Ridge", "SeasonalNaive", "drift", "naive"]


def naive(past: Float[Tensor, " T"], horizon: int) -> Forecast:
    """Forecast that everything stays as it is.

    Parameters
    ----------
    past : Tensor, shape (T,)
        What is known.
    horizon : int
        How many steps are asked for.

    Raises
    ------
    ValueError
        If there is no past, or it holds what is no number.
    """
    return Forecast(check_past(past)[-1].repeat(check_positive("horizon", horizon)))


def drift(past: Float[Tensor, " T"], horizon: int) -> Forecast:
    """Forecast that the line from the first to the last value goes on.

    Parameters
    ----------
    past : Tensor, shape (T,)
        What is known: two values at least.
    horizon : int
        How many steps are asked for.

    Raises
    ------
    ValueError
        If the past is too short, or holds what is no number.
    """
    held = check_past(past, at_least=2)
    slope = (held[-1] - held[0]) / (len(held) - 1)
    return Forecast(held[-1] + slope * torch.arange(1, check_positive("horizon", horizon) + 1))


@dataclass(frozen=True)
class SeasonalNaive:
    """Forecasts that each step is what it was one season ago.

    Parameters
    ----------
    season : int
        How many steps a season has: 48 half-hours a day, 336 a week.
    """

    season: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "season", check_positive("season", self.season))

    def __call__(self, past: Float[Tensor, " T"], horizon: int) -> Forecast:
        """Forecast from a past of at least one season."""
        last = check_past(past, at_least=self.season)[-self.season :]
        return Forecast(last[torch.arange(check_positive("horizon", horizon)) % self.season])


@dataclass(frozen=True)
class Climatology:
    """Forecasts the mean of all earlier values at the same place in the season.

    Parameters
    ----------
    season : int
        How many steps a season has.
    """

    season: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "season", check_positive("season", self.season))

    def __call__(self, past: Float[Tensor, " T"], horizon: int) -> Forecast:
        """Forecast from a past of at least one season."""
        held = check_past(past, at_least=self.season)
        places = torch.arange(len(held), len(held) + check_positive("horizon", horizon))
        means = torch.stack([held[s :: self.season].mean() for s in range(self.season)])
        return Forecast(means[places % self.season])


@dataclass(frozen=True)
class Ridge:
    """Forecasts each step by its own linear function of the last values.

    The last value is taken from all that enter, and given back to all that leave: a level that
    was never seen is no new input.

    Parameters
    ----------
    lags : int
        How many values enter.
    penalty : float
        What is added to the diagonal of the mean products, as a share of their mean: 0 is ordinary
        least squares.
    """

    lags: int
    penalty: float = 1e-3

    def __post_init__(self) -> None:
        object.__setattr__(self, "lags", check_positive("lags", self.lags))
        wanted = "a number of at least zero"
        object.__setattr__(
            self, "penalty", check_number("penalty", self.penalty, wanted, lambda x: x >= 0)
        )

    def fit(self, past: Float[Tensor, " T"], horizon: int) -> Forecaster:
        """Return a forecaster with weights that were fitted to a past, and stay.

        Parameters
        ----------
        past : Tensor, shape (T,)
            What is known: two windows of ``lags + horizon`` values at least.
        horizon : int
            How many steps it will be asked for.

        Returns
        -------
        callable
            ``forecaster(past, horizon)``, for up to that many steps.

        Raises
        ------
        ValueError
            If the past is too short, or holds what is no number.
        """
        horizon = check_positive("horizon", horizon)
        held = check_past(past, at_least=self.lags + horizon + 1)
        windows = held.unfold(0, self.lags + horizon, 1)
        last = windows[:, self.lags - 1, None]
        inputs, targets = windows[:, : self.lags] - last, windows[:, self.lags :] - last
        bias_in, bias_out = inputs.mean(0), targets.mean(0)
        inputs, targets = inputs - bias_in, targets - bias_out
        products = inputs.T @ inputs / len(inputs)
        products += self.penalty * products.diagonal().mean() * torch.eye(self.lags)
        # not lstsq, whose last digits depend on where in memory its numbers lie
        weights = torch.linalg.pinv(products, hermitian=True) @ (inputs.T @ targets / len(inputs))

        def forecaster(past: Float[Tensor, " T"], steps: int) -> Forecast:
            if check_positive("horizon", steps) > horizon:
                raise ValueError(f"horizon should be at most {horizon}, got {steps}")
            recent = check_past(past, at_least=self.lags)[-self.lags :]
            told = (recent - recent[-1] - bias_in) @ weights + bias_out + recent[-1]
            return Forecast(told[:steps])

        return forecaster

    def __call__(self, past: Float[Tensor, " T"], horizon: int) -> Forecast:
        """Fit to a past, and forecast from its end."""
        told: Forecast = self.fit(past, horizon)(past, horizon)
        return told


@dataclass(frozen=True)
class Calibrated:
    """Any forecaster, with quantiles from its own errors on the past.

    It is asked at earlier origins, all of them inside the past, where its errors are known. The
    quantiles of the errors of each step ahead are added to the forecast. What it errs on values
    that it was fitted to is never asked.

    Parameters
    ----------
    forecaster : callable
        ``forecaster(past, horizon)``.
    levels : sequence of float
        In (0, 1), rising.
    origins : int
        At how many earlier origins it is asked.
    stride : int
        From one of them to the next.
    """

    forecaster: Forecaster
    levels: Sequence[float]
    origins: int = 20
    stride: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", check_levels(self.levels))
        object.__setattr__(self, "origins", check_positive("origins", self.origins))
        object.__setattr__(self, "stride", check_positive("stride", self.stride))

    def __call__(self, past: Float[Tensor, " T"], horizon: int) -> Forecast:
        """Forecast from a past that is longer than the earlier origins reach back."""
        horizon = check_positive("horizon", horizon)
        needed = horizon + (self.origins - 1) * self.stride + 1
        held = check_past(past, at_least=needed)
        errors = []
        for number in range(self.origins):
            end = len(held) - horizon - number * self.stride
            told = as_forecast(self.forecaster(held[:end].clone(), horizon), horizon)
            errors.append(held[end : end + horizon] - told.values)
        values = as_forecast(self.forecaster(held.clone(), horizon), horizon).values
        levels = torch.tensor(self.levels, dtype=torch.double)
        spread = torch.quantile(torch.stack(errors), levels, dim=0).T
        return Forecast(values, values[:, None] + spread, tuple(self.levels))
