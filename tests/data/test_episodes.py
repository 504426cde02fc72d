"""Episodes are kept whole, and a return to go is the same in training and in play."""

import re
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.worlds import REWARDS, Counting, counting
from txlite.data.episodes import (
    Episode,
    best_episodes,
    collect,
    episode_seed,
    play_episode,
    returns_to_go,
)


def episode(total: float, steps: int = 3, **options: Any) -> Episode:
    rewards = torch.full((steps,), total / steps)
    return Episode(torch.zeros(steps + 1, 2), torch.zeros(steps).long(), rewards, **options)


# ------------------------------------------------------------------ returns to go


@pytest.mark.kills(
    "returns to go: the step's own reward is left out",
    "data/episodes.py",
    "return rewards.flip(-1).cumsum(-1).flip(-1)",
    "return rewards.flip(-1).cumsum(-1).flip(-1) - rewards",
)
def test_the_reward_of_the_step_itself_is_still_to_come() -> None:
    """14 12 9 5 0 would be what is left *after* each action, and another thing in play."""
    assert returns_to_go(torch.tensor(REWARDS)).tolist() == [15, 14, 12, 9, 5]


@pytest.mark.parametrize("discount", [0.0, 0.3, 0.97, 1.0])
def test_equals_its_definition(discount: float) -> None:
    rewards = torch.randn(2, 3, 7, dtype=torch.float64)
    got = returns_to_go(rewards, discount)
    for t in range(7):
        want = sum(discount**k * rewards[..., t + k] for k in range(7 - t))
        assert_close(got[..., t], want, rtol=1e-12, atol=1e-12)


def test_the_next_return_is_what_acting_computes() -> None:
    rewards = torch.rand(6, dtype=torch.float64)
    got = returns_to_go(rewards, 0.9)
    assert_close((got[:-1] - rewards[:-1]) / 0.9, got[1:])


def test_no_step_has_no_return() -> None:
    assert returns_to_go(torch.zeros(2, 0), 0.5).shape == (2, 0)
    assert returns_to_go(torch.zeros(0)).shape == (0,)


# ------------------------------------------------------------------ collecting


def test_an_episode_is_kept_whole() -> None:
    """T + 1 observations for T actions; each reward follows the observation and the action."""
    said = iter([1, 0, 1, 1, 0])
    seen: list[Tensor] = []

    def policy(observation: Tensor) -> int:
        seen.append(observation)
        return next(said)

    played = play_episode(counting(), policy, seed=0)
    assert len(played) == 5
    assert played.observations[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert played.actions.tolist() == [1, 0, 1, 1, 0]
    assert played.rewards.tolist() == REWARDS
    assert played.total == 15.0
    assert_close(torch.stack(seen), played.observations[:-1])
    assert (played.terminated, played.truncated) == (True, False)


def test_cut_off_is_not_ended() -> None:
    played = play_episode(counting(limit=3), lambda _: 0, seed=0)
    assert (played.terminated, played.truncated) == (False, True)
    assert played.rewards.tolist() == REWARDS[:3]
    assert len(played.observations) == 4  # the last one is not lost


def test_a_number_is_a_row_with_a_single_one_and_counts_from_its_start() -> None:
    world = counting()
    world.observation_space = gymnasium.spaces.Discrete(8, start=-1)
    world.action_space = gymnasium.spaces.Discrete(2, start=5)
    world.unwrapped.show = lambda step: step
    played = play_episode(world, lambda _: 1, seed=0)
    assert played.observations.tolist() == torch.eye(8)[1:7].tolist()
    assert played.actions.tolist() == [1] * 5
    assert world.unwrapped.done == [6] * 5


def test_boxes_become_rows_and_what_lies_outside_moves_to_the_edge() -> None:
    world = counting()
    world.observation_space = gymnasium.spaces.Box(-9, 9, (2, 3))
    world.unwrapped.show = lambda step: np.full((2, 3), step, dtype=np.float32)
    world.action_space = gymnasium.spaces.Box(-1, np.array([1.0, 2.0], dtype=np.float32))
    played = play_episode(world, lambda _: [-3.0, 1.5], seed=0)
    assert played.observations.shape == (6, 6)
    assert played.actions.tolist() == [[-1.0, 1.5]] * 5
    assert played.actions.dtype == torch.float32


def test_what_is_kept_does_not_change_with_the_environment() -> None:
    """Some environments hand out the same array again and again."""
    world, shared = counting(), np.zeros(1, dtype=np.float32)

    def show(step: int) -> Any:
        shared[0] = step
        return shared

    world.unwrapped.show = show
    assert play_episode(world, lambda _: 0, seed=0).observations[:, 0].tolist() == list(range(6))


def test_each_episode_has_a_seed_of_its_own() -> None:
    world = gymnasium.make("CartPole-v1")
    first, again = (collect(world, lambda s: int(s[2] > 0), 3, seed=4) for _ in range(2))
    other = collect(world, lambda s: int(s[2] > 0), 3, seed=5)
    assert all(
        torch.equal(a.observations, b.observations) for a, b in zip(first, again, strict=True)
    )
    starts = {tuple(e.observations[0].tolist()) for e in (*first, *other)}
    assert len(starts) == 6
    assert len({episode_seed(a, b) for a in range(20) for b in range(20)}) == 400
    alone = play_episode(world, lambda s: int(s[2] > 0), seed=episode_seed(4, 1))
    assert torch.equal(alone.observations, first[1].observations)


def test_the_best_are_chosen_by_their_returns() -> None:
    several = [episode(total, steps) for total, steps in ((3, 3), (9, 1), (1, 2), (9, 4))]
    assert best_episodes(several, 0.5) == [several[1], several[3]]
    assert best_episodes(several, 0.01) == [several[1]]
    assert len(best_episodes(several, 1.0)) == 4


# ------------------------------------------------------------------ refusals


@pytest.mark.plain
def test_what_does_not_fit_is_refused_by_name() -> None:
    two = gymnasium.make_vec("CartPole-v1", num_envs=2, vectorization_mode="sync")
    words = counting()
    words.observation_space = gymnasium.spaces.Text(3)
    whole = counting()
    whole.action_space = gymnasium.spaces.Box(0, 3, (2,), dtype=np.int64)
    box = counting()
    box.action_space = gymnasium.spaces.Box(-1, 1, (2,))
    lone: Any = SimpleNamespace()
    steps, states = torch.zeros(3), torch.zeros(4, 2)
    for refused, message in (
        (
            lambda: play_episode(two, lambda _: 0, seed=0),
            "environment should be a gymnasium.Env th",
        ),
        (lambda: play_episode(lone, lambda _: 0, seed=0), "environment should be a gymnasium.Env"),
        (lambda: play_episode(words, lambda _: 0, seed=0), "observation_space should be Discrete"),
        (lambda: play_episode(whole, lambda _: 0, seed=0), "action_space should be Discrete, or a"),
        (lambda: play_episode(counting(), lambda _: 2, seed=0), "action should lie in [0, 2), got"),
        (lambda: play_episode(counting(), lambda _: -1, seed=0), "action should lie in [0, 2)"),
        (
            lambda: play_episode(box, lambda _: [0.0], seed=0),
            "action should be finite numbers of s",
        ),
        (lambda: play_episode(box, lambda _: [0, np.nan], seed=0), "action should be finite numb"),
        (lambda: play_episode(counting(), 3, seed=0), "policy should be a function, from an obs"),  # type: ignore[arg-type]
        (lambda: play_episode(counting(), lambda _: 0, seed=0.5), "seed should be a whole number"),  # type: ignore[arg-type]
        (lambda: collect(counting(), lambda _: 0, 0), "episodes should be a positive whole number"),
        (lambda: best_episodes([]), "episodes should be at least one, got none"),
        (lambda: best_episodes([episode(1)], 0), "share should be above zero, got 0"),
        (lambda: best_episodes([episode(1)], 1.5), "share should be a number in [0, 1], got 1.5"),
        (lambda: returns_to_go(steps.long()), "rewards should hold floating-point numbers, got i"),
        (lambda: returns_to_go(steps, 1.5), "discount should be a number in [0, 1], got 1.5"),
        (
            lambda: Episode(states[:3], steps.long(), steps),
            "observations should have shape (N=4, S)",
        ),
        (lambda: Episode(states, steps[:2].long(), steps), "actions should have shape (T=3), got"),
        (lambda: Episode(states, steps, steps), "actions should have shape (T=3, A), got (3,)"),
        (lambda: Episode(states[:1], steps[:0].long(), steps[:0]), "rewards should hold at least"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            refused()


def test_without_the_library_it_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    world = Counting()
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(ImportError, match=r'^gymnasium is needed here: pip install "txlite\[acti'):
        play_episode(world, lambda _: 0, seed=0)
