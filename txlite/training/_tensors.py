"""Tensors inside a batch, whatever the batch is: tuples, lists, dicts, dataclasses."""

import dataclasses
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

__all__ = ["device_of", "mapped", "marked", "moved", "numbers_in", "tensors_in"]


def device_of(model: nn.Module) -> torch.device:
    """Return where a model's parameters lie; the CPU if it has none."""
    first = next(model.parameters(), None)
    return torch.device("cpu") if first is None else first.device


def mapped(function: Callable[[Tensor], Tensor], batch: Any) -> Any:
    """Apply a function to every tensor of a batch, and leave the rest as it is."""
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        fields = {f.name: getattr(batch, f.name) for f in dataclasses.fields(batch) if f.init}
        return dataclasses.replace(batch, **{k: mapped(function, v) for k, v in fields.items()})
    return tree_map(lambda x: function(x) if isinstance(x, Tensor) else x, batch)


def moved(batch: Any, device: torch.device) -> Any:
    """Move every tensor of a batch to a device."""
    return mapped(lambda x: x.to(device, non_blocking=True), batch)


def tensors_in(batch: Any) -> list[Tensor]:
    """Return every tensor of a batch, in order."""
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        batch = [getattr(batch, f.name) for f in dataclasses.fields(batch)]
    return [x for x in tree_leaves(batch) if isinstance(x, Tensor)]


def marked(batch: Any, before: int = 0) -> int:
    """Return a number in [0, 2**32) that tells batches apart: of their tensors, shapes and order.

    Several batches have one together: that of the first is handed to the next as ``before``.
    """
    for x in tensors_in(batch):
        before = zlib.crc32(f"{tuple(x.shape)} {x.dtype}".encode(), before)
        flat = x.detach().cpu().contiguous().reshape(-1)
        before = zlib.crc32(flat.view(torch.uint8).numpy().data, before)
    return before


def numbers_in(values: Sequence[Any]) -> list[Any]:
    """Return single numbers as Python's, with one wait for a device instead of one for each."""
    if values and all(isinstance(x, Tensor) for x in values):
        return list(torch.stack([x.reshape(()) for x in values]).tolist())
    return [float(x) for x in values]
