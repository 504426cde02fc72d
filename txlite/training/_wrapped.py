"""What stands around a model, and adds to the names of its tensors, without being a part of it."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

__all__ = ["buffers", "plain_name", "unwrapped", "weights"]

_INNER = ("_orig_mod.", "_checkpoint_wrapped_module.")  # torch.compile, activation checkpoints


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the model inside what torch.compile, DDP or DataParallel have put around it."""
    while True:
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            model = model.module
        elif isinstance(model, torch._dynamo.OptimizedModule):
            model = model._orig_mod
        else:
            return model


def plain_name(name: str) -> str:
    """Return a tensor's name without what wrappers of a part add to it."""
    for prefix in _INNER:
        name = name.replace(prefix, "")
    return name


def weights(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield a model's parameters by their plain names."""
    for name, p in unwrapped(model).named_parameters():
        yield plain_name(name), p


def buffers(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield a model's buffers by their plain names."""
    for name, x in unwrapped(model).named_buffers():
        yield plain_name(name), x
