"""How much memory a computation needs: the bytes that its tensors hold, at their most.

Counted from the tensors themselves and not from the process, so that the number is the same on
every device and in every run.
"""

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = ["Memory", "record_memory"]


class Memory:
    """A running count of bytes.

    Attributes
    ----------
    now : int
        Bytes that the tensors made inside the block hold at this moment.
    peak : int
        The most that they have held at one time.
    """

    def __init__(self) -> None:
        self.now = 0
        self.peak = 0

    def __repr__(self) -> str:
        return f"Memory(now={self.now}, peak={self.peak})"

    def add(self, size: int) -> None:
        """Count ``size`` bytes that have been taken, or given back where it is negative."""
        self.now += size
        self.peak = max(self.peak, self.now)


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operation, and counts the storages that first appear in a result."""

    def __init__(self, memory: Memory) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.memory = memory
        self.known: set[int] = set()

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        for x in tree_leaves((args, kwargs)):
            self._meet(x, counted=False)  # it was there before
        out = func(*args, **kwargs)
        for x in tree_leaves(out):
            self._meet(x, counted=True)
        return out

    def _meet(self, x: Any, *, counted: bool) -> None:
        if not isinstance(x, Tensor):
            return
        storage = x.untyped_storage()
        if storage._cdata in self.known:
            return
        self.known.add(storage._cdata)
        size = storage.nbytes() if counted else 0
        self.memory.add(size)
        weakref.finalize(storage, self._forget, storage._cdata, size)

    def _forget(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.memory.add(-size)


@contextmanager
def record_memory() -> Iterator[Memory]:
    """Count the bytes of the tensors that are made inside the ``with`` block.

    Yields
    ------
    Memory
        ``peak`` is the most that these tensors held at one time. What was there before, and a
        kernel's own scratch space, do not count.

    Examples
    --------
    >>> import torch
    >>> x = torch.zeros(1000)
    >>> with record_memory() as memory:
    ...     y = (x + 1).exp()  # for a moment both x + 1 and its exponential are there
    >>> memory.peak, memory.now
    (8000, 4000)
    """
    memory = Memory()
    with _Counter(memory):
        yield memory
