"""Training mode and evaluation mode: who is woken, and who is left as its owner left it."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

__all__ = ["evaluating", "wake"]


def wake(model: nn.Module) -> None:
    """Put a model into training mode, but not what its owner has put to sleep.

    In a model that is in training mode every part keeps the mode that it has. One that is in
    evaluation mode, as after an earlier training, wakes up, but for parts of which no parameter
    wants a gradient.
    """
    if model.training:
        return
    frozen = [part for part in model.modules() if not part.training and _is_frozen(part)]
    asleep = [module for part in frozen for module in part.modules() if not module.training]
    model.train()
    for module in asleep:
        module.training = False


def _is_frozen(part: nn.Module) -> bool:
    wanted = [p.requires_grad for p in part.parameters()]
    return bool(wanted) and not any(wanted)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, and then every module back into the mode that it had."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
