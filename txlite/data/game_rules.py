"""A game with few states, solved exactly: what each move is worth in each state.

The rules are read off an environment as a table, and a table can be solved: by value iteration
always, by breadth-first search where nothing is left to chance.

Source
    Bellman (1957), "Dynamic Programming": value iteration, there called successive approximation.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from txlite._checks import check_number, check_shape

__all__ = ["Rules", "Solution", "optimal_share", "rules_of", "solve", "steps_to_goal"]


@dataclass(frozen=True, eq=False)
class Rules:
    """The rules of a game with few states, as tables; each move has at most O outcomes.

    Parameters
    ----------
    following : Tensor of int, shape (N, A, O)
        The state after each move.
    chances : Tensor, shape (N, A, O)
        How probable each outcome is: they sum to one.
    rewards : Tensor, shape (N, A, O)
        What it brings.
    ends : Tensor of bool, shape (N, A, O)
        Whether it ends the game.
    playable : Tensor of bool, shape (N,)
        The states in which there is something to decide: neither a hole nor the goal.
    """

    following: Int[Tensor, "N A O"]
    chances: Float[Tensor, "N A O"]
    rewards: Float[Tensor, "N A O"]
    ends: Bool[Tensor, "N A O"]
    playable: Bool[Tensor, " N"]


@dataclass(frozen=True, eq=False)
class Solution:
    """What a game is worth to whoever plays it best.

    Parameters
    ----------
    values : Tensor, shape (N,)
        The expected discounted return from each state.
    moves : Tensor of bool, shape (N, A)
        Every move that is best there; none where the game is over, or all are worth the same.
    """

    values: Float[Tensor, " N"]
    moves: Bool[Tensor, "N A"]


def rules_of(environment: Any) -> Rules:
    """Read the rules off an environment that has them as a table.

    Parameters
    ----------
    environment : gymnasium.Env
        With a table ``P`` under its wrappers: states, moves, and outcomes (probability, state,
        reward, whether it ends). FrozenLake, CliffWalking and Taxi have one.

    Returns
    -------
    Rules
        The same, as tensors in double precision.

    Raises
    ------
    ValueError
        If it has no such table.
    """
    table = getattr(getattr(environment, "unwrapped", None), "P", None)
    if not isinstance(table, dict):
        raise ValueError(
            f"environment should have a table P of its rules, got {type(environment).__name__}"
        )
    states, moves = len(table), len(table[0])
    most = max(len(table[s][a]) for s in range(states) for a in range(moves))
    shape = (states, moves, most)
    following = torch.arange(states)[:, None, None].repeat(1, moves, most)
    chances, rewards = torch.zeros(2, *shape, dtype=torch.float64)
    ends = torch.zeros(shape, dtype=torch.bool)
    for s in range(states):
        for a in range(moves):
            for o, (chance, after, reward, ended) in enumerate(table[s][a]):
                following[s, a, o], chances[s, a, o] = int(after), float(chance)
                rewards[s, a, o], ends[s, a, o] = float(reward), bool(ended)
    stuck = (following == torch.arange(states)[:, None, None]) & ends
    over = (stuck | (chances == 0)).flatten(1).all(1)
    return Rules(following, chances, rewards, ends, ~over)


def solve(rules: Rules, discount: float = 0.99, *, tolerance: float = 1e-12) -> Solution:
    """Find the value of every state, and all best moves, by value iteration.

    Parameters
    ----------
    rules : Rules
        Of the game.
    discount : float
        What a reward is worth one step later, in (0, 1): below one, so that the shorter of two
        ways is better.
    tolerance : float
        How near two values are that count as equal.

    Returns
    -------
    Solution
        Values, and every move whose value is the state's.

    Raises
    ------
    ValueError
        If the discount or the tolerance is out of range.

    References
    ----------
    Bellman (1957): V(s) = max over moves of the expected r + γ V(s').
    """
    discount = check_number("discount", discount, "in (0, 1)", lambda x: 0 < x < 1)
    tolerance = check_number("tolerance", tolerance, "positive", lambda x: x > 0)
    values = torch.zeros(len(rules.playable), dtype=torch.float64)
    while True:
        later = torch.where(rules.ends, 0.0, values[rules.following])
        worth = (rules.chances * (rules.rewards + discount * later)).sum(-1)  # (N, A)
        new = torch.where(rules.playable, worth.amax(-1), 0.0)
        near = (new - values).abs().max() <= tolerance * (1 - discount)
        values = new
        if near:
            break
    best = worth >= values[:, None] - 1e-9
    decides = rules.playable & ~best.all(1)
    return Solution(values, best & decides[:, None])


def steps_to_goal(rules: Rules) -> Int[Tensor, " N"]:
    """Return how many steps the shortest way to a reward has, by breadth-first search.

    Parameters
    ----------
    rules : Rules
        Of a game in which nothing is left to chance.

    Returns
    -------
    Tensor of int, shape (N,)
        The steps from each state; −1 where no way leads there, or the game is over.

    Raises
    ------
    ValueError
        If a move has several outcomes.
    """
    if bool((rules.chances > 0).sum(-1).gt(1).any()):
        raise ValueError("rules should leave nothing to chance, got moves with several outcomes")
    outcome = rules.chances.argmax(-1, keepdim=True)
    after, ends, rewards = (
        x.gather(-1, outcome)[..., 0] for x in (rules.following, rules.ends, rules.rewards)
    )
    count, moves = after.shape
    before: list[list[int]] = [[] for _ in range(count)]
    for s in range(count):
        for a in range(moves):
            if not ends[s, a] and rules.playable[s]:
                before[int(after[s, a])].append(s)
    wins = (rewards > 0).any(1) & rules.playable
    steps = torch.where(wins, 1, -1)
    waiting = deque(wins.nonzero()[:, 0].tolist())
    while waiting:
        here = waiting.popleft()
        for s in before[here]:
            if steps[s] < 0:
                steps[s] = steps[here] + 1
                waiting.append(s)
    return steps


def optimal_share(moves: Int[Tensor, " N"], solution: Solution) -> float:
    """Return in how many states the move is a best one, of those where there is one.

    Parameters
    ----------
    moves : Tensor of int, shape (N,)
        What is done in each state.
    solution : Solution
        What would be best.

    Returns
    -------
    float
        A share in [0, 1].

    Raises
    ------
    ValueError
        If there is not one move for each state, or no state has a best one.
    """
    check_shape("moves", moves, "N", N=len(solution.values))
    decided = solution.moves.any(1)
    if not decided.any():
        raise ValueError("solution should have a best move in some state, got none")
    right = solution.moves.gather(1, moves[:, None].long())[:, 0]
    return right[decided].double().mean().item()
