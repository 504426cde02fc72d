"""Episodes: what was observed, done and rewarded, kept whole; and the returns that were to come.

Step t observes s_t, does a_t and is rewarded with r_t, which follows both: T actions and T rewards
stand between T + 1 observations. An episode that the rules have ended (``terminated``) is over; one
that was cut off (``truncated``) would have gone on.

Source
    Chen et al. (2021), "Decision Transformer: Reinforcement Learning via Sequence Modeling",
    section 3: the return to go is the sum of the rewards from a step on, its own included.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from txlite._checks import (
    check_callable,
    check_floating,
    check_positive,
    check_shape,
    check_share,
    check_whole,
)
from txlite.data.spaces import check_environment, to_action, to_vector

__all__ = [
    "Episode",
    "Policy",
    "best_episodes",
    "collect",
    "episode_seed",
    "play_episode",
    "returns_to_go",
]

Policy = Callable[[Float[Tensor, " S"]], Any]
"""From an observation, as a vector, to an action."""


@dataclass(frozen=True, eq=False)
class Episode:
    """One episode, whole.

    Parameters
    ----------
    observations : Tensor, shape (T + 1, S)
        Before each action, and after the last.
    actions : Tensor of int, shape (T,), or Tensor, shape (T, A)
        What was done.
    rewards : Tensor, shape (T,)
        What each action has brought.
    terminated : bool
        Whether the rules have ended it.
    truncated : bool
        Whether it was cut off, for instance at a limit of steps.

    Raises
    ------
    ValueError
        If it has no step, or the numbers of observations, actions and rewards do not fit.
    """

    observations: Float[Tensor, "N S"]
    actions: Shaped[Tensor, "T ..."]
    rewards: Float[Tensor, " T"]
    terminated: bool = False
    truncated: bool = False

    def __post_init__(self) -> None:
        steps = check_shape("rewards", self.rewards, "T")["T"]
        if steps == 0:
            raise ValueError("rewards should hold at least one step, got none")
        check_shape("observations", self.observations, "N S", N=steps + 1)
        counted = not self.actions.is_floating_point()
        check_shape("actions", self.actions, "T" if counted else "T A", T=steps)

    def __len__(self) -> int:
        return len(self.rewards)

    @property
    def total(self) -> float:
        """The sum of its rewards: its return."""
        return float(self.rewards.double().sum())


def returns_to_go(rewards: Float[Tensor, "*B T"], discount: float = 1.0) -> Float[Tensor, "*B T"]:
    """Return for each step the rewards that are still to come, that of the step included.

    Parameters
    ----------
    rewards : Tensor, shape (..., T)
        Of the steps of an episode, in their order.
    discount : float
        What a reward is worth one step later, in [0, 1]: the sum is r_t + γ r_{t+1} + γ² r_{t+2}
        and on.

    Returns
    -------
    Tensor, shape (..., T)
        The first is the whole return. When one acts, the next is (R_t − r_t) / γ.

    Raises
    ------
    ValueError
        If the rewards have no axis or are no floating-point numbers, or the discount is outside
        [0, 1].

    References
    ----------
    Chen et al. (2021), section 3.

    Examples
    --------
    >>> returns_to_go(torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]))
    tensor([15., 14., 12.,  9.,  5.])
    """
    discount = check_share("discount", discount)
    steps = check_shape("rewards", rewards, "*B T")["T"]
    check_floating("rewards", rewards)
    if discount == 1.0:
        return rewards.flip(-1).cumsum(-1).flip(-1)
    later, found = torch.zeros_like(rewards[..., :1]), []
    for t in reversed(range(steps)):
        later = rewards[..., t : t + 1] + discount * later
        found.append(later)
    return torch.cat(found[::-1], dim=-1) if found else rewards.clone()


def episode_seed(seed: int, episode: int) -> int:
    """Return a seed of its own for every episode.

    Parameters
    ----------
    seed : int
        Of the whole collection.
    episode : int
        Which one, from 0.

    Returns
    -------
    int
        In [0, 2**31), well mixed.

    Raises
    ------
    ValueError
        If one of them is no whole number.
    """
    mixed = f"episode {check_whole('seed', seed)} {check_whole('episode', episode)}"
    return random.Random(mixed).getrandbits(31)


def play_episode(environment: Any, policy: Policy, *, seed: int) -> Episode:
    """Play one episode to its end.

    Parameters
    ----------
    environment : gymnasium.Env
        Its spaces are ``Discrete``, or a ``Box`` of floating-point numbers.
    policy : callable
        From an observation, as a vector of shape (S,), to an action: a number from 0, or a box's
        numbers.
    seed : int
        Where the environment begins.

    Returns
    -------
    Episode
        All of it, with the observation after the last action.

    Raises
    ------
    ValueError
        If the environment plays several episodes at once or has another kind of space, or the
        policy does what cannot be done.
    ImportError
        If gymnasium is not installed.

    Notes
    -----
    A game whose rules never end it needs a limit: ``gymnasium.make(..., max_episode_steps=200)``.
    """
    check_environment(environment)
    check_callable("policy", policy, "from an observation to an action")
    seen, _ = environment.reset(seed=check_whole("seed", seed))
    observations, actions, rewards = [to_vector(environment, seen)], [], []
    terminated = truncated = False
    while not (terminated or truncated):
        done, kept = to_action(environment, policy(observations[-1]))
        seen, reward, terminated, truncated, _ = environment.step(done)
        observations.append(to_vector(environment, seen))
        actions.append(kept)
        rewards.append(float(reward))
    return Episode(
        torch.stack(observations), torch.stack(actions), torch.tensor(rewards),
        bool(terminated), bool(truncated),
    )  # fmt: skip


def collect(environment: Any, policy: Policy, episodes: int, *, seed: int = 0) -> list[Episode]:
    """Play several episodes with one policy.

    Parameters
    ----------
    environment : gymnasium.Env
        Its spaces are ``Discrete``, or a ``Box`` of floating-point numbers.
    policy : callable
        From an observation, as a vector of shape (S,), to an action.
    episodes : int
        How many.
    seed : int
        Decides where each begins; each has a seed of its own.

    Returns
    -------
    list of Episode
        In their order.

    Raises
    ------
    ValueError
        If a number is out of range, the environment plays several episodes at once or has another
        kind of space, or the policy does what cannot be done.
    ImportError
        If gymnasium is not installed.
    """
    count = check_positive("episodes", episodes)
    return [play_episode(environment, policy, seed=episode_seed(seed, i)) for i in range(count)]


def best_episodes(episodes: Sequence[Episode], share: float = 0.1) -> list[Episode]:
    """Return the episodes with the highest returns: what filtered cloning learns from.

    Parameters
    ----------
    episodes : sequence of Episode
        At least one.
    share : float
        How many of them, in (0, 1]; at least one is left.

    Returns
    -------
    list of Episode
        The best first; of equal ones, the earlier.

    Raises
    ------
    ValueError
        If there is no episode, or the share is out of range.

    References
    ----------
    Chen et al. (2021), section 5.1 (percentile behaviour cloning). Emmons et al. (2021), "RvS: What
    is Essential for Offline RL via Supervised Learning?".
    """
    share = check_share("share", share)
    if not episodes or share == 0:
        what = ("share", "above zero", "0") if episodes else ("episodes", "at least one", "none")
        raise ValueError("{} should be {}, got {}".format(*what))
    count = max(1, round(share * len(episodes)))
    return sorted(episodes, key=lambda episode: -episode.total)[:count]
