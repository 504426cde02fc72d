"""How many threads a model computes with.

Two threads share the work of a small model at the price of waiting for each other many times in a
step. That gains nothing, and costs many times the step as soon as something else runs.
"""

import os

import torch

from txlite.runtime import device

__all__ = ["SMALL", "few_threads", "threads_for"]

SMALL = 256  # the largest d_model for which one thread is enough


def threads_for(d_model: int) -> int:
    """Return the number of threads for a model of this width; OMP_NUM_THREADS overrides it."""
    if d_model <= SMALL and device().type == "cpu" and not os.environ.get("OMP_NUM_THREADS"):
        return 1
    return torch.get_num_threads()


def few_threads(d_model: int) -> None:
    """Compute with so many threads from now on."""
    torch.set_num_threads(threads_for(d_model))
