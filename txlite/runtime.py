"""Where code runs and how much of it: the device, the seed and the budget.

Every notebook starts with these three. Each of them can be set from outside, so that one and the
same notebook runs on a laptop, on a GPU and in a ten-second smoke test.
"""

import os
import random
import sys
from typing import Literal, cast, get_args

import torch

from txlite._numbers import check_whole

__all__ = ["Budget", "budget", "device", "seed"]

Budget = Literal["smoke", "laptop", "full"]
_SHIFT = 1_000_003  # seeds that are small and near each other stay apart when they are moved


def device() -> torch.device:
    """Return the device to compute on: cuda if there is one, else mps, else cpu.

    The environment variable ``TXLITE_DEVICE`` overrides the choice, for instance ``cpu`` or
    ``cuda:1``.

    Returns
    -------
    torch.device
        A device that this machine has.

    Raises
    ------
    ValueError
        If ``TXLITE_DEVICE`` names no device, or one that this machine lacks.
    """
    name = os.environ.get("TXLITE_DEVICE", "")
    if name:
        return _named_device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def _named_device(name: str) -> torch.device:
    counts = {
        "cpu": 1,
        "cuda": torch.cuda.device_count(),
        "mps": int(torch.backends.mps.is_available()),
    }
    kind, _, index = name.partition(":")
    number = index.isascii() and index.isdecimal()
    well_formed = kind in counts and (number if ":" in name else True)
    if not well_formed:
        raise ValueError(f"TXLITE_DEVICE should be one of cpu, cuda, cuda:N, mps, got {name!r}")
    if int(index or 0) >= counts[kind]:
        raise ValueError(
            f"TXLITE_DEVICE={name!r} asks for a device that this machine lacks: "
            f"it has {counts[kind]} of kind {kind}"
        )
    return torch.device(kind, int(index)) if index else torch.device(kind)


def seed(n: int = 0) -> torch.Generator:
    """Seed every source of chance: torch on all devices, Python's random, NumPy where it is loaded.

    The environment variable ``TXLITE_SEED`` shifts every seed: with another one, a notebook that
    takes all its chance from here is the same experiment with other dice.

    Parameters
    ----------
    n : int
        The seed, in [0, 2**32), the range that NumPy accepts.

    Returns
    -------
    torch.Generator
        A fresh CPU generator with the same seed, which its ``initial_seed()`` tells. Numbers drawn
        from it are the same on every device, which is how a notebook prints the same figures on a
        CPU and on a GPU.

    Raises
    ------
    ValueError
        If ``n`` is outside [0, 2**32), or ``TXLITE_SEED`` is no whole number of at least 0.
    """
    n = check_whole("n", n, "a whole number in [0, 2**32)", lambda n: 0 <= n < 2**32)
    n = (n + _SHIFT * _shifts()) % 2**32
    random.seed(n)
    torch.manual_seed(n)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(n)
    return torch.Generator().manual_seed(n)


def _shifts() -> int:
    """Return by how many steps ``TXLITE_SEED`` moves all seeds."""
    text = os.environ.get("TXLITE_SEED") or "0"
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"TXLITE_SEED should be a whole number of at least 0, got {text!r}")
    return int(text)


def budget() -> Budget:
    """Return how much computing a notebook may use: ``"smoke"``, ``"laptop"`` or ``"full"``.

    The environment variable ``TXLITE_BUDGET`` sets it. ``smoke`` checks in seconds that the code
    runs, ``laptop`` (the default) is what the book shows, ``full`` trains longer.

    Returns
    -------
    str
        The budget's name, meant as a key: ``steps = {"smoke": 5, "laptop": 300,
        "full": 3000}[budget()]``.

    Raises
    ------
    ValueError
        If ``TXLITE_BUDGET`` is none of the three names.
    """
    name = os.environ.get("TXLITE_BUDGET") or "laptop"
    if name not in get_args(Budget):
        raise ValueError(
            f"TXLITE_BUDGET should be one of {', '.join(get_args(Budget))}, got {name!r}"
        )
    return cast(Budget, name)
