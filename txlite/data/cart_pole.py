"""Episodes on CartPole: a pole on a cart, which falls unless the cart is pushed under it.

A state is four numbers: where the cart is and how fast, how far the pole leans and how fast. Each
step is worth one, so that the return is how long the pole stood.

Sources
    Barto, Sutton and Anderson (1983), "Neuronlike adaptive elements that can solve difficult
    learning control problems". The environment is gymnasium's CartPole-v1 (MIT).
"""

from typing import Any

import numpy as np

from txlite._checks import check_positive, check_share, check_whole
from txlite.data.episodes import Episode, episode_seed, play_episode
from txlite.data.spaces import gymnasium

__all__ = ["LIMIT", "cart_pole", "linear_episodes", "steady_episodes"]

LIMIT = 200
"""Steps after which an episode is cut off."""
STEADY = (0.1, 0.3, 1.0, 1.0)  # leans with the pole, and drifts back to the middle


def cart_pole(limit: int = LIMIT) -> Any:
    """Make the environment.

    Parameters
    ----------
    limit : int
        Steps after which an episode is cut off.

    Returns
    -------
    gymnasium.Env
        CartPole-v1.

    Raises
    ------
    ValueError
        If the limit is not positive.
    ImportError
        If gymnasium is not installed.
    """
    limit = check_positive("limit", limit)
    return gymnasium().make("CartPole-v1", max_episode_steps=limit)


def linear_episodes(count: int, *, seed: int = 0, limit: int = LIMIT) -> list[Episode]:
    """Let a different random policy play each episode: pushed right if w · s > 0.

    Most fall at once, and a few stand to the end. Returns of all kinds are what makes it possible
    to ask for one.

    Parameters
    ----------
    count : int
        Number of episodes.
    seed : int
        Decides policies and beginnings: each w is drawn from a standard normal distribution.
    limit : int
        Steps after which an episode is cut off.

    Returns
    -------
    list of Episode
        In their order; the first ones are the same for every ``count``.

    Raises
    ------
    ValueError
        If a number is out of range.
    ImportError
        If gymnasium is not installed.
    """
    return _played(count, seed, limit, None, 0.0)


def steady_episodes(
    count: int, *, noise: float = 0.2, seed: int = 0, limit: int = LIMIT
) -> list[Episode]:
    """Let one good policy play, which now and then pushes by chance: the wrong data.

    Its returns say nothing about what was done: whatever is asked for, the same is to be done.

    Parameters
    ----------
    count : int
        Number of episodes.
    noise : float
        How often it pushes by chance, in [0, 1].
    seed : int
        Decides chance and beginnings.
    limit : int
        Steps after which an episode is cut off.

    Returns
    -------
    list of Episode
        In their order.

    Raises
    ------
    ValueError
        If a number is out of range.
    ImportError
        If gymnasium is not installed.
    """
    return _played(count, seed, limit, STEADY, check_share("noise", noise))


def _played(
    count: int, seed: int, limit: int, weights: tuple[float, ...] | None, noise: float
) -> list[Episode]:
    count, seed, episodes = check_positive("count", count), check_whole("seed", seed), []
    environment = cart_pole(limit)
    for i in range(count):
        own = episode_seed(seed, i)
        dice = np.random.default_rng((own, 1))  # `own` is the stream of the cart
        w = dice.standard_normal(4) if weights is None else np.array(weights)

        def policy(state: Any, w: Any = w, dice: Any = dice) -> int:
            if noise and dice.random() < noise:
                return int(dice.integers(2))
            return int(float(state.numpy() @ w) > 0)

        episodes.append(play_episode(environment, policy, seed=own))
    environment.close()
    return episodes
