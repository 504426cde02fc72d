"""What a forecaster is: a function from a past, and from nothing else, to what comes next."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_number, check_shape

__all__ = ["Forecast", "Forecaster", "as_forecast", "check_levels", "check_past"]


class Forecast(NamedTuple):
    """What is expected of the steps that follow a past."""

    values: Float[Tensor, " H"]
    """One number for each step."""
    quantiles: Float[Tensor, "H Q"] | None = None
    """For each step and level, what the truth stays below that often; None if none is told."""
    levels: tuple[float, ...] = ()
    """The levels, between 0 and 1, rising."""


Forecaster: TypeAlias = Callable[..., Any]
"""``forecaster(past, horizon)``: a past of shape (T,) and a number of steps in; a :class:`Forecast`
or its values, shape (H,), out. With covariates that are known in advance there is a third argument,
their rows of shape (T + horizon, F)."""


def as_forecast(told: Any, horizon: int) -> Forecast:
    """Return what a forecaster has told as a forecast, if it has the right shapes.

    Parameters
    ----------
    told : Forecast or Tensor, shape (H,)
        What a forecaster returned.
    horizon : int
        How many steps were asked for.

    Raises
    ------
    ValueError
        If values are missing, too many or not finite, or quantiles do not rise with their levels.
    """
    forecast = told if isinstance(told, Forecast) else Forecast(told)
    check_shape("forecast", forecast.values, "H", H=horizon)
    _check_finite("forecast", forecast.values)
    if forecast.quantiles is None:
        return Forecast(forecast.values.detach().double())
    levels = check_levels(forecast.levels)
    check_shape("quantiles", forecast.quantiles, "H Q", H=horizon, Q=len(levels))
    _check_finite("quantiles", forecast.quantiles)
    if (forecast.quantiles.diff(dim=1) < 0).any():
        raise ValueError("quantiles should rise with their levels, got some that cross")
    return Forecast(forecast.values.detach().double(), forecast.quantiles.detach().double(), levels)


def check_levels(levels: Sequence[float]) -> tuple[float, ...]:
    """Require levels of quantiles: in (0, 1), rising.

    Returns
    -------
    tuple of float
        The same levels, as Python's numbers.

    Raises
    ------
    ValueError
        If there is none, one lies outside, or they do not rise.
    """
    found = tuple(check_number("levels", x, "in (0, 1)", lambda x: 0 < x < 1) for x in levels)
    if not found or list(found) != sorted(set(found)):
        raise ValueError(f"levels should rise, and there should be one at least, got {found}")
    return found


def check_past(past: Any, at_least: int = 1) -> Float[Tensor, " T"]:
    """Require a past that a method can use, and return it as float64.

    Parameters
    ----------
    past : Tensor, shape (T,)
        What is known.
    at_least : int
        How many values the method needs.

    Raises
    ------
    ValueError
        If ``past`` has another shape, is too short, or holds what is no number.
    """
    check_shape("past", past, "T")
    if len(past) < at_least:
        raise ValueError(f"past should have at least {at_least} values, got {len(past)}")
    _check_finite("past", past)
    return torch.as_tensor(past).detach().double()


def _check_finite(name: str, x: Tensor) -> None:
    if not torch.isfinite(x).all():
        raise ValueError(f"{name} should be finite, got NaN or infinity")
