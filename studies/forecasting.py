"""Forecasting: demand for electricity and the temperature of the air, walked forward.

A naive forecast, last day and last week, exponential smoothing, ARMA, a ridge regression, a linear
map that is trained by steps and a Transformer of patches forecast the same origins. Each that has
something to choose has eight candidates, and chooses once, on the days before the test. Each is
then fitted anew as the test goes on, on all that is known at the moment.

Then the Transformer that is fitted once, as the chapter's page trains it, and with one thing taken
away, or changed, at a time. Every training is kept when it is done.
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

import txlite
from studies._forecasting import (
    LEVELS,
    LONGER,
    TASKS,
    Kind,
    Plan,
    Task,
    Trainer,
    by_origin,
    changed,
    learner,
    plans,
    statistics,
    with_spread,
)
from studies._kept import kept
from txlite.forecasting import (
    Calibrated,
    Forecaster,
    ForwardWalk,
    SeasonalNaive,
    Trained,
    block_places,
    coverage,
    diebold_mariano,
    interval_width,
    mae,
    mase,
    naive,
    pinball,
    walk_forward,
)

ONCE = 10**6  # more origins than there are: one fit for all of them
STEPS_TOLD = 12  # parts of the horizon whose error is told
SAMPLES = 2_000
LEARNED: dict[str, Kind] = {"linear": "linear", "Transformer": "Transformer"}
CONTROLLED = "demand"


@cache
def values(name: str) -> Float[Tensor, " T"]:
    """Return a series."""
    return TASKS[name].read().values


def before_test(name: str) -> Float[Tensor, " T"]:
    """Return what is known when the test begins."""
    return values(name)[: len(values(name)) - TASKS[name].test]


def walk(name: str, forecaster: Forecaster | Trained) -> ForwardWalk:
    """Ask a forecaster at the origins of the test."""
    task, known = TASKS[name], values(name)
    within = range(len(known) - task.test, len(known))
    return walk_forward(
        known, forecaster, context=1, horizon=task.horizon, stride=task.stride, within=within
    )


# --- choices --------------------------------------------------------------------------------------


def on_validation(name: str, trainer: Trainer) -> float:
    """Return the error on the days before the test, after one fit on what lies before them."""
    task, past = TASKS[name], before_test(name)
    found = walk_forward(
        past, Trained(trainer, ONCE), context=len(past) - task.valid, horizon=task.horizon,
        stride=task.stride,
    )  # fmt: skip
    return mae(found.truth, found.values)


def candidates(name: str, method: str) -> dict[str, Trainer]:
    """Return what a method may choose from."""
    task = TASKS[name]
    if method in LEARNED:
        made = plans(task, LEARNED[method])
        return {key: learner(plan, task.horizon, 0) for key, plan in made.items()}
    return statistics(task)[method]


def scored(name: str, method: str) -> dict[str, float]:
    """Return what each candidate scores on the validation; the same for all seeds."""
    found = candidates(name, method)
    return {
        key: kept(f"{name} {method} {key}", 0, lambda t=t: {"mae": on_validation(name, t)})["mae"]  # type: ignore[misc]
        for key, t in found.items()
    }


def chosen(name: str, method: str) -> str:
    """Return the candidate with the least error on the validation."""
    scores = scored(name, method)
    return min(scores, key=lambda key: scores[key])


def plan_of(name: str, method: str) -> Plan:
    """Return the plan that was chosen."""
    return plans(TASKS[name], LEARNED[method])[chosen(name, method)]


# --- forecasts ------------------------------------------------------------------------------------


def classical(name: str) -> dict[str, Forecaster | Trained]:
    """Return what no seed changes."""
    task = TASKS[name]
    count = (task.valid - task.horizon) // task.stride + 1
    simple: dict[str, Forecaster] = {"naive": naive, "last day": SeasonalNaive(task.day)}
    if task.season > task.day:
        simple["last week"] = SeasonalNaive(task.season)
    spread = {
        key: Calibrated(one, LEVELS, origins=count, stride=task.stride)
        for key, one in simple.items()
    }
    fitted = {
        key: Trained(with_spread(some[chosen(name, key)], task), task.every)
        for key, some in statistics(task).items()
    }
    return {**spread, **fitted}


def marks(name: str, found: ForwardWalk) -> dict[str, float]:
    """Return the scores of a walk."""
    task, known = TASKS[name], before_test(name)
    truth, quantiles = found.truth, found.quantiles
    assert quantiles is not None
    scale = mase(truth.reshape(1, -1), found.values.reshape(1, -1), [known], season=task.season)
    low, high = quantiles[..., 0], quantiles[..., -1]
    told = {
        "MAE": mae(truth, found.values),
        "MASE": scale.value,
        "pinball": float(pinball(truth, quantiles, LEVELS).mean()),
        "coverage": coverage(truth, low, high),
        "width": interval_width(low, high),
    }
    errors = (truth - found.values).abs()
    size = task.horizon // STEPS_TOLD
    for part in range(STEPS_TOLD):
        told[f"step {(part + 1) * size}"] = float(errors[:, part * size : (part + 1) * size].mean())
    for number, some in enumerate(torch.split(by_origin(found), task.every)):
        told[f"part {number}"] = float(some.mean())
    return told


def compared(
    task: Task, mine: Float[Tensor, " N"], other: Float[Tensor, " N"], seed: int
) -> dict[str, float]:
    """Return how a forecaster does beside another, with intervals: whole blocks are drawn."""
    ahead = -(-task.horizon // task.stride)
    test = diebold_mariano(mine, other, horizon=ahead, lags=2 * ahead, kernel="bartlett")
    chance = txlite.seed(seed)
    places = block_places(len(mine), block=task.block, generator=chance, samples=SAMPLES)
    ratios = mine[places].mean(1) / other[places].mean(1)
    low, high = torch.quantile(ratios, torch.tensor([0.025, 0.975], dtype=torch.double)).tolist()
    return {
        "ratio": float(mine.mean() / other.mean()), "low": low, "high": high, "p": test.p,
    }  # fmt: skip


def losses(
    name: str, method: str, seed: int, make: Callable[[], ForwardWalk]
) -> tuple[dict[str, float], Tensor]:
    """Return the scores of a walk and its error at each origin; both are kept."""

    def run() -> dict[str, float]:
        begin = time.process_time()
        found = make()
        told = {"seconds": time.process_time() - begin} | marks(name, found)
        return told | {f"at {i}": x for i, x in enumerate(by_origin(found).tolist())}

    all_of = kept(f"{name} {method}", seed, run)
    at = [x for key, x in all_of.items() if key.startswith("at ")]
    told = {key: x for key, x in all_of.items() if not key.startswith("at ")}
    return told, torch.tensor(at, dtype=torch.double)


def task_numbers(name: str, seed: int) -> dict[str, float]:
    """Return everything that is asked of one series."""
    task = TASKS[name]
    found: dict[str, float] = {}
    each: dict[str, Tensor] = {}
    for method, forecaster in classical(name).items():
        told, each[method] = losses(name, method, 0, lambda f=forecaster: walk(name, f))  # type: ignore[misc]
        found |= {f"{method}: {what}": x for what, x in told.items()}
    best = min(each, key=lambda method: float(each[method].mean()))
    found["best classical"] = float(list(each).index(best))
    for method in LEARNED:
        trainer = learner(plan_of(name, method), task.horizon, seed)
        told, each[method] = losses(
            name, method, seed, lambda t=trainer: walk(name, Trained(t, task.every))  # type: ignore[misc]
        )  # fmt: skip
        found |= {f"{method}: {what}": x for what, x in told.items()}
    pairs = [("Transformer", best), ("Transformer", "linear"), ("linear", best)]
    for mine, other in pairs:
        beside = "best" if other == best else other
        told = compared(task, each[mine], each[other], seed)
        found |= {f"{mine} beside {beside}: {what}": x for what, x in told.items()}
    found["origins"] = float(len(each[best]))
    return found


def choices(name: str) -> dict[str, float]:
    """Return what every candidate scored, and the place of the chosen one."""
    found = {}
    for method in (*statistics(TASKS[name]), *LEARNED):
        scores = scored(name, method)
        found[f"{method}: chosen"] = float(list(scores).index(chosen(name, method)))
        for number, score in enumerate(scores.values()):
            found[f"{method}: candidate {number}"] = score
    return found


def controls(seed: int) -> dict[str, float]:
    """Return the Transformer that is fitted once, and what is left with one thing taken away."""
    task, base = TASKS[CONTROLLED], plan_of(CONTROLLED, "Transformer")
    found: dict[str, float] = {}
    each: dict[str, Tensor] = {}
    longer = replace(base, season=0, steps=LONGER * base.steps)
    plans_of = {"page": base, **changed(base), "no difference, longer": longer}
    for key, plan in plans_of.items():
        trainer = learner(plan, task.horizon, seed)
        told, each[key] = losses(
            CONTROLLED, key, seed, lambda t=trainer: walk(CONTROLLED, Trained(t, ONCE))  # type: ignore[misc]
        )  # fmt: skip
        found |= {
            f"{key}: {what}": told[what] for what in ("MAE", "coverage", "pinball", "seconds")
        }
        if key != "page":
            beside = compared(task, each[key], each["page"], seed)
            found |= {f"{key} beside page: {what}": x for what, x in beside.items()}
    return found


def measure(seed: int) -> dict[str, float]:
    """Return every number of the chapter's tables for one seed."""
    found: dict[str, float] = {}
    for name in TASKS:
        told = choices(name) | task_numbers(name, seed)
        found |= {f"{name}: {what}": x for what, x in told.items()}
    found |= {f"{CONTROLLED}: {what}": x for what, x in controls(seed).items()}
    return {name: round(value, 5) for name, value in found.items() if math.isfinite(value)}
