"""What the studies of forecasting share: two measured series, and everything that forecasts them.

Whoever learns is a trainer: it gets a past and returns a function of a past. So the walk-forward
test hands each of them what was known at an origin and nothing else; scale, weights and intervals
come from that copy. Networks and linear maps may be given the series, or its difference to the
season before; which of the two is chosen on the validation, like all else.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

import txlite
from txlite.data.real_series import air_temperature, electricity_demand
from txlite.data.series import Series
from txlite.forecasting import (
    ExponentialSmoothing,
    Forecast,
    Forecaster,
    ForwardWalk,
    Ridge,
    origins,
)
from txlite.forecasting.forecast import as_forecast
from txlite.models import Forecaster as PatchForecaster
from txlite.models import ForecasterConfig
from txlite.models.baselines import LinearForecaster
from txlite.training import Batches, ForecastLoss, adamw, fit, warmup_cosine

LEVELS = (0.1, 0.5, 0.9)
PATCH, STRIDE = 16, 8
SIZES: dict[str, Any] = {"d_model": 16, "num_heads": 4, "d_ff": 128, "num_layers": 2}
RATE, DECAY, ROWS, DROPOUT = 5e-3, 1e-2, 64, 0.3
SHORT, LONG = 100, 400  # steps of a Transformer: to choose from
LONGER = 4  # times as many, where that is the control
LINEAR_STEPS = 800
Trainer = Callable[[Tensor], Forecaster]
Kind = Literal["Transformer", "linear"]


@dataclass(frozen=True)
class Task:
    """A series, what is asked of it, and when."""

    read: Callable[[], Series]
    horizon: int
    season: int  # the one that a difference may be taken to, and that MASE is scaled by
    day: int
    test: int  # values at the end that are forecast
    valid: int  # values before them, to choose by
    every: int  # origins that one fit serves
    contexts: tuple[int, int]
    stride: int = 4  # from one origin to the next
    block: int = 24  # origins that are drawn together: two days

    def places(self, length: int) -> list[int]:
        """Return the origins of the test."""
        within = range(length - self.test, length)
        return origins(length, context=1, horizon=self.horizon, stride=self.stride, within=within)


TASKS = {
    "demand": Task(electricity_demand, 48, 336, 48, 4 * 336, 336, 84, (96, 384)),
    "air": Task(air_temperature, 24, 24, 24, 92 * 24, 30 * 24, 184, (72, 336), block=12),
}


@dataclass(frozen=True)
class Plan:
    """How one that learns is built and trained."""

    kind: Kind = "Transformer"
    season: int = 0  # of the difference; 0 takes none
    context: int = 96
    average: bool = False  # a linear map of trend and rest, in the place of one of the rest
    scaling: str = "std"
    positions: str = "learned"
    attend: str = "softmax"  # or "itself": no patch learns of another
    order: str = "time"  # or "mixed": the patches of each window in an order of its own
    steps: int = LONG  # of a Transformer


# --- a view of a series ---------------------------------------------------------------------------


def difference(past: Float[Tensor, " T"], season: int) -> Float[Tensor, " t"]:
    """Return what a series is above the season before it; the series, where there is none."""
    return past[season:] - past[:-season] if season else past


def less_season(season: int, trainer: Trainer) -> Trainer:
    """Return a trainer that sees differences to one season before, and whose season is given back.

    No horizon here is longer than a season, so that what is given back is known at the origin.
    """
    if not season:
        return trainer

    def train(past: Float[Tensor, " T"]) -> Forecaster:
        inner = trainer(difference(past, season))

        def forecaster(past: Float[Tensor, " T"], horizon: int) -> Forecast:
            told = as_forecast(inner(difference(past, season), horizon), horizon)
            back = past[-season:][:horizon].double()
            more = None if told.quantiles is None else told.quantiles + back[:, None]
            return Forecast(told.values + back, more, told.levels)

        return forecaster

    return train


def with_spread(trainer: Trainer, task: Task) -> Trainer:
    """Return a trainer whose forecasts have quantiles: of its errors on the last days of the past.

    They are the errors of a fit that had not seen these days; what is forecast is told by a second
    fit, which has.
    """

    def train(past: Float[Tensor, " T"]) -> Forecaster:
        early, final = trainer(past[: -task.valid]), trainer(past)
        within = range(len(past) - task.valid, len(past))
        places = origins(
            len(past), context=1, horizon=task.horizon, stride=task.stride, within=within
        )
        errors = [
            past[at : at + task.horizon]
            - as_forecast(early(past[:at], task.horizon), task.horizon)[0]
            for at in places
        ]
        levels = torch.tensor(LEVELS, dtype=torch.double)
        spread = torch.quantile(torch.stack(errors), levels, dim=0).T

        def forecaster(past: Float[Tensor, " T"], horizon: int) -> Forecast:
            told = as_forecast(final(past, horizon), horizon).values
            return Forecast(told, told[:, None] + spread[:horizon], LEVELS)

        return forecaster

    return train


# --- statistics -----------------------------------------------------------------------------------


def arma(order: int, surprises: int, history: int = 1344) -> Trainer:
    """Return a trainer of ARMA: its weights stay, its state follows what is known."""

    def train(past: Float[Tensor, " T"]) -> Forecaster:
        from statsmodels.tsa.arima.model import ARIMA

        held = past[-history:]
        scale = float(held.std())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = ARIMA((held / scale).numpy(), order=(order, 0, surprises))
            fitted = model.fit(method="innovations_mle")

        def forecaster(past: Float[Tensor, " T"], horizon: int) -> Forecast:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                now = fitted.apply((past[-history:] / scale).numpy())
            return Forecast(torch.as_tensor(now.forecast(horizon), dtype=torch.double) * scale)

        return forecaster

    return train


def smoothing(trend: bool, history: int) -> Trainer:
    """Return a trainer of exponential smoothing, which fits itself anew at every origin."""
    model = ExponentialSmoothing(trend=trend, history=history)
    return lambda past: model


def ridge(lags: int, penalty: float, horizon: int) -> Trainer:
    """Return a trainer of a ridge regression on the last values."""
    return lambda past: Ridge(lags, penalty).fit(past, horizon)


# --- what is trained by steps ---------------------------------------------------------------------


class OwnValue(nn.Module):
    """In the place of attention: every position keeps its own value, and learns of no other."""

    def forward(self, query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> Tensor:
        """Return the values."""
        return value


class MixedPatches(nn.Module):
    """Lays the patches of each window in an order of its own, after each has become a vector."""

    def __init__(self, patches: nn.Module) -> None:
        super().__init__()
        self.patches = patches

    def forward(self, window: Tensor) -> Float[Tensor, "B C P D"]:
        """Return the patches' vectors."""
        x: Tensor = self.patches(window)
        order = torch.rand(x.shape[:-1], device="cpu").argsort(-1).to(x.device)
        return x.gather(2, order[..., None].expand_as(x))


def built(plan: Plan, horizon: int) -> nn.Module:
    """Build what a plan says; the weights are torch's next ones."""
    more: dict[str, Any] = {"head": "quantiles", "levels": LEVELS}
    if plan.kind == "linear":
        more |= {"average": 25, "scaling": "none"} if plan.average else {"scaling": "last"}
        return LinearForecaster(plan.context, horizon, **more)
    model = PatchForecaster(
        ForecasterConfig(
            context_length=plan.context, horizon=horizon, patch_length=PATCH, stride=STRIDE,
            dropout=DROPOUT, ff_dropout=DROPOUT, scaling=plan.scaling,  # type: ignore[arg-type]
            positions=plan.positions, **SIZES, **more,  # type: ignore[arg-type]
        )
    )  # fmt: skip
    if plan.attend == "itself":
        for layer in model.encoder.layers:
            layer.attention.attend = OwnValue()  # type: ignore[union-attr]
    if plan.order == "mixed":
        model.patches = MixedPatches(model.patches)  # type: ignore[assignment]
    return model


@dataclass(frozen=True)
class Batch:
    """Windows, and what came after each."""

    past: Float[Tensor, "B T 1"]
    future: Float[Tensor, "B N 1"]
    past_observed: None = None
    future_observed: None = None


def trained(
    model: nn.Module, series: Float[Tensor, " T"], plan: Plan, horizon: int, seed: int
) -> None:
    """Train a model in place on every window of a series that is on a scale of its own."""
    windows = series.float().unfold(0, plan.context + horizon, 1)[..., None]
    device = txlite.device()
    network = plan.kind == "Transformer"
    steps, rate = (plan.steps, RATE) if network else (LINEAR_STEPS, 2 * RATE)

    def collate(rows: Sequence[int]) -> Batch:
        chosen = windows[torch.as_tensor(rows)].to(device)
        return Batch(chosen[:, : plan.context], chosen[:, plan.context :])

    fit(
        model,
        Batches(
            range(len(windows)),
            collate,
            batch_size=min(ROWS, len(windows)),
            seed=txlite.seed(seed).initial_seed(),
        ),
        ForecastLoss(),
        steps=steps,
        optimizer=adamw(model, rate, weight_decay=DECAY, fused=True),
        schedule=warmup_cosine(rate, max(1, steps // 10), steps),
        clip_norm=1.0,
        progress=False,
    )


def learner(plan: Plan, horizon: int, seed: int) -> Trainer:
    """Return a trainer of what a plan says, with its difference."""

    def train(past: Float[Tensor, " T"]) -> Forecaster:
        loc, scale = past.mean(), past.std()
        txlite.seed(seed)
        model = built(plan, horizon).to(txlite.device())
        trained(model, (past - loc) / scale, plan, horizon, seed)
        model.eval()

        @torch.no_grad()
        def forecaster(past: Float[Tensor, " T"], horizon: int) -> Forecast:
            window = ((past[-plan.context :] - loc) / scale).float()[None, :, None]
            told = model(window.to(txlite.device())).values[0, :, 0].cpu().double()
            return Forecast(told[:, 1] * scale + loc, told * scale + loc, LEVELS)

        return forecaster

    return less_season(plan.season, train)


# --- as many candidates for each ------------------------------------------------------------------


def plans(task: Task, kind: Kind) -> dict[str, Plan]:
    """Return the eight candidates of what is trained by steps."""
    return {
        f"{view or 'no'} {context} {choice}": Plan(
            kind, view, context, average=bool(choice), steps=(SHORT, LONG)[choice]
        )
        for view in (0, task.season)
        for context in task.contexts
        for choice in (0, 1)
    }


def statistics(task: Task) -> dict[str, dict[str, Trainer]]:
    """Return the eight candidates of each classical method."""
    views = (0, task.season)
    seasons = (task.day if task.season > task.day else 0, task.season)
    return {
        "ridge": {
            f"{view or 'no'} {lags} {penalty}": less_season(
                view, ridge(lags, penalty, task.horizon)
            )
            for view in views
            for lags in task.contexts
            for penalty in (1e-4, 1e-2)
        },
        "ARMA": {
            f"{view or 'no'} {p} {q}": less_season(view, arma(p, q))
            for view in seasons
            for p, q in ((1, 0), (2, 1), (3, 1), (3, 2))
        },
        "smoothing": {
            f"{view} {days} {trend}": less_season(view, smoothing(trend, days * task.day))
            for view in seasons
            for days in (3, 14)
            for trend in (False, True)
        },
    }


def by_origin(walk: ForwardWalk) -> Float[Tensor, " N"]:
    """Return the mean absolute error of each origin's forecast."""
    return (walk.truth - walk.values).abs().mean(1)


def changed(plan: Plan) -> dict[str, Plan]:
    """Return the chosen plan with one thing taken away, or changed, at a time."""
    return {
        "no difference": replace(plan, season=0),
        "no scale of its own": replace(plan, scaling="none"),
        "no positions": replace(plan, positions="none"),
        "patches mixed": replace(plan, order="mixed"),
        "attends to itself": replace(plan, attend="itself"),
        "trained longer": replace(plan, steps=LONGER * plan.steps),
    }
