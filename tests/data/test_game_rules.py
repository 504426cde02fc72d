"""A game solved twice, by value iteration and by search, and held against Bellman's equation."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from txlite.data.game_rules import Rules, Solution, optimal_share, rules_of, solve, steps_to_goal
from txlite.data.grid_games import frozen_lake

STEPS = """
14 13 12 11 10  9  8  7
13 12 11 10  9  8  7  6
12 11 10 -1  8  7  6  5
11 10  9  8  7 -1  5  4
12 11 10 -1  6  5  4  3
13 -1 -1  6  5  4 -1  2
12 -1  8  7 -1  3 -1  1
11 10  9 -1  3  2  1 -1
"""


@pytest.fixture(scope="module")
def lake() -> Rules:
    return rules_of(frozen_lake())


@pytest.fixture(scope="module")
def slippery() -> Rules:
    return rules_of(frozen_lake(slippery=True))


def game(table: dict[int, dict[int, list[Any]]]) -> Any:
    return SimpleNamespace(unwrapped=SimpleNamespace(P=table))


def test_the_rules_are_those_of_the_environment(lake: Rules, slippery: Rules) -> None:
    assert lake.following.shape[:2] == (64, 4)
    assert lake.playable.sum() == 53  # 64 squares, 10 holes and the goal
    world = frozen_lake(start=42 - 2)
    world.reset(seed=0)
    for move in (2, 1, 0, 3):
        here = world.unwrapped.s
        after, reward, ended, _, _ = world.step(move)
        assert int(lake.following[here, move, 0]) == after
        assert float(lake.rewards[here, move, 0]) == reward
        assert bool(lake.ends[here, move, 0]) == ended
        if ended:
            break
    assert slippery.following.shape == (64, 4, 3)
    assert_close(slippery.chances[slippery.playable].sum(-1), torch.ones(53, 4).double())


def test_the_shortest_ways_are_those_of_the_map(lake: Rules) -> None:
    assert steps_to_goal(lake).tolist() == [int(n) for n in STEPS.split()]


def test_search_and_value_iteration_agree(lake: Rules) -> None:
    """γ^(d − 1) is what a reward of one is worth d steps before it."""
    steps, found = steps_to_goal(lake), solve(lake, 0.9)
    near = steps > 0
    assert_close(found.values[near], 0.9 ** (steps[near].double() - 1))
    assert found.values[~near].eq(0).all()
    for s in near.nonzero()[:, 0].tolist():
        for a in range(4):
            after = int(lake.following[s, a, 0])
            nearer = float(lake.rewards[s, a, 0]) > 0 or steps[after] == steps[s] - 1 > 0
            assert bool(found.moves[s, a]) == nearer, (s, a)
    assert not found.moves[~near].any()


@pytest.mark.parametrize("discount", [0.5, 0.99])
def test_no_move_is_worth_more_than_its_state(slippery: Rules, discount: float) -> None:
    """Bellman's equation, by loops."""
    found = solve(slippery, discount)
    for s in range(64):
        worth = []
        for a in range(4):
            outcomes = zip(
                slippery.chances[s, a], slippery.following[s, a], slippery.rewards[s, a],
                slippery.ends[s, a], strict=True,
            )  # fmt: skip
            worth.append(
                sum(
                    float(p * (r + (0 if e else discount * found.values[n])))
                    for p, n, r, e in outcomes
                )
            )
        if slippery.playable[s]:
            assert max(worth) == pytest.approx(float(found.values[s]), abs=1e-10)
            best = {a for a in range(4) if worth[a] >= max(worth) - 1e-9}
            assert set(found.moves[s].nonzero()[:, 0].tolist()) == (
                best if len(best) < 4 else set()
            )


@pytest.mark.kills(
    "rules: what follows an end is worth something",
    "data/game_rules.py",
    "torch.where(rules.ends, 0.0, values[rules.following])",
    "values[rules.following]",
)
def test_what_follows_an_end_is_worth_nothing() -> None:
    """A move that ends the game may still point to a square on which others play on."""
    table = {
        0: {0: [(1.0, 1, 0.5, True)], 1: [(1.0, 1, 0.0, False)]},
        1: {0: [(1.0, 0, 1.0, True)], 1: [(1.0, 1, 0.0, False)]},
    }
    found = solve(rules_of(game(table)), 0.8)
    assert found.values.tolist() == [0.8, 1.0]
    assert found.moves.tolist() == [[False, True], [True, False]]


def test_a_game_of_costs_has_best_moves_too() -> None:
    """Each step costs one; the way around is longer, and waiting is worst."""
    table = {
        0: {0: [(1.0, 1, -1.0, False)], 1: [(1.0, 2, -1.0, True)], 2: [(1.0, 0, -1.0, False)]},
        1: {0: [(1.0, 2, -1.0, True)], 1: [(1.0, 0, -1.0, False)], 2: [(1.0, 1, -1.0, False)]},
        2: {a: [(1.0, 2, 0.0, True)] for a in range(3)},
    }
    found = solve(rules_of(game(table)), 0.9)
    assert found.values.tolist() == [-1.0, -1.0, 0.0]
    assert found.moves.tolist() == [[False, True, False], [True, False, False], [False] * 3]


def test_the_share_counts_states_in_which_there_is_a_best_move(lake: Rules) -> None:
    found = solve(lake)
    best = found.moves.int().argmax(1)
    assert optimal_share(best, found) == 1.0
    assert optimal_share(torch.full((64,), 3), found) < 0.2
    some = best.clone()
    decided = found.moves.any(1).nonzero()[:, 0]
    for s in decided[:5].tolist():
        some[s] = int((~found.moves[s]).int().argmax())
    assert optimal_share(some, found) == pytest.approx(1 - 5 / len(decided))


@pytest.mark.plain
def test_what_does_not_fit_is_refused_by_name(lake: Rules, slippery: Rules) -> None:
    found = solve(lake)
    none = Solution(found.values, found.moves & ~found.moves)
    moves: Tensor = torch.zeros(64, dtype=torch.long)
    for refused, message in (
        (lambda: rules_of(3), "environment should have a table P of its rules, got int"),
        (lambda: steps_to_goal(slippery), "rules should leave nothing to chance, got moves with"),
        (lambda: solve(lake, 1.0), "discount should be in (0, 1), got 1.0"),
        (lambda: solve(lake, tolerance=0.0), "tolerance should be positive, got 0.0"),
        (lambda: optimal_share(moves[1:], found), "moves should have shape (N=64), got (63,)"),
        (lambda: optimal_share(moves, none), "solution should have a best move in some state, got"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            refused()
