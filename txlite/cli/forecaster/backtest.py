"""How well a forecaster does on the end of each series, which it has never seen, beside others.

All are asked at the same origins, each with what was known there. The model was trained once, on
what lies before the first of them; the others are fitted anew at each.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from txlite.cli.forecaster.recipe import Plan
from txlite.data.series import Series
from txlite.forecasting import (
    Calibrated,
    ExponentialSmoothing,
    Forecast,
    Forecaster,
    Ridge,
    SeasonalNaive,
    Walk,
    block_bootstrap,
    coverage,
    mae,
    naive,
    pinball,
    walk_forward,
)
from txlite.models import Forecaster as Model

__all__ = ["OURS", "Beside", "asked", "backtest", "beside_best", "others"]

OURS = "forecaster"
HISTORY = 20_000  # values, the latest, that ridge regression is fitted to
SMOOTHED = 60  # steps of the longest season that is smoothed: a longer one takes minutes
Scores = Mapping[str, float | None]


class Beside(NamedTuple):
    """The model's error as a share of another's, with an interval over the origins."""

    name: str
    share: float
    low: float
    high: float


def asked(model: Model, levels: Sequence[float]) -> Forecaster:
    """Return a trained model as a function from a past to what comes."""
    context = model.config.context_length
    place = next(model.parameters())

    @torch.no_grad()
    def forecaster(past: Float[Tensor, " T"], horizon: int) -> Forecast:
        window = past[-context:].to(place).view(1, -1, 1)
        said = model(window)
        quantiles = said.quantiles(levels)[0, :horizon, 0].double().cpu()
        return Forecast(said.point[0, :horizon, 0].double().cpu(), quantiles, tuple(levels))

    return forecaster


def others(plan: Plan, levels: Sequence[float]) -> dict[str, Forecaster]:
    """Return what the model is set beside: each with quantiles from its own errors, but the last.

    Exponential smoothing is there where statsmodels is, for seasons of at most 60 steps.
    """
    tries = {"origins": 12, "stride": max(1, plan.horizon // 4)}

    def calibrated(forecaster: Forecaster) -> Forecaster:
        return Calibrated(forecaster, tuple(levels), **tries)

    found: dict[str, Forecaster] = {"naive": calibrated(naive)}
    if plan.season > 1:
        found["seasonal naive"] = calibrated(SeasonalNaive(plan.season))
    ridge = Ridge(plan.context)
    found["ridge"] = calibrated(lambda past, horizon: ridge(past[-HISTORY:], horizon))
    if find_spec("statsmodels") is not None and plan.season <= SMOOTHED:
        history = max(6 * plan.season, 60)
        found["ETS"] = ExponentialSmoothing(plan.season, history=history)
    return found


def backtest(
    series: Series,
    model: Model,
    plan: Plan,
    levels: Sequence[float],
    tell: Callable[[str], None] = lambda name: None,
) -> dict[str, Walk]:
    """Walk forward over the test with the model and the others.

    Parameters
    ----------
    series : Series
        To its end.
    model : Forecaster
        Trained on what lies before the test.
    plan : Plan
        Where origins lie.
    levels : sequence of float
        Of the quantiles.
    tell : callable
        Is told whose turn it is.

    Returns
    -------
    dict of str to Walk
        By name, the model first. Who cannot be fitted to so short a past is left out.
    """
    rows: dict[str, Walk] = {}
    length = len(series)
    for name, forecaster in {OURS: asked(model, levels), **others(plan, levels)}.items():
        tell(name)
        try:
            rows[name] = walk_forward(
                series, forecaster, context=plan.context, horizon=plan.horizon, stride=plan.stride,
                within=range(length - plan.test, length),
            )  # fmt: skip
        except ValueError:
            if name == OURS:
                raise
    return rows


def scored(walk: Walk, training: Series, season: int) -> dict[str, float | None]:
    """Return the scores of one walk, over the values that were observed; None where not defined."""
    seen = walk.observed
    truth, values = walk.truth[seen], walk.values[seen]
    back = season if season < len(training) else 1
    assert training.observed is not None  # a Series has filled it in
    both = training.observed[back:] & training.observed[:-back]  # what is filled in errs by nothing
    changes = (training.values[back:] - training.values[:-back]).abs()[both]
    scale = float(changes.mean()) if len(changes) else 0.0
    error = mae(truth, values)
    found: dict[str, float | None] = {"MAE": error, "MASE": error / scale if scale > 0 else None}
    found |= {"pinball": None, "coverage": None}
    if walk.quantiles is not None:
        said = walk.quantiles[seen]
        found["pinball"] = float(pinball(truth, said, walk.levels).mean())
        found["coverage"] = coverage(truth, said[:, 0], said[:, -1])
    return found


def scores_of(walks: Mapping[str, Walk], series: Series, plan: Plan) -> dict[str, Scores]:
    """Return the scores of all walks over a series."""
    training = series[: len(series) - plan.test]
    return {name: scored(walk, training, plan.season) for name, walk in walks.items()}


def beside_best(walks: Mapping[str, Walk], plan: Plan, seed: int) -> Beside | None:
    """Compare the model's absolute errors with those of the best of the others.

    Blocks of origins are drawn, so long that windows which overlap stay together. Which of the
    others is the best was seen on the same test: that favours them.

    Returns
    -------
    Beside or None
        None where there are fewer than 8 origins, or the best makes no error.
    """
    errors = {
        name: (((walk.truth - walk.values).abs() * walk.observed).sum(1), walk.observed.sum(1))
        for name, walk in walks.items()
    }
    mean = {name: float(total.sum() / count.sum()) for name, (total, count) in errors.items()}
    best = min((name for name in mean if name != OURS), key=mean.__getitem__, default=None)
    if best is None or len(errors[OURS][0]) < 8 or not mean[best] > 0:
        return None
    losses = (errors[OURS][0] - errors[best][0]) / errors[OURS][1].clamp(min=1)
    block = min(len(losses) // 2, math.ceil(plan.horizon / plan.stride))
    interval = block_bootstrap(
        losses, block=max(1, block), generator=torch.Generator().manual_seed(seed)
    )
    ends: Any = (interval.low, interval.high)
    low, high = (1 + float(end) / mean[best] for end in ends)
    return Beside(best, mean[OURS] / mean[best], low, high)
