"""What a forward pass keeps for the backward pass: the activations, counted tensor by tensor.

Autograd hands each tensor that it saves to a pair of hooks. Two operations that save one tensor
keep it once, and weights are there anyway: neither counts twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from txlite._checks import check_module

__all__ = ["Saved", "SavedTensor", "record_saved"]


@dataclass(frozen=True)
class SavedTensor:
    """One tensor that is kept.

    Parameters
    ----------
    shape : tuple of int
        Its shape, as the first operation that saved it saw it.
    dtype : torch.dtype
        What its numbers are.
    nbytes : int
        Bytes of the memory that it lies in.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    nbytes: int


@dataclass
class Saved:
    """What has been kept so far.

    Parameters
    ----------
    tensors : list of SavedTensor
        In the order in which they were saved; each memory once.
    """

    tensors: list[SavedTensor] = field(default_factory=list)
    _alive: list[Tensor] = field(default_factory=list, repr=False)

    @property
    def nbytes(self) -> int:
        """Bytes of all of them."""
        return sum(tensor.nbytes for tensor in self.tensors)


@contextmanager
def record_saved(model: nn.Module) -> Iterator[Saved]:
    """Count the activations that are kept inside the ``with`` block.

    Parameters
    ----------
    model : Module
        Its parameters and buffers are not counted.

    Yields
    ------
    Saved
        What is kept. What a block under ``torch.utils.checkpoint`` would keep is not, since it is
        made again in the backward pass; its inputs are.

    Raises
    ------
    ValueError
        If ``model`` is no module.

    Notes
    -----
    Works on every device, ``meta`` included. There, and wherever an attention is no fused kernel,
    the attention weights are kept too: look on the device that you mean.

    Examples
    --------
    >>> model = nn.Linear(3, 5)
    >>> with record_saved(model) as saved:  # the map keeps its input, for its weights' gradient
    ...     y = model(torch.zeros(7, 3)).relu()  # and relu its result
    >>> [tensor.shape for tensor in saved.tensors], saved.nbytes
    ([(7, 3), (7, 5)], 224)
    """
    check_module("model", model)
    saved = Saved()
    known = {_key(x) for x in (*model.parameters(), *model.buffers())}

    def pack(x: Tensor) -> Tensor:
        if _key(x) not in known:
            known.add(_key(x))
            saved._alive.append(x)  # so that no other tensor gets its place
            size = x.untyped_storage().nbytes()
            saved.tensors.append(SavedTensor(tuple(x.shape), x.dtype, size))
        return x

    try:
        with saved_tensors_hooks(pack, lambda x: x):
            yield saved
    finally:
        saved._alive.clear()


def _key(x: Tensor) -> int:
    """Return what two views of one memory share."""
    key: int = x.untyped_storage()._cdata
    return key
