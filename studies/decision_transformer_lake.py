"""The Decision Transformer on a frozen lake whose best moves are known, and what it cannot join.

The data are walks by chance that begin anywhere on the ice: about one in fifty finds the goal. A
return is worth less the later it comes, so that it says how many steps the goal is away. Asked are
all 53 squares, for the return of the shortest way from there, which our own search knows. Beside it
stand cloning, cloning of the walks that have found the goal, and dynamic programming on the moves
that were seen. Then the ice is slippery, and a return is partly luck.

Last a fork of three states, where the best way is in no episode and can be put together from two.
"""

import time
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

import txlite
from studies._acting import Plan, mean, scale_of, trained
from studies._kept import kept
from txlite.data.episodes import Episode
from txlite.data.game_rules import Rules, optimal_share, rules_of, solve, steps_to_goal
from txlite.data.grid_games import frozen_lake, random_walks
from txlite.generation import Played, play
from txlite.models import DecisionTransformer

WALKS, ACTIONS, SQUARES = 12_000, 4, 64
DISCOUNT = 0.9
LIMIT = 100  # steps of a walk
AGAIN = 40  # how often a walk that won is shown: what follows from a return is the same
HELD_OUT_SEED = 220  # decides what the ice does where it is slippery
SLIPS = 3  # episodes from each square where it is
PLAN = Plan(steps=500, context=4, batch_size=256, discount=DISCOUNT, max_len=LIMIT)
ONE = Plan(steps=500, context=1, batch_size=1024, discount=DISCOUNT, max_len=LIMIT)
LUCK = Plan(steps=500, context=4, batch_size=256, max_len=LIMIT)
FORK = Plan(steps=150, context=2, batch_size=64, max_len=4)


Timed = tuple[DecisionTransformer, dict[str, float]]


def order_of(seed: int) -> int:
    """Return what decides the walks of a seed."""
    return txlite.seed(seed).initial_seed()


@cache
def walks_of(seed: int, count: int, slippery: bool = False) -> list[Episode]:
    """Return the walks of a seed."""
    return random_walks(count, slippery=slippery, limit=LIMIT, seed=order_of(seed))


@cache
def rules() -> Rules:
    """Return the rules of the lake that is not slippery."""
    return rules_of(frozen_lake())


def squares() -> list[int]:
    """Return the squares of ice, where one can begin."""
    return rules().playable.nonzero()[:, 0].tolist()


def shortest() -> list[float]:
    """Return for each of them how many steps the goal is away."""
    away = steps_to_goal(rules())
    return [float(away[s]) for s in squares()]


def from_everywhere(
    model: DecisionTransformer, plan: Plan, asked: Sequence[float] | None, *, each: int = 1,
    slippery: bool = False, **how: Any,
) -> Played:  # fmt: skip
    """Let a model play from every square."""
    begin = iter([s for s in squares() for _ in range(each)])

    def make() -> Any:
        return frozen_lake(start=next(begin), slippery=slippery, limit=LIMIT)

    return play(
        model, make, asked=asked, episodes=each * len(squares()), context=plan.context,
        discount=plan.discount, scale=scale_of(plan, [], measured=False), seed=HELD_OUT_SEED, **how,
    )  # fmt: skip


def scores(played: Played) -> dict[str, float]:
    """Return how many squares lead to the goal, how well one begins, and how long the ways are."""
    won = played.returns > 0
    ways = torch.tensor(shortest())
    moves = torch.zeros(SQUARES, dtype=torch.long)
    moves[squares()] = torch.stack([one.actions[0] for one in played.episodes])
    found = {"reached": mean(won.float()), "optimal": optimal_share(moves, solve(rules()))}
    if won.any():
        found["longer by"] = mean((played.lengths - ways)[won])
    return found


def asked_for(kind: str) -> list[float]:
    """Return what is asked in each square: the best that is possible, the most, or nothing won."""
    if kind == "best":
        return [DISCOUNT ** (way - 1) for way in shortest()]
    return [{"one": 1.0, "zero": 0.0}[kind]] * len(squares())


def timed(seed: int, plan: Plan, episodes: Sequence[Episode]) -> Timed:
    """Train a model; return it with the seconds of its training."""
    begin = time.process_time()
    scale = scale_of(plan, episodes, measured=False)
    model, _ = trained(seed, plan, episodes, scale, ACTIONS)
    return model, {"seconds": time.process_time() - begin}


def weighted(walks: Sequence[Episode]) -> list[Episode]:
    """Return walks, those that won many times.

    That shows rare returns more often. What was done where a return was to come is not changed by
    it: among the episodes of one return all weigh alike.
    """
    return [*walks, *(one for one in walks if one.total > 0 for _ in range(AGAIN - 1))]


def told(seed: int, plan: Plan) -> dict[str, float]:
    """Train a model on all walks, and ask it for three returns in every square."""
    model, found = timed(seed, plan, weighted(walks_of(seed, WALKS)))
    for kind in ("best", "one", "zero"):
        played = from_everywhere(model, plan, asked_for(kind))
        found |= {f"asked {kind}: {what}": x for what, x in scores(played).items()}
    return found


def cloned(seed: int, *, winners: bool) -> dict[str, float]:
    """Train a model that is told no returns, on all walks or on those that found the goal."""
    walks = walks_of(seed, WALKS)
    chosen = [one for one in walks if one.total > 0] if winners else walks
    plan = Plan(steps=PLAN.steps, context=PLAN.context, batch_size=PLAN.batch_size,
                told="nothing", max_len=LIMIT)  # fmt: skip
    model, found = timed(seed, plan, chosen)
    chance = txlite.seed(seed)
    drawn = from_everywhere(model, plan, None, temperature=1.0, generator=chance)
    return found | scores(from_everywhere(model, plan, None)) | {
        "drawn: reached": scores(drawn)["reached"],
        "walks": float(len(chosen)),
    }  # fmt: skip


def programmed(walks: Sequence[Episode]) -> Float[Tensor, "N A"]:
    """Return what each move is worth, from the moves that were seen: values that join walks.

    Value iteration (Bellman, 1957) on what followed each move when it was last done. What was never
    done is worth nothing.
    """
    worth = torch.zeros(SQUARES, ACTIONS)
    rewards, following = torch.zeros(2, SQUARES, ACTIONS)
    goes_on = torch.zeros(SQUARES, ACTIONS)
    for walk in walks:
        passed = walk.observations.argmax(-1)
        here, after = passed[:-1], passed[1:]
        rewards[here, walk.actions] = walk.rewards
        following[here, walk.actions] = after.float()
        goes_on[here[:-1], walk.actions[:-1]] = 1
        if walk.terminated:
            goes_on[here[-1], walk.actions[-1]] = 0
    for _ in range(LIMIT):
        worth = rewards + DISCOUNT * goes_on * worth.amax(-1)[following.long()]
    return worth


def beside(seed: int) -> dict[str, float]:
    """Return what walks by chance do, and what dynamic programming makes of them."""
    walks = walks_of(seed, WALKS)
    begin = time.process_time()
    best = programmed(walks).argmax(-1)
    seconds = time.process_time() - begin
    even = solve(rules()).moves.double().mean(-1)[squares()].mean().item()
    won = 0
    for square in squares():
        here = square
        for _ in range(LIMIT):
            if not rules().playable[here]:
                break
            here = int(rules().following[here, best[here], 0])
        won += here == SQUARES - 1
    return {
        "walks: reached": mean([float(one.total > 0) for one in walks]),
        "walks: steps": float(sum(map(len, walks))),
        "by chance: optimal": even,
        "programming: optimal": optimal_share(best, solve(rules())),
        "programming: reached": won / len(squares()),
        "programming: seconds": seconds,
        "shortest: mean": mean(shortest()),
        "shortest: longest": max(shortest()),
        "squares": float(len(squares())),
    }


def luck(seed: int) -> dict[str, float]:
    """Train on walks over slippery ice, and ask for the goal."""
    walks = walks_of(seed, WALKS, slippery=True)
    model, found = timed(seed, LUCK, weighted(walks))
    chance = txlite.seed(seed)
    for kind, how in (("best", {}), ("drawn", {"temperature": 1.0, "generator": chance})):
        asked = [1.0] * (SLIPS * len(squares()))
        played = from_everywhere(model, LUCK, asked, each=SLIPS, slippery=True, **how)
        found[f"{kind}: got"] = mean(played.returns)
    return found | {"walks: got": mean([one.total for one in walks])}


# --- a fork ---------------------------------------------------------------------------------------

A, B, HUB = torch.eye(3)
NOWHERE = torch.zeros(3)
UP, DOWN = 1, 0  # at A: to the hub, or to a sure half
RIGHT, LEFT = 1, 0  # at the hub: to a reward of one, or to nothing


def episode(*steps: tuple[Tensor, int, float]) -> Episode:
    """Return an episode from its states, actions and rewards."""
    states, actions, rewards = zip(*steps, strict=True)
    return Episode(
        torch.stack([*states, NOWHERE]), torch.tensor(actions), torch.tensor(rewards),
        terminated=True,
    )  # fmt: skip


def fork() -> list[Episode]:
    """Return three kinds of episodes: none goes from A over the hub to the reward of one."""
    sure = episode((A, DOWN, 0.5))
    lost = episode((A, UP, 0.0), (HUB, LEFT, 0.0))
    won = episode((B, UP, 0.0), (HUB, RIGHT, 1.0))
    return [sure, lost, won] * 50


@torch.no_grad()
def leaning(
    model: DecisionTransformer, plan: Plan, asked: float, steps: Sequence[tuple[Tensor, int]]
) -> float:
    """Return how probable action 1 is after these steps; the last action is yet to be chosen."""
    device, first = txlite.device(), max(0, len(steps) - plan.context)
    when = torch.arange(first, len(steps), device=device)[None]
    states = torch.stack([state for state, _ in steps[first:]])[None].to(device)
    actions = torch.tensor([[action for _, action in steps[first:]]], device=device)
    returns = torch.full(actions.shape, asked, device=device)
    said = model(returns, states, actions, when).actions[0, -1]
    return float(said.softmax(-1)[1])


def joined(seed: int) -> dict[str, float]:
    """Train on the fork with two steps of context and with one, and ask for what is not there."""
    found = {}
    for context in (2, 1):
        plan = Plan(steps=FORK.steps, context=context, batch_size=FORK.batch_size, max_len=4)
        model, _ = timed(seed, plan, fork())
        for asked in (0.0, 0.5, 1.0):
            found[f"context {context}, asked {asked}: up"] = leaning(
                model, plan, asked, [(A, 0)]
            )  # fmt: skip
        found[f"context {context}, asked 1.0: right from A"] = leaning(
            model, plan, 1.0, [(A, UP), (HUB, 0)]
        )  # fmt: skip
        found[f"context {context}, asked 1.0: right from B"] = leaning(
            model, plan, 1.0, [(B, UP), (HUB, 0)]
        )  # fmt: skip
    return found


def measure(seed: int) -> dict[str, float]:
    """Return every number of the chapter's tables on the lake for one seed."""
    parts = {
        "told returns": lambda: told(seed, PLAN),
        "one step": lambda: told(seed, ONE),
        "cloning": lambda: cloned(seed, winners=False),
        "winners": lambda: cloned(seed, winners=True),
        "luck": lambda: luck(seed),
        "fork": lambda: joined(seed),
    }
    found = kept("beside", seed, lambda: beside(seed))
    for name, make in parts.items():
        found |= {f"{name}: {what}": x for what, x in kept(name, seed, make).items()}
    return {name: round(value, 5) for name, value in found.items()}
