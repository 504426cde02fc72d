"""The Decision Transformer on CartPole: what is asked for, and what is got.

Six hundred episodes, each played by another random linear policy, are all that is known of the
world. Asked are forty beginnings that no training has seen, the same for every model and seed.
Beside the Decision Transformer stand the policies that made the data, pushes by chance, cloning,
and cloning of the best tenth. Then one thing is taken away at a time: which return an episode had,
the steps before the present one, and which step of its episode each is. Last, data whose returns
say nothing about what was done.

Each part is kept when it is done, so that an interrupted seed goes on where it was.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

import txlite
from studies._acting import Plan, mean, scale_of, trained
from studies._kept import kept
from txlite.data.cart_pole import LIMIT, cart_pole, linear_episodes, steady_episodes
from txlite.data.episode_windows import EpisodeScale
from txlite.data.episodes import Episode, best_episodes, collect
from txlite.generation import play
from txlite.models import DecisionTransformer

COUNT = 600  # episodes to learn from
BEST = 0.1  # of them, for filtered cloning
STARTS, HELD_OUT_SEED = 40, 220  # beginnings that are asked for returns, the same for all
ASKED = (200, 160, 120, 90, 60, 30, 20)
FEW = (200, 120, 60)
BEYOND = 500  # asked where an episode may last so long
MORE = (300, 400)  # asked where it may not
PAGE = Plan(steps=600, unit=float(LIMIT))
SHORT = replace(PAGE, steps=400)
ROWS = {
    "told returns": SHORT,
    "shuffled": replace(SHORT, told="shuffled"),
    "one step": replace(SHORT, context=1, batch_size=SHORT.context * SHORT.batch_size),
    "no timesteps": replace(SHORT, timed=False),
}


Timed = tuple[DecisionTransformer, dict[str, float]]


def order_of(seed: int) -> int:
    """Return what decides the episodes of a seed."""
    return txlite.seed(seed).initial_seed()


def got(
    model: DecisionTransformer, plan: Plan, scale: EpisodeScale, asked: float | None, **how: Any
) -> torch.Tensor:
    """Return what a model gets in the held-out beginnings when it is asked for a return."""
    limit = how.pop("limit", LIMIT)
    told = None if asked is None else float(asked)
    return play(
        model, lambda: cart_pole(limit), asked=told, episodes=STARTS, context=plan.context,
        scale=scale, seed=HELD_OUT_SEED, **how,
    ).returns  # fmt: skip


def answers(
    model: DecisionTransformer, plan: Plan, scale: EpisodeScale, asked: Sequence[float]
) -> dict[str, float]:
    """Return the mean and the deviation of what is got, for each return that is asked for."""
    found = {}
    for one in asked:
        returns = got(model, plan, scale, one)
        found[f"asked {one}: got"] = mean(returns)
        found[f"asked {one}: deviation"] = returns.double().std().item()
    return found


def timed(seed: int, plan: Plan, episodes: Sequence[Episode], scale: EpisodeScale) -> Timed:
    """Train a model; return it with the seconds of its training and its last losses."""
    begin = time.process_time()
    model, history = trained(seed, plan, episodes, scale, 2)
    seconds = time.process_time() - begin
    return model, {"seconds": seconds, "loss": mean(history.losses[-20:])}


def behaviour(seed: int) -> dict[str, float]:
    """Return what those who made the data got, and what pushes by chance get."""
    totals = torch.tensor([one.total for one in linear_episodes(COUNT, seed=order_of(seed))])
    best = torch.tensor([one.total for one in best_episodes(linear_episodes(
        COUNT, seed=order_of(seed)), BEST)])  # fmt: skip
    chance = txlite.seed(seed)
    pushes = collect(
        cart_pole(), lambda _: int(torch.randint(2, (), generator=chance)), STARTS,
        seed=HELD_OUT_SEED,
    )  # fmt: skip
    return {
        "behaviour: got": mean(totals),
        "behaviour: median": totals.median().item(),
        "behaviour: to the end": mean((totals == LIMIT).float()),
        "behaviour: steps": totals.sum().item(),
        "best tenth: least": best.min().item(),
        "best tenth: steps": best.sum().item(),
        "by chance: got": mean([one.total for one in pushes]),
    }


def page(seed: int) -> dict[str, float]:
    """Train the model of the page, and ask it for everything."""
    episodes = linear_episodes(COUNT, seed=order_of(seed))
    scale = scale_of(PAGE, episodes)
    model, found = timed(seed, PAGE, episodes, scale)
    found |= answers(model, PAGE, scale, (*ASKED, *MORE))
    chance = txlite.seed(seed)
    for one in FEW:
        drawn = got(model, PAGE, scale, one, temperature=1.0, generator=chance)
        found[f"drawn, asked {one}: got"] = mean(drawn)
    for one in (LIMIT, BEYOND):
        longer = got(model, PAGE, scale, one, limit=BEYOND)
        found[f"up to {BEYOND}, asked {one}: got"] = mean(longer)
    off = [abs(found[f"asked {one}: got"] - one) for one in ASKED]
    return found | {
        "parameters": float(sum(p.numel() for p in model.parameters())),
        "off by": mean(off),
    }


def row(seed: int, plan: Plan) -> dict[str, float]:
    """Train a model with one thing changed, and ask it for three returns."""
    episodes = linear_episodes(COUNT, seed=order_of(seed))
    scale = scale_of(plan, episodes)
    model, found = timed(seed, plan, episodes, scale)
    return found | answers(model, plan, scale, FEW)


def cloning(seed: int, steps: int, share: float | None) -> dict[str, float]:
    """Train a model that is told no returns, on all episodes or on the best ones."""
    episodes = linear_episodes(COUNT, seed=order_of(seed))
    plan = replace(PAGE, told="nothing", steps=steps)
    scale = scale_of(plan, episodes)
    learned = episodes if share is None else best_episodes(episodes, share)
    model, found = timed(seed, plan, learned, scale)
    found["got"] = mean(got(model, plan, scale, None))
    chance = txlite.seed(seed)
    drawn = got(model, plan, scale, None, temperature=1.0, generator=chance)
    found["drawn: got"] = mean(drawn)
    if share is not None:
        found[f"up to {BEYOND}: got"] = mean(got(model, plan, scale, None, limit=BEYOND))
    return found


def wrong(seed: int) -> dict[str, float]:
    """Train on episodes of one good policy, whose returns say nothing about what was done."""
    episodes = steady_episodes(COUNT, seed=order_of(seed))
    found: dict[str, float] = {}
    for name, told in (("told returns", "returns"), ("cloning", "nothing")):
        plan = replace(SHORT, told=told)
        scale = scale_of(plan, episodes)
        model, one = timed(seed, plan, episodes, scale)
        if told == "returns":
            one |= answers(model, plan, scale, FEW)
        else:
            one["got"] = mean(got(model, plan, scale, None))
        found |= {f"{name}: {what}": value for what, value in one.items()}
    totals = [one.total for one in episodes]
    return found | {"behaviour: got": mean(totals), "behaviour: least": min(totals)}


def measure(seed: int) -> dict[str, float]:
    """Return every number of the chapter's tables on CartPole for one seed."""
    found = kept("behaviour", seed, lambda: behaviour(seed))
    parts = {
        "page": lambda: page(seed),
        "cloning": lambda: cloning(seed, PAGE.steps, None),
        "filtered": lambda: cloning(seed, PAGE.steps, BEST),
        "wrong data": lambda: wrong(seed),
        **{name: (lambda plan=plan: row(seed, plan)) for name, plan in ROWS.items()},  # type: ignore[misc]
    }
    for name, make in parts.items():
        found |= {f"{name}: {what}": x for what, x in kept(name, seed, make).items()}
    return {name: round(value, 5) for name, value in found.items()}
