"""Acting: a model that is asked for a return plays, and the rewards are taken off as they come.

At each step the model reads the last steps, the return that is still asked for, and the state; it
says what to do. What it was asked at step t + 1 is (R_t − r_t) / γ: in training and in play alike
the return to go includes the reward of the step's own action.

Source
    Chen et al. (2021), "Decision Transformer: Reinforcement Learning via Sequence Modeling",
    algorithm 1, evaluation.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from txlite._checks import (
    as_number,
    check_callable,
    check_finite,
    check_generator,
    check_positive,
    check_rate,
    check_whole,
)
from txlite.data.episode_windows import EpisodeScale
from txlite.data.episodes import Episode, episode_seed
from txlite.data.spaces import action_size, check_environment, to_action, to_vector

__all__ = ["Played", "play"]


@dataclass(frozen=True, eq=False)
class Played:
    """What came of it, one entry for each episode.

    Parameters
    ----------
    asked : Tensor, shape (N,)
        The returns that were asked for; zeros where none was.
    returns : Tensor, shape (N,)
        Those that were got: sums of rewards, without a discount.
    lengths : Tensor of int, shape (N,)
        How many steps each had.
    terminated, truncated : Tensor of bool, shape (N,)
        Whether the rules have ended it, and whether it was cut off.
    episodes : list of Episode
        The episodes themselves.
    """

    asked: Float[Tensor, " N"]
    returns: Float[Tensor, " N"]
    lengths: Int[Tensor, " N"]
    terminated: Bool[Tensor, " N"]
    truncated: Bool[Tensor, " N"]
    episodes: list[Episode]


def play(
    model: Callable[..., Any],
    make: Callable[[], Any],
    *,
    asked: float | Sequence[float] | None,
    context: int,
    episodes: int | None = None,
    scale: EpisodeScale | None = None,
    discount: float = 1.0,
    temperature: float | None = None,
    generator: torch.Generator | None = None,
    seed: int = 0,
) -> Played:
    """Let a model play several episodes at once.

    Parameters
    ----------
    model : callable
        ``model(returns, states, actions, timesteps, keep=)`` says what to do at each step, as
        ``actions`` of what it returns or as what it returns: logits (B, T, A) where actions are
        counted, else their numbers. :class:`txlite.models.DecisionTransformer` is one.
    make : callable
        Makes an environment of gymnasium: ``lambda: gymnasium.make("CartPole-v1")``.
    asked : float or sequence of float, optional
        The return that is asked for, the same in all episodes or one for each. None asks for
        nothing: the model reads zeros, as one does that was trained without returns.
    context : int
        How many steps the model reads, the present one included; as in training.
    episodes : int, optional
        How many; needed where ``asked`` does not say it.
    scale : EpisodeScale, optional
        The units of returns and states, as in training.
    discount : float
        What a reward is worth one step later, in (0, 1]; as in training.
    temperature : float, optional
        Actions are drawn from the softmax of logits over it. By default the best is taken.
    generator : torch.Generator, optional
        Decides what is drawn; by default torch's own.
    seed : int
        Where the environments begin; each episode has a seed of its own.

    Returns
    -------
    Played
        Returns, lengths and episodes, in the order of ``asked``.

    Raises
    ------
    ValueError
        If a number is out of range, an environment is of another kind, or the model says something
        of another shape or that is not finite.
    ImportError
        If gymnasium is not installed.

    References
    ----------
    Chen et al. (2021), algorithm 1.
    """
    check_callable("model", model, "from returns, states, actions and timesteps to actions")
    check_callable("make", make, "which makes an environment")
    wanted = _asked(asked, episodes)
    context, seed = check_positive("context", context), check_whole("seed", seed)
    discount = check_rate("discount", discount)
    if discount > 1:
        raise ValueError(f"discount should be at most 1, got {discount}")
    if temperature is not None:
        temperature = check_rate("temperature", temperature)
    if generator is not None:
        check_generator("generator", generator)
    scale = EpisodeScale() if scale is None else scale
    first = make()
    check_environment(first)
    if temperature is not None and not action_size(first)[1]:
        raise ValueError(f"temperature should be None for actions in a box, got {temperature}")
    worlds = [_World(first if i == 0 else make(), wanted[i], seed, i) for i in range(len(wanted))]
    run = _Run(model, context, scale, discount, temperature, generator, told=asked is not None)
    try:
        while going := [world for world in worlds if not world.over]:
            run.step(going)
    finally:
        for world in worlds:
            world.environment.close()
    done = [world.episode() for world in worlds]
    return Played(
        torch.tensor(wanted),
        torch.tensor([episode.total for episode in done]),
        torch.tensor([len(episode) for episode in done]),
        torch.tensor([episode.terminated for episode in done]),
        torch.tensor([episode.truncated for episode in done]),
        done,
    )


class _World:
    """One environment, what has happened in it, and what is still asked for."""

    def __init__(self, environment: Any, asked: float, seed: int, number: int) -> None:
        self.environment = environment
        seen, _ = environment.reset(seed=episode_seed(seed, number))
        self.observations = [to_vector(environment, seen)]
        size, counted = action_size(environment)
        self.nothing = torch.tensor(0) if counted else torch.zeros(size)
        self.actions: list[Tensor] = []
        self.rewards: list[float] = []
        self.asked = [asked]
        self.terminated = self.truncated = False

    @property
    def over(self) -> bool:
        return self.terminated or self.truncated

    def do(self, action: Any, discount: float) -> None:
        done, kept = to_action(self.environment, action)
        seen, reward, ended, cut, _ = self.environment.step(done)
        self.terminated, self.truncated = bool(ended), bool(cut)
        self.observations.append(to_vector(self.environment, seen))
        self.actions.append(kept)
        self.rewards.append(float(reward))
        self.asked.append((self.asked[-1] - float(reward)) / discount)

    def episode(self) -> Episode:
        return Episode(
            torch.stack(self.observations), torch.stack(self.actions), torch.tensor(self.rewards),
            self.terminated, self.truncated,
        )  # fmt: skip


@dataclass
class _Run:
    """How the model is asked, and how an action is chosen."""

    model: Callable[..., Any]
    context: int
    scale: EpisodeScale
    discount: float
    temperature: float | None
    generator: torch.Generator | None
    told: bool

    @torch.no_grad()
    def step(self, worlds: list[_World]) -> None:
        """Act once in each of them; all stand at the same step."""
        now = len(worlds[0].actions)
        since = max(0, now + 1 - self.context)
        at = slice(since, now + 1)
        asked = torch.tensor([world.asked[at] for world in worlds])
        returns = asked / self.scale.returns if self.told else torch.zeros_like(asked)
        states = torch.stack([torch.stack(world.observations[at]) for world in worlds])
        actions = torch.stack([torch.stack([*w.actions[at], w.nothing]) for w in worlds])
        timesteps = torch.arange(since, now + 1).expand(len(worlds), -1)
        given = (returns, self.scale.states(states), actions, timesteps)
        where = self._device()
        keep = torch.ones_like(timesteps, dtype=torch.bool)
        said = self.model(*(part.to(where) for part in given), keep=keep.to(where))
        for world, action in zip(worlds, self._choose(said, worlds[0], len(worlds)), strict=True):
            world.do(action, self.discount)

    def _device(self) -> torch.device:
        if isinstance(self.model, nn.Module):
            for p in self.model.parameters():
                return p.device
        return torch.device("cpu")

    def _choose(self, said: Any, world: _World, count: int) -> list[Any]:
        size, counted = action_size(world.environment)
        said = getattr(said, "actions", said)
        length = min(len(world.actions) + 1, self.context)
        if not isinstance(said, Tensor) or said.shape != (count, length, size):
            shape = tuple(said.shape) if isinstance(said, Tensor) else type(said).__name__
            raise ValueError(
                f"model should say actions of shape {(count, length, size)}, got {shape}"
            )
        last = said[:, -1].float().cpu()
        if not last.isfinite().all():
            raise ValueError("model should say finite numbers, got infinite ones or NaN")
        if not counted:
            return list(last.numpy())
        if self.temperature is None:
            return list(last.argmax(-1).tolist())
        chances = (last / self.temperature).softmax(-1)
        return list(chances.multinomial(1, generator=self.generator)[:, 0].tolist())


def _asked(asked: float | Sequence[float] | None, episodes: int | None) -> list[float]:
    """Return what is asked for in each episode; zeros where it is nothing."""
    one = as_number(asked)
    if asked is None or one is not None:
        count = check_positive("episodes", episodes)
        return [0.0 if asked is None else check_finite("asked", one)] * count
    if not isinstance(asked, Iterable):
        raise ValueError(f"asked should be a finite number, or one for each episode, got {asked!r}")
    several = [check_finite("each of asked", value) for value in asked]
    if not several or episodes not in (None, len(several)):
        raise ValueError(
            f"asked should be a number, or one for each of episodes={episodes}, got {len(several)}"
        )
    return several
