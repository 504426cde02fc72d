"""Trainings that die: what the child processes of the tests run.

Children are forks of a process that has imported this file, and everything slow (`SLOW`).
"""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from txlite.training import _disk
from txlite.training.rehearsal import Rehearsal, rehearse

SLOW = ["safetensors.torch", "torch._dynamo"]  # the first optimiser of a process imports it


def plan(folder: str | None, steps: int) -> Rehearsal:
    """A rehearsal with dropout that saves after every step; on the CPU, where sums are ordered."""
    return Rehearsal(
        steps=steps, dropout=0.3, accumulate=2, checkpoint=folder, checkpoint_every=1, cpu=True
    )


def live(folder: str | None, steps: int, report: str) -> None:
    """Train to the end, and write what happened."""
    _disk.write_json(Path(report), rehearse(plan(folder, steps)))


def die_at(call: int, folder: str, steps: int, report: str) -> None:
    """Train, and be killed instead of the ``call``-th thing that is done to the disk."""
    count = 0

    def fatal(do: Callable[..., Any]) -> Callable[..., Any]:
        def instead(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return do(*args, **kwargs)

        return instead

    for module, name in [(os, "fsync"), (os, "rename"), (os, "replace"), (shutil, "rmtree")]:
        setattr(module, name, fatal(getattr(module, name)))
    for name in ("write_tensors", "write_json"):
        setattr(_disk, name, fatal(getattr(_disk, name)))
    live(folder, steps, report)
