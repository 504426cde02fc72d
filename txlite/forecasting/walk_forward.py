"""Walking forward: a forecast at one origin after the other, each from what was known there.

A forecaster cannot see the future because it is not handed any. At each origin it gets a copy of
the values before it, in memory of its own; the truth is cut out afterwards. Whatever is fitted, a
scale, features, weights, the choice of a model or of the moment to stop, is fitted on such a copy.

Source
    Tashman (2000), "Out-of-sample tests of forecasting accuracy: an analysis and review",
    International Journal of Forecasting 16: rolling origins, and windows that grow or roll.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from txlite._checks import check_callable, check_length, check_positive, check_shape
from txlite.data.series import Series
from txlite.forecasting.forecast import Forecaster, as_forecast

__all__ = ["Parts", "Trained", "Walk", "origins", "split_parts", "walk_forward"]


@dataclass(frozen=True)
class Trained:
    """A forecaster that is fitted now and then, and used in between.

    Parameters
    ----------
    trainer : callable
        ``trainer(past)`` gets what is known at an origin and returns a forecaster.
    every : int
        How many origins one fit serves.
    """

    trainer: Callable[[Tensor], Forecaster]
    every: int = 1

    def __post_init__(self) -> None:
        check_callable("trainer", self.trainer, "from a past to a forecaster")
        object.__setattr__(self, "every", check_positive("every", self.every))


@dataclass(frozen=True, eq=False)
class Walk:
    """The forecasts of a walk, and what came.

    Parameters
    ----------
    origins : Tensor, shape (N,)
        The place of the first value that each forecast is about.
    truth : Tensor, shape (N, H)
        What came.
    values : Tensor, shape (N, H)
        What was forecast.
    observed : Tensor, shape (N, H)
        False where the truth was filled in, and does not count.
    quantiles : Tensor, shape (N, H, Q), optional
        What the truth was to stay below.
    levels : tuple of float
        How often.
    """

    origins: Int[Tensor, " N"]
    truth: Float[Tensor, "N H"]
    values: Float[Tensor, "N H"]
    observed: Bool[Tensor, "N H"]
    quantiles: Float[Tensor, "N H Q"] | None = None
    levels: tuple[float, ...] = ()


@dataclass(frozen=True)
class Parts:
    """Three parts of a series, one after the other, as places that may be forecast.

    Parameters
    ----------
    train, valid, test : range
        To learn from, to choose by, to report.
    """

    train: range
    valid: range
    test: range


def origins(
    length: int,
    *,
    context: int,
    horizon: int,
    stride: int = 1,
    gap: int = 0,
    within: range | None = None,
) -> list[int]:
    """Return the places at which forecasts begin.

    They are counted from the end: the last forecast always ends on the last value, and what a
    stride leaves over is left over at the beginning.

    Parameters
    ----------
    length : int
        How many values there are.
    context : int
        How many have to be known at the first origin.
    horizon : int
        How many are forecast at each.
    stride : int
        From one origin to the next.
    gap : int
        How many values before an origin are not known yet when the forecast is made.
    within : range, optional
        Which values may be forecast. By default all that there is a context for. What lies before
        them may be known.

    Returns
    -------
    list of int
        Rising; with a stride of 1 there are ``length − context − gap − horizon + 1``.

    Raises
    ------
    ValueError
        If an argument is out of range, or there is not one origin.

    Examples
    --------
    >>> len(origins(100, context=24, horizon=12))
    65
    """
    length, gap = check_length("length", length), check_length("gap", gap)
    context, horizon = check_positive("context", context), check_positive("horizon", horizon)
    stride = check_positive("stride", stride)
    within = range(length) if within is None else within
    if not isinstance(within, range) or within.step != 1 or not 0 <= within.start <= within.stop:
        raise ValueError(f"within should be a range that rises by ones, got {within!r}")
    if within.stop > length:
        raise ValueError(f"within should end at length={length} at most, got {within.stop}")
    first = max(context + gap, within.start)
    last = within.stop - horizon
    if last < first:
        raise ValueError(
            f"length should be enough for context={context}, gap={gap} and horizon={horizon}, got "
            f"{length} values, of which {len(within)} may be forecast"
        )
    return list(range(last, first - 1, -stride))[::-1]


def split_parts(length: int, *, valid: int, test: int, gap: int = 0) -> Parts:
    """Cut a series into training, validation and test, in the order of time.

    Parameters
    ----------
    length : int
        How many values there are.
    valid, test : int
        How many values the last two parts have.
    gap : int
        How many values between two parts are in none: as many as a label reaches ahead.

    Returns
    -------
    Parts
        The test ends on the last value.

    Raises
    ------
    ValueError
        If nothing is left to train on.
    """
    length, gap = check_positive("length", length), check_length("gap", gap)
    valid, test = check_positive("valid", valid), check_positive("test", test)
    train = length - valid - test - 2 * gap
    if train < 1:
        raise ValueError(
            f"length should be more than valid={valid}, test={test} and two gaps of {gap}, "
            f"got {length}"
        )
    return Parts(
        range(train), range(train + gap, train + gap + valid), range(length - test, length)
    )


def walk_forward(
    series: Series | Float[Tensor, " T"],
    forecaster: Forecaster | Trained,
    *,
    context: int,
    horizon: int,
    stride: int = 1,
    gap: int = 0,
    window: int | None = None,
    within: range | None = None,
    known: Float[Tensor, "T F"] | None = None,
) -> Walk:
    """Ask a forecaster at each origin, and hand it what was known there.

    Parameters
    ----------
    series : Series or Tensor, shape (T,)
        What was measured.
    forecaster : callable or Trained
        ``forecaster(past, horizon)`` returns a :class:`Forecast`, or its values. What it is given
        is its own copy: changing it changes nothing here. With a gap it is asked for
        ``gap + horizon`` steps, of which the last ``horizon`` count.
    context : int
        How many values have to be known at the first origin.
    horizon : int
        How many are forecast at each.
    stride : int
        From one origin to the next, counted from the end (:func:`origins`).
    gap : int
        How many values before an origin are not known yet when the forecast is made.
    window : int, optional
        The most values that are handed on, the latest. By default all: a past that grows.
    within : range, optional
        Which values may be forecast. By default all that there is a context for.
    known : Tensor, shape (T, F), optional
        Covariates that are known in advance, such as a calendar's. Then the forecaster gets a third
        argument: their rows for the past and for the steps that it is asked for.

    Returns
    -------
    Walk
        A row for each origin; none is left out.

    Raises
    ------
    ValueError
        If an argument is out of range, ``window`` is shorter than ``context``, or a forecaster
        returns what is no forecast, or quantiles only now and then.
    """
    values = series.values if isinstance(series, Series) else series
    length = check_shape("series", values, "T")["T"]
    seen = series.observed if isinstance(series, Series) else ~values.isnan()
    assert seen is not None  # a Series has filled it in
    places = origins(
        length, context=context, horizon=horizon, stride=stride, gap=gap, within=within
    )
    if known is not None:
        check_shape("known", known, "T F", T=length)
    context, horizon = check_positive("context", context), check_positive("horizon", horizon)
    gap = check_length("gap", gap)
    window = window if window is None else check_positive("window", window)
    if window is not None and window < context:
        raise ValueError(f"window should be at least context={context}, got {window}")
    trained = forecaster if isinstance(forecaster, Trained) else None
    asked: Any = forecaster
    told = []
    for number, place in enumerate(places):
        end = place - gap
        begin = 0 if window is None else max(0, end - window)
        if trained is not None and number % trained.every == 0:
            asked = trained.trainer(values[begin:end].clone())
            check_callable("what trainer returns", asked, "from a past and a horizon to a forecast")
        more = () if known is None else (known[begin : place + horizon].clone(),)
        found = as_forecast(asked(values[begin:end].clone(), gap + horizon, *more), gap + horizon)
        told.append(found)
    if len({found.levels for found in told}) > 1:
        raise ValueError("a forecaster should tell the same quantiles at every origin")
    rows = torch.tensor(places)[:, None] + torch.arange(horizon)
    quantiles = [found.quantiles[gap:] for found in told if found.quantiles is not None]
    return Walk(
        torch.tensor(places), values[rows].double(),
        torch.stack([found.values[gap:] for found in told]), seen[rows],
        torch.stack(quantiles) if quantiles else None, told[0].levels,
    )  # fmt: skip
