"""What one has of a smaller model: bytes that are really there, and milliseconds that really pass.

Neither follows from a number of parameters. Two codes of four bits are one number of a tensor, a
tied matrix has two names and is there once, and fewer multiplications can take longer.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from txlite._checks import check_callable, check_length, check_module, check_positive

__all__ = ["Timing", "milliseconds", "model_bytes"]


def model_bytes(model: nn.Module) -> int:
    """Count the bytes that a model's parameters and buffers take, each memory once.

    Parameters
    ----------
    model : Module
        On any device; on ``meta``, what it would take.

    Returns
    -------
    int
        Tied tensors and views of one memory count once, with all of that memory.

    Raises
    ------
    ValueError
        If ``model`` is no module.

    Examples
    --------
    >>> linear = nn.Linear(10, 3)  # 30 + 3 numbers of four bytes
    >>> model_bytes(linear), model_bytes(nn.ModuleList([linear, linear]))
    (132, 132)
    """
    check_module("model", model)
    tensors: list[Tensor] = [*model.parameters(), *model.buffers()]
    storages = {x.untyped_storage()._cdata: x.untyped_storage().nbytes() for x in tensors}
    return sum(storages.values())


class Timing(NamedTuple):
    """How long a call took, in milliseconds.

    Parameters
    ----------
    median, fastest, slowest : float
        Of all runs that were counted.
    runs : int
        How many there were.
    """

    median: float
    fastest: float
    slowest: float
    runs: int


def milliseconds(call: Callable[[], Any], *, runs: int = 20, warmup: int = 3) -> Timing:
    """Time a call: several runs after some that do not count, each until the device is done.

    Parameters
    ----------
    call : callable
        Called without arguments.
    runs : int
        How many count.
    warmup : int
        How many go before: the first ones pay for memory, kernels and caches.

    Returns
    -------
    Timing
        Its median says what to expect. Where fastest and slowest are far apart, the machine did
        something else, too.

    Raises
    ------
    ValueError
        If ``call`` cannot be called, ``runs`` is not positive or ``warmup`` negative.

    Examples
    --------
    >>> timing = milliseconds(lambda: time.sleep(0.002), runs=3, warmup=0)
    >>> timing.runs, timing.median >= 2.0
    (3, True)
    """
    check_callable("call", call, "without arguments")
    runs, warmup = check_positive("runs", runs), check_length("warmup", warmup)
    for _ in range(warmup):
        call()
    taken = []
    for _ in range(runs):
        _finish()
        begun = time.perf_counter()
        call()
        _finish()
        taken.append(1000 * (time.perf_counter() - begun))
    return Timing(statistics.median(taken), min(taken), max(taken), runs)


def _finish() -> None:
    """Wait until an accelerator has done what it was told: it says so before it is."""
    if torch.accelerator.is_available():
        torch.accelerator.synchronize()
