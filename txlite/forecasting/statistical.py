"""Models of statistics, fitted by statsmodels: exponential smoothing, and ARMA of a difference.

Source
    Hyndman, Koehler, Ord and Snyder (2008), "Forecasting with Exponential Smoothing":
    smoothing as a model of states;
    Box and Jenkins (1970), "Time Series Analysis: Forecasting and Control": ARMA,
    and differences between seasons.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_length, check_positive
from txlite.forecasting.forecast import Forecast, check_levels, check_past

__all__ = ["ARMA", "ExponentialSmoothing"]


@dataclass(frozen=True)
class ExponentialSmoothing:
    """Forecasts a level, a trend and a season that are each a mean of the past, the latest first.

    Parameters
    ----------
    season : int
        How many steps a season has; 1 for none.
    trend : bool
        Whether there is a trend; it fades (it is damped), so that it does not go on for ever.
    history : int, optional
        How many values it is fitted to, the latest. By default all.
    """

    season: int = 1
    trend: bool = False
    history: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "season", check_positive("season", self.season))
        if not isinstance(self.trend, bool):
            raise ValueError(f"trend should be True or False, got {self.trend!r}")
        if self.history is not None:
            object.__setattr__(self, "history", check_positive("history", self.history))

    def __call__(self, past: Float[Tensor, " T"], horizon: int) -> Forecast:
        """Fit to a past of at least two seasons and ten values, and forecast.

        Raises
        ------
        ValueError
            If the past is too short, or holds what is no number.
        ImportError
            If statsmodels is missing.
        """
        held = check_past(past, at_least=max(10, 2 * self.season))
        held = held if self.history is None else held[-self.history :]
        horizon = check_positive("horizon", horizon)
        if held.min() == held.max():
            return Forecast(held[-1].repeat(horizon))
        module = _statsmodels("statsmodels.tsa.holtwinters")
        seasonal = {"seasonal": "add", "seasonal_periods": self.season} if self.season > 1 else {}
        trended = {"trend": "add", "damped_trend": True} if self.trend else {}
        centre, scale = held.mean(), held.std()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a fit that ends early is still the best that it found
            model = module.ExponentialSmoothing(
                ((held - centre) / scale).numpy(), initialization_method="estimated",
                **seasonal, **trended,
            )  # fmt: skip
            told = model.fit().forecast(horizon)
        return Forecast(torch.as_tensor(told, dtype=torch.double) * scale + centre)


@dataclass(frozen=True)
class ARMA:
    """Forecasts the difference to one season before by its own past and its own surprises.

    Parameters
    ----------
    order : int
        How many past differences count (p).
    surprises : int
        How many past errors count (q).
    season : int
        The difference is to so many steps before; 0 takes none.
    levels : sequence of float
        Levels of quantiles, of a normal distribution; none by default.
    history : int, optional
        How many values it is fitted to, the latest. By default all.
    """

    order: int = 2
    surprises: int = 1
    season: int = 0
    levels: Sequence[float] = ()
    history: int | None = None

    def __post_init__(self) -> None:
        for name in ("order", "surprises", "season"):
            object.__setattr__(self, name, check_length(name, getattr(self, name)))
        object.__setattr__(self, "levels", check_levels(self.levels) if self.levels else ())
        if self.history is not None:
            object.__setattr__(self, "history", check_positive("history", self.history))

    def __call__(self, past: Float[Tensor, " T"], horizon: int) -> Forecast:
        """Fit to a past, and forecast.

        Raises
        ------
        ValueError
            If the past is not longer than a season by ``3 (p + q) + 10`` values, or holds what is
            no number.
        ImportError
            If statsmodels is missing.
        """
        needed = self.season + 3 * (self.order + self.surprises) + 10
        held = check_past(past, at_least=needed)
        held = held if self.history is None else held[-max(self.history, needed) :]
        horizon = check_positive("horizon", horizon)
        differences = held[self.season :] - held[: -self.season] if self.season else held
        if differences.min() == differences.max():
            return self._told(held, differences[-1].repeat(horizon), torch.zeros(horizon))
        scale = differences.std()
        module = _statsmodels("statsmodels.tsa.arima.model")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a fit that ends early is still the best that it found
            fitted = module.ARIMA(
                (differences / scale).numpy(), order=(self.order, 0, self.surprises)
            ).fit()
            ahead = torch.as_tensor(fitted.forecast(horizon), dtype=torch.double) * scale
        weights = _weights(fitted.arparams, fitted.maparams, horizon)
        for step in range(self.season, horizon) if self.season else ():
            weights[step] += weights[step - self.season]  # a surprise comes back each season
        deviation = float(fitted.params[-1]) ** 0.5 * float(scale)
        return self._told(held, ahead, deviation * weights.square().cumsum(0).sqrt())

    def _told(
        self, held: Float[Tensor, " T"], ahead: Float[Tensor, " H"], spread: Float[Tensor, " H"]
    ) -> Forecast:
        """Return a forecast of the series from one of its differences."""
        values = ahead.clone()
        for step in range(len(ahead)) if self.season else ():
            back = step - self.season
            values[step] += held[back] if back < 0 else values[back]
        if not self.levels:
            return Forecast(values)
        scores = torch.special.ndtri(torch.tensor(self.levels, dtype=torch.double))
        quantiles = values[:, None] + spread[:, None].double() * scores
        return Forecast(values, quantiles, tuple(self.levels))


def _weights(past: Any, surprises: Any, horizon: int) -> Float[Tensor, " H"]:
    """Return what a surprise adds to each step after it (Box and Jenkins, section 5.2)."""
    weights = torch.zeros(horizon, dtype=torch.double)
    for step in range(horizon):
        before = sum(float(a) * weights[step - n] for n, a in enumerate(past, 1) if n <= step)
        own = 1.0 if step == 0 else float(surprises[step - 1]) if step <= len(surprises) else 0.0
        weights[step] = own + before
    return weights


def _statsmodels(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        told = "this forecaster needs statsmodels: pip install 'txlite[forecasting]'"
        raise ImportError(told) from error
