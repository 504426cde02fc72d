"""A game on a grid: a frozen lake of 8 × 8 squares, and walks over it by chance.

One walks from square to square: a hole ends the walk, the goal ends it with a reward of one. Where
the ice is slippery a move goes astray by chance. What is best on each square,
:mod:`txlite.data.game_rules` finds out.

Source
    The game is gymnasium's FrozenLake-v1 (MIT), with its map of 8 × 8.
"""

from typing import Any

import numpy as np
from torch import Tensor

from txlite._checks import check_length, check_positive, check_whole
from txlite.data.episodes import Episode, episode_seed, play_episode
from txlite.data.spaces import gymnasium

__all__ = ["frozen_lake", "random_walks"]


def frozen_lake(*, start: int | None = 0, slippery: bool = False, limit: int = 100) -> Any:
    """Make the lake of 8 × 8 squares.

    Parameters
    ----------
    start : int, optional
        The square where one begins, counted row by row from 0; None begins on any square of ice,
        by chance.
    slippery : bool
        Whether a move goes astray in two of three cases.
    limit : int
        Steps after which an episode is cut off.

    Returns
    -------
    gymnasium.Env
        FrozenLake-v1. Its moves are left 0, down 1, right 2, up 3.

    Raises
    ------
    ValueError
        If the square is a hole, the goal, or none; or the limit is not positive.
    ImportError
        If gymnasium is not installed.
    """
    limit, library = check_positive("limit", limit), gymnasium()
    from gymnasium.envs.toy_text.frozen_lake import MAPS

    rows = [row.replace("S", "F") for row in MAPS["8x8"]]
    squares, width = "".join(rows), len(rows[0])
    if start is None:
        squares = squares.replace("F", "S")
    else:
        start = check_length("start", start)
        if start >= len(squares) or squares[start] != "F":
            raise ValueError(f"start should be a square of ice below {len(squares)}, got {start}")
        squares = f"{squares[:start]}S{squares[start + 1 :]}"
    drawn = [squares[at : at + width] for at in range(0, len(squares), width)]
    return library.make("FrozenLake-v1", desc=drawn, is_slippery=slippery, max_episode_steps=limit)


def random_walks(
    count: int, *, start: int | None = None, slippery: bool = False, limit: int = 100, seed: int = 0
) -> list[Episode]:
    """Walk over the lake by chance: each move is as probable as any other.

    Parameters
    ----------
    count : int
        Number of walks.
    start : int, optional
        The square where all begin; by default any square of ice, by chance.
    slippery : bool
        Whether a move goes astray in two of three cases.
    limit : int
        Steps after which a walk is cut off.
    seed : int
        Decides moves and beginnings.

    Returns
    -------
    list of Episode
        In their order; an observation is a row of 64 numbers with a single one.

    Raises
    ------
    ValueError
        If a number is out of range, or the square is none of ice.
    ImportError
        If gymnasium is not installed.
    """
    count, seed, walks = check_positive("count", count), check_whole("seed", seed), []
    environment = frozen_lake(start=start, slippery=slippery, limit=limit)
    for i in range(count):
        own = episode_seed(seed, i)
        dice = np.random.default_rng((own, 1))  # `own` is the stream of the ice

        def policy(state: Tensor, dice: Any = dice) -> int:
            return int(dice.integers(4))

        walks.append(play_episode(environment, policy, seed=own))
    environment.close()
    return walks
