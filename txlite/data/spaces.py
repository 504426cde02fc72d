"""What an environment shows and takes, as vectors and numbers that a model can read and say.

A box of numbers becomes one row; one of a few is a row with a single one. Actions stay numbers
where they are counted, and rows where they are boxes.
"""

import importlib
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

__all__ = ["action_size", "check_environment", "observation_size", "to_action", "to_vector"]


def gymnasium() -> Any:
    """Return the library, or say what installs it."""
    try:
        return importlib.import_module("gymnasium")
    except ImportError as error:
        raise ImportError(
            f'gymnasium is needed here: pip install "txlite[acting]" ({error})'
        ) from error


def check_environment(environment: Any) -> None:
    """Require an environment of gymnasium that plays one episode at a time, in spaces known here.

    Parameters
    ----------
    environment : gymnasium.Env
        Its observations and its actions are ``Discrete``, or a ``Box`` of floating-point numbers.

    Raises
    ------
    ValueError
        If it is none, plays several at once, or has another kind of space.
    ImportError
        If gymnasium is not installed.
    """
    library = gymnasium()
    if not isinstance(environment, library.Env):
        raise ValueError(
            "environment should be a gymnasium.Env that plays one episode at a time, got "
            f"{type(environment).__name__}"
        )
    for name in ("observation_space", "action_space"):
        _size(name, getattr(environment, name))


def observation_size(environment: Any) -> int:
    """Return how many numbers an observation has as a vector.

    Parameters
    ----------
    environment : gymnasium.Env
        What is observed.

    Returns
    -------
    int
        The numbers of the box, or how many observations there are.

    Raises
    ------
    ValueError
        If the space is of another kind.
    """
    return _size("observation_space", environment.observation_space)


def action_size(environment: Any) -> tuple[int, bool]:
    """Return how many actions there are to choose from, or the numbers of one; and which it is.

    Parameters
    ----------
    environment : gymnasium.Env
        Where one acts.

    Returns
    -------
    tuple of int and bool
        The size, and whether actions are counted.

    Raises
    ------
    ValueError
        If the space is of another kind.
    """
    space = environment.action_space
    return _size("action_space", space), isinstance(space, gymnasium().spaces.Discrete)


def to_vector(environment: Any, observation: Any) -> Float[Tensor, " S"]:
    """Return an observation as a vector.

    Parameters
    ----------
    environment : gymnasium.Env
        Whose it is.
    observation : array or int
        As the environment gives it.

    Returns
    -------
    Tensor, shape (S,)
        The box's numbers in one row, or zeros and a single one, in float32.
    """
    space = environment.observation_space
    if isinstance(space, gymnasium().spaces.Discrete):
        vector = torch.zeros(int(space.n))
        vector[int(observation) - int(space.start)] = 1.0
        return vector
    return torch.from_numpy(np.asarray(observation, dtype=np.float32).reshape(-1).copy())


def to_action(environment: Any, action: Any) -> tuple[Any, Shaped[Tensor, "..."]]:
    """Return an action as the environment takes it, and as it is kept.

    Parameters
    ----------
    environment : gymnasium.Env
        Where one acts.
    action : int or array
        A number from 0, or a box's numbers in any shape; what lies outside the box is moved to its
        edge.

    Returns
    -------
    tuple
        For ``env.step``; and a tensor without axes, or of shape (A,).

    Raises
    ------
    ValueError
        If there is no such action.
    """
    space = environment.action_space
    if isinstance(space, gymnasium().spaces.Discrete):
        number = int(action)
        if not 0 <= number < int(space.n):
            raise ValueError(f"action should lie in [0, {int(space.n)}), got {number}")
        return number + int(space.start), torch.tensor(number)
    numbers = np.asarray(action, dtype=np.float32)
    if numbers.size != int(np.prod(space.shape)) or not np.isfinite(numbers).all():
        raise ValueError(
            f"action should be finite numbers of shape {space.shape}, got {numbers.tolist()}"
        )
    done = np.clip(numbers.reshape(space.shape), space.low, space.high).astype(space.dtype)
    return done, torch.from_numpy(done.astype(np.float32).reshape(-1).copy())


def _size(name: str, space: Any) -> int:
    spaces = gymnasium().spaces
    if isinstance(space, spaces.Discrete):
        return int(space.n)
    if isinstance(space, spaces.Box) and (
        name == "observation_space" or np.issubdtype(space.dtype, np.floating)
    ):
        return int(np.prod(space.shape))
    raise ValueError(
        f"{name} should be Discrete, or a Box of floating-point numbers, got {space!r}"
    )
