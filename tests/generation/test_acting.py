"""Acting: what a model is told at each step, and what becomes of what it says."""

import re
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from tests.models.tiny import redrawn
from tests.worlds import REWARDS, counting
from txlite.data.cart_pole import cart_pole
from txlite.data.episode_windows import EpisodeScale, EpisodeWindows
from txlite.data.episodes import episode_seed, play_episode, returns_to_go
from txlite.generation import play
from txlite.models import DecisionTransformer, DecisionTransformerConfig


class Spy:
    """Says what it is told to, and keeps what it was told."""

    def __init__(self, said: list[int] | None = None, actions: int = 2) -> None:
        self.said, self.actions = said or [0], actions
        self.told: list[tuple[Tensor, ...]] = []

    def __call__(self, *given: Tensor, keep: Tensor) -> Tensor:
        self.told.append((*given, keep))
        batch, length = given[0].shape
        logits = torch.zeros(batch, length, self.actions)
        logits[:, -1, self.said[(len(self.told) - 1) % len(self.said)]] = 1.0
        return logits


def model(**options: Any) -> DecisionTransformer:
    sizes = {"d_model": 16, "num_heads": 2, "d_ff": 24, "num_layers": 2, "max_len": 200}
    sizes |= {"state_dim": 4, "action_dim": 2, "discrete_actions": True}
    return redrawn(DecisionTransformer(DecisionTransformerConfig(**{**sizes, **options}))).float()


# ------------------------------------------------------------------ what it is told


@pytest.mark.kills(
    "acting: rewards are not taken off what was asked",
    "generation/acting.py",
    "(self.asked[-1] - float(reward)) / discount",
    "self.asked[-1] / discount",
)
@pytest.mark.parametrize("discount", [1.0, 0.8])
def test_returns_to_go_are_those_of_training(discount: float) -> None:
    """Asked for what it then gets, a model is told what it would have been trained on."""
    rewards = torch.tensor(REWARDS)
    want = returns_to_go(rewards, discount)
    spy = Spy([1, 0, 1])
    got = play(spy, counting, asked=float(want[0]), episodes=1, context=5, discount=discount)
    assert_close(spy.told[-1][0][0], want)
    if discount == 1.0:
        assert spy.told[-1][0][0].tolist() == [15, 14, 12, 9, 5]
    windows = EpisodeWindows(got.episodes, context=5, batch_size=1, discount=discount)
    trained, acted = windows.batch([4]), spy.told[-1]
    for name, mine in zip(("returns", "states", "timesteps", "keep"), (0, 1, 3, 4), strict=True):
        assert_close(acted[mine], getattr(trained, name))
    assert_close(acted[2][:, :-1], trained.actions[:, :-1])  # the last one is not yet done


def test_what_was_asked_may_be_used_up() -> None:
    spy = Spy()
    play(spy, counting, asked=4.0, episodes=1, context=9)
    assert spy.told[-1][0].tolist() == [[4.0, 3.0, 1.0, -2.0, -6.0]]


def test_it_reads_the_last_steps_and_not_yet_what_it_will_do() -> None:
    spy = Spy([1, 0, 1, 1, 0])
    got = play(spy, counting, asked=[15.0, 20.0], context=3, scale=EpisodeScale(10.0))
    assert [told[0].shape[1] for told in spy.told] == [1, 2, 3, 3, 3]
    returns, states, actions, timesteps, keep = spy.told[3]
    assert_close(returns, torch.tensor([[1.4, 1.2, 0.9], [1.9, 1.7, 1.4]]))
    assert states[..., 0].tolist() == [[1, 2, 3]] * 2
    assert actions.tolist() == [[0, 1, 0]] * 2  # a_1, a_2, and nothing
    assert timesteps.tolist() == [[1, 2, 3]] * 2
    assert keep.all()
    assert got.asked.tolist() == [15, 20]
    assert [e.actions.tolist() for e in got.episodes] == [[1, 0, 1, 1, 0]] * 2


def test_nothing_asked_is_zeros() -> None:
    spy = Spy()
    got = play(spy, counting, asked=None, episodes=2, context=4)
    assert all(told[0].eq(0).all() for told in spy.told)
    assert got.asked.tolist() == [0, 0]
    assert got.returns.tolist() == [15, 15]


def test_states_have_the_units_of_training() -> None:
    spy = Spy()
    play(spy, counting, asked=1.0, episodes=1, context=5, scale=EpisodeScale(1.0, (2.0,), (4.0,)))
    assert_close(spy.told[-1][1][0, :, 0], (torch.arange(5) - 2.0) / 4.0)


# ------------------------------------------------------------------ what comes of it


def test_cut_off_is_not_ended() -> None:
    ended = play(Spy(), counting, asked=1.0, episodes=1, context=2)
    cut = play(Spy(), lambda: counting(3), asked=1.0, episodes=1, context=2)
    assert (ended.terminated.tolist(), ended.truncated.tolist()) == ([True], [False])
    assert (cut.terminated.tolist(), cut.truncated.tolist()) == ([False], [True])
    assert (ended.lengths.tolist(), cut.lengths.tolist()) == ([5], [3])
    assert (ended.returns.tolist(), cut.returns.tolist()) == ([15], [6])


@pytest.mark.kills(
    "acting: one episode ends all",
    "generation/acting.py",
    "[world for world in worlds if not world.over]",
    "(worlds if not any(world.over for world in worlds) else [])",
)
def test_together_is_as_alone() -> None:
    """Episodes of different lengths, begun where each would begin by itself."""
    policy, asked = model(), [150.0, 10.0, 60.0]
    options: dict[str, Any] = {"context": 4, "scale": EpisodeScale(200.0), "seed": 3}
    together = play(policy, cart_pole, asked=asked, **options)
    assert len(set(together.lengths.tolist())) > 1
    for i, episode in enumerate(together.episodes):
        begun = play_episode(cart_pole(), lambda _: 0, seed=episode_seed(3, i)).observations[0]
        assert torch.equal(episode.observations[0], begun)
    for i, a in enumerate(asked):
        alone = play(policy, cart_pole, asked=[a] * (i + 1), **options).episodes[i]
        assert alone.actions.tolist() == together.episodes[i].actions.tolist()
    assert together.returns.tolist() == [e.total for e in together.episodes]
    assert together.lengths.tolist() == [len(e) for e in together.episodes]


def test_what_it_says_there_is_what_it_says_of_the_whole_window() -> None:
    policy = model()
    got = play(policy, cart_pole, asked=30.0, episodes=2, context=6, scale=EpisodeScale(200.0))
    asked = [30.0] * 2
    for episode, total in zip(got.episodes, asked, strict=True):
        windows = EpisodeWindows(
            [episode], context=6, batch_size=1, totals=[total], scale=EpisodeScale(200.0)
        )
        batch = windows.batch(range(len(episode)))
        said = policy(*batch[:-1], keep=batch.keep).actions[:, -1].argmax(-1)
        assert said.tolist() == episode.actions.tolist()


def test_actions_in_a_box_are_done_as_they_are_said() -> None:
    def make() -> Any:
        world = counting()
        world.action_space = gymnasium.spaces.Box(-1, 1, (3,))
        return world

    def say(returns: Tensor, *rest: Tensor, keep: Tensor) -> Any:
        said = torch.full((*returns.shape, 3), 0.25)
        said[..., 1] = -7.0
        return SimpleNamespace(actions=said)

    got = play(say, make, asked=1.0, episodes=1, context=2)
    assert got.episodes[0].actions.tolist() == [[0.25, -1.0, 0.25]] * 5


def test_chance_draws_from_the_softmax_over_the_temperature() -> None:
    def say(returns: Tensor, *rest: Tensor, keep: Tensor) -> Tensor:
        return torch.tensor([0.0, 1.0]).expand(*returns.shape, 2)

    def drawn(temperature: float | None) -> float:
        chance = torch.Generator().manual_seed(0)
        got = play(
            say, counting, asked=1.0, episodes=400, context=1, temperature=temperature,
            generator=chance,
        )  # fmt: skip
        return torch.cat([e.actions for e in got.episodes]).double().mean().item()

    assert drawn(None) == 1.0
    for temperature in (0.5, 2.0):
        want = torch.tensor(1 / temperature).sigmoid().item()
        assert drawn(temperature) == pytest.approx(want, abs=0.04)


def test_a_model_plays_where_it_is() -> None:
    class Somewhere(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))
            self.seen: set[torch.device] = set()

        def forward(self, *given: Tensor, keep: Tensor) -> Tensor:
            self.seen |= {x.device for x in (*given, keep)}
            assert not torch.is_grad_enabled()
            return given[0].new_zeros(*given[0].shape, 2)

    policy = Somewhere()
    play(policy, counting, asked=1.0, episodes=1, context=2)
    assert policy.seen == {policy.weight.device}


# ------------------------------------------------------------------ refusals


@pytest.mark.plain
def test_what_does_not_fit_is_refused_by_name() -> None:
    def box() -> Any:
        world = counting()
        world.action_space = gymnasium.spaces.Box(-1, 1, (2,))
        return world

    def several() -> Any:
        return gymnasium.make_vec("CartPole-v1", num_envs=2, vectorization_mode="sync")

    def nan(returns: Tensor, *rest: Tensor, keep: Tensor) -> Tensor:
        return torch.full((*returns.shape, 2), np.nan)

    wrong: Any = 0.5
    for options, message in (
        (
            {"asked": [1.0], "episodes": 2},
            "asked should be a number, or one for each of episodes=2",
        ),
        ({"asked": []}, "asked should be a number, or one for each of episodes=None, got 0"),
        ({"asked": np.inf, "episodes": 1}, "asked should be a finite number, got inf"),
        ({"asked": [1.0, np.nan]}, "each of asked should be a finite number, got nan"),
        ({"asked": 1.0}, "episodes should be a positive whole number, got None"),
        ({"asked": None}, "episodes should be a positive whole number, got None"),
        ({"asked": [1.0], "context": 0}, "context should be a positive whole number, got 0"),
        ({"asked": [1.0], "seed": wrong}, "seed should be a whole number, got 0.5"),
        ({"asked": [1.0], "discount": 0.0}, "discount should be a positive number, got 0.0"),
        ({"asked": [1.0], "discount": 1.5}, "discount should be at most 1, got 1.5"),
        ({"asked": [1.0], "temperature": 0.0}, "temperature should be a positive number, got 0.0"),
        ({"asked": [1.0], "generator": wrong}, "generator should be a generator such as"),
        (
            {"asked": [1.0], "temperature": 1.0, "make": box},
            "temperature should be None for actions in a box, got 1.0",
        ),
        ({"asked": [1.0], "make": 3}, "make should be a function, which makes an environment"),
        ({"asked": [1.0], "model": 3}, "model should be a function, from returns, states, actions"),
        ({"asked": [1.0], "make": several}, "environment should be a gymnasium.Env that plays one"),
        ({"asked": [1.0], "model": Spy(actions=3)}, "model should say actions of shape (1, 1, 2)"),
        ({"asked": [1.0], "model": lambda *_, keep: 3}, "model should say actions of shape (1, 1,"),
        ({"asked": [1.0], "model": nan}, "model should say finite numbers, got infinite ones or N"),
    ):
        given: dict[str, Any] = {"model": Spy(), "make": counting, "context": 2, **options}
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            play(given.pop("model"), given.pop("make"), **given)
