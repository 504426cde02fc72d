"""What processes say to each other: every collective with its bytes, as it is called.

The formulas of :mod:`txlite.distributed.traffic` say what a layout needs; this counts what a run
does, forward and backward, whoever calls it: DTensor, DDP, FSDP or a pipeline.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import distributed_c10d
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from txlite.distributed.traffic import bytes_sent

__all__ = ["Collective", "Traffic", "record_collectives"]

# By the operation's name: the kind, and which argument holds the whole message.
_KINDS = {
    "all_reduce": ("all_reduce", 0),
    "all_reduce_": ("all_reduce", 0),
    "all_reduce_coalesced": ("all_reduce", 0),
    "allreduce_": ("all_reduce", 0),
    "allreduce_coalesced_": ("all_reduce", 0),
    "all_gather_into_tensor": ("all_gather", None),
    "all_gather_into_tensor_coalesced": ("all_gather", None),
    "_allgather_base_": ("all_gather", 0),
    "allgather_": ("all_gather", 0),
    "allgather_into_tensor_coalesced_": ("all_gather", 0),
    "reduce_scatter_tensor": ("reduce_scatter", 0),
    "reduce_scatter_tensor_coalesced": ("reduce_scatter", 0),
    "_reduce_scatter_base_": ("reduce_scatter", 1),
    "reduce_scatter_": ("reduce_scatter", 1),
    "reduce_scatter_tensor_coalesced_": ("reduce_scatter", 1),
    "all_to_all_single": ("all_to_all", 0),
    "alltoall_base_": ("all_to_all", 1),
    "alltoall_": ("all_to_all", 1),
    "broadcast": ("broadcast", 0),
    "broadcast_": ("broadcast", 0),
    "send": ("send", 0),
}


@dataclass(frozen=True)
class Collective:
    """One call.

    Parameters
    ----------
    kind : str
        ``"all_reduce"``, ``"all_gather"``, ``"reduce_scatter"``, ``"all_to_all"``,
        ``"broadcast"`` or ``"send"``.
    message : int
        Bytes of the whole message: what is summed, or what is there once all is gathered.
    ranks : int
        How many processes take part.
    """

    kind: str
    message: int
    ranks: int

    @property
    def sent(self) -> float:
        """Bytes that each process sends on a ring."""
        return bytes_sent(self.kind, self.message, self.ranks)


class Traffic(list[Collective]):
    """The calls of one process, in their order."""

    def calls(self, kind: str | None = None) -> int:
        """Return how many calls there were.

        Parameters
        ----------
        kind : str, optional
            Of which kind. By default of any.

        Returns
        -------
        int
            Their number.
        """
        return len(self._of(kind))

    def message(self, kind: str | None = None) -> int:
        """Return the bytes of all messages.

        Parameters
        ----------
        kind : str, optional
            Of which kind. By default of any.

        Returns
        -------
        int
            Their sum, before any division among the processes.
        """
        return sum(call.message for call in self._of(kind))

    def sent(self, kind: str | None = None) -> float:
        """Return the bytes that this process sends on a ring.

        Parameters
        ----------
        kind : str, optional
            Of which kind. By default of any.

        Returns
        -------
        float
            Their sum.
        """
        return sum((call.sent for call in self._of(kind)), 0.0)

    def _of(self, kind: str | None) -> list[Collective]:
        return [call for call in self if kind in (None, call.kind)]


class _Listener(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operation, and keeps those by which processes exchange something."""

    def __init__(self, traffic: Traffic) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.traffic = traffic

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        from torch.distributed.tensor import DTensor

        if any(issubclass(t, DTensor) for t in types):
            return NotImplemented  # it makes its own calls, which come by here
        out = func(*args, **(kwargs or {}))
        schema = getattr(func, "_schema", None)
        space, _, name = (schema.name if schema is not None else "").partition("::")
        if space in ("c10d", "_c10d_functional") and name in _KINDS:
            kind, place = _KINDS[name]
            ranks = _ranks(args)
            if ranks > 1:
                pieces = tree_leaves(args[0 if place is None else place])
                whole = sum(x.nbytes for x in pieces if isinstance(x, Tensor))
                message = whole * ranks if place is None else whole  # only its own piece is there
                self.traffic.append(Collective(kind, message, ranks))
        return out


def _ranks(args: tuple[Any, ...]) -> int:
    """Return the number of processes of a call, from the group that it names."""
    named: Any = vars(distributed_c10d)["_resolve_process_group"]
    for x in reversed(args):
        if isinstance(x, str):
            try:
                return int(named(x).size())
            except (RuntimeError, ValueError):  # a reduction has a name too
                continue
        if isinstance(x, torch.ScriptObject) and "ProcessGroup" in str(x._type()):
            return int(dist.ProcessGroup.unbox(x).size())
    return 1


@contextmanager
def record_collectives() -> Iterator[Traffic]:
    """Count what this process exchanges with others inside the ``with`` block.

    Yields
    ------
    Traffic
        One :class:`Collective` for each call. Of two that pass a message on, the sender has it.
        Calls in a group of one process, which go nowhere, do not count.

    Examples
    --------
    >>> with record_collectives() as traffic:
    ...     torch.ones(3) + 1  # nobody else is asked
    tensor([2., 2., 2.])
    >>> traffic.calls(), traffic.message()
    (0, 0)
    """
    traffic = Traffic()
    with _Listener(traffic):
        yield traffic
