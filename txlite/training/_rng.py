"""The state of every source of chance, as tensors and as what JSON can hold."""

import random
import sys
from typing import Any

import torch
from torch import Tensor

__all__ = ["capture", "recall"]


def capture(device: torch.device) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return torch's states as tensors; Python's, and NumPy's where it is loaded, as JSON."""
    tensors = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        tensors["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        tensors["mps"] = torch.mps.get_rng_state()
    version, words, gauss = random.getstate()
    others: dict[str, Any] = {"python": [version, list(words), gauss]}
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        kind, keys, *rest = numpy.random.get_state()
        others["numpy"] = [str(kind), keys.tolist(), *rest]
    return tensors, others


def recall(device: torch.device, tensors: dict[str, Tensor], others: dict[str, Any]) -> None:
    """Set every source of chance as it was when it was captured."""
    torch.set_rng_state(tensors["cpu"])
    if device.type == "cuda" and "cuda" in tensors:
        torch.cuda.set_rng_state(tensors["cuda"], device)
    elif device.type == "mps" and "mps" in tensors:
        torch.mps.set_rng_state(tensors["mps"])
    version, words, gauss = others["python"]
    random.setstate((version, tuple(words), gauss))
    if "numpy" in others:
        import numpy

        kind, keys, *rest = others["numpy"]
        words = numpy.array(keys, dtype=numpy.uint32)
        numpy.random.set_state((kind, words, *rest))  # noqa: NPY002 - the global state is what it is
