"""The frozen lake, and walks over it by chance."""

import re
from collections import Counter

import pytest
import torch

from txlite.data.game_rules import rules_of
from txlite.data.grid_games import frozen_lake, random_walks

HOLES = {19, 29, 35, 41, 42, 46, 49, 52, 54, 59}


def square(row: torch.Tensor) -> int:
    assert row.sum() == 1
    return int(row.argmax())


def test_it_begins_where_it_is_told_to() -> None:
    for start in (0, 23, 62):
        assert frozen_lake(start=start).reset(seed=0)[0] == start
    world = frozen_lake(start=None)
    begun = {world.reset(seed=i)[0] for i in range(600)}
    assert begun == set(range(63)) - HOLES


def test_where_one_begins_changes_no_rule() -> None:
    first, other = rules_of(frozen_lake(start=0)), rules_of(frozen_lake(start=None))
    assert torch.equal(first.following, other.following)
    assert torch.equal(first.rewards, other.rewards)
    assert set((~first.playable).nonzero()[:, 0].tolist()) == HOLES | {63}


def test_walks_go_by_chance_and_end_in_a_hole_at_the_goal_or_at_the_limit() -> None:
    walks = random_walks(120, limit=15, seed=2)
    moves = Counter(int(a) for walk in walks for a in walk.actions)
    assert all(0.2 < moves[a] / moves.total() < 0.3 for a in range(4))
    for walk in walks:
        last = square(walk.observations[-1])
        assert walk.terminated == (last in HOLES or last == 63)
        assert walk.total == (last == 63)
        assert len(walk) <= 15
        assert walk.truncated == (len(walk) == 15)  # the limit tells, whatever the last step did
    assert len({square(walk.observations[0]) for walk in walks}) > 30
    assert {square(walk.observations[0]) for walk in random_walks(5, start=8)} == {8}


@pytest.mark.parametrize("slippery", [False, True])
def test_dice_know_nothing_of_where_a_walk_begins(slippery: bool) -> None:
    """The ice draws from a stream of its own: from one stream, squares would decide moves."""
    moves = torch.zeros(2, 4)
    for walk in random_walks(600, slippery=slippery, limit=3, seed=4):
        if len(walk) > 1:
            below = square(walk.observations[0]) >= 32
            moves[int(below), walk.actions[1]] += 1
    shares = moves / moves.sum(1, keepdim=True)
    assert ((shares > 0.15) & (shares < 0.35)).all(), shares


def test_the_same_seed_gives_the_same_walks() -> None:
    first, again, other = random_walks(3), random_walks(3), random_walks(3, seed=1)
    assert [w.actions.tolist() for w in first] == [w.actions.tolist() for w in again]
    assert [w.actions.tolist() for w in first] != [w.actions.tolist() for w in other]


def test_on_slippery_ice_a_move_goes_astray() -> None:
    rules = rules_of(frozen_lake())
    straight = slipped = 0
    for walk in random_walks(60, slippery=True):
        for t, action in enumerate(walk.actions.tolist()):
            here, there = square(walk.observations[t]), square(walk.observations[t + 1])
            straight += int(rules.following[here, action, 0]) == there
            slipped += int(rules.following[here, action, 0]) != there
    assert 0.4 < slipped / (slipped + straight) < 0.75


@pytest.mark.plain
def test_what_does_not_fit_is_refused_by_name() -> None:
    for refused, message in (
        (lambda: frozen_lake(start=19), "start should be a square of ice below 64, got 19"),
        (lambda: frozen_lake(start=63), "start should be a square of ice below 64, got 63"),
        (lambda: frozen_lake(start=64), "start should be a square of ice below 64, got 64"),
        (lambda: frozen_lake(start=-1), "start should be a whole number of at least zero, got -1"),
        (lambda: frozen_lake(limit=0), "limit should be a positive whole number, got 0"),
        (lambda: random_walks(0), "count should be a positive whole number, got 0"),
        (lambda: random_walks(1, seed=0.5), "seed should be a whole number, got 0.5"),  # type: ignore[arg-type]
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            refused()
