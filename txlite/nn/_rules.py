"""The rules that masks are made of: predicates on positions, and how they combine.

:mod:`txlite.nn.masks` makes them; attention asks them three things: do you fit these sizes
(``check``), how far can a query look (``reach``), and who is allowed at these positions
(``allowed``). A T×S table exists only when somebody asks for one.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool
from torch import Tensor
from torch.utils import _pytree as pytree

__all__ = ["Mask", "Positions", "Reach", "align"]


class Reach(NamedTuple):
    """How far a query can possibly look: ``back`` and ``ahead`` in positions, None = unlimited."""

    back: int | None
    ahead: int | None


class Positions(NamedTuple):
    """Absolute positions of queries and keys, which broadcast, and how many there are in all."""

    queries: Tensor
    keys: Tensor
    num_queries: int
    num_keys: int

    @property
    def axes(self) -> int:
        """Number of axes that the positions span together."""
        return max(self.queries.ndim, self.keys.ndim)


class Mask(ABC):
    """A rule that says which query may attend to which key; True = may attend.

    Make one with :func:`~txlite.nn.masks.causal`, :func:`~txlite.nn.masks.padding`,
    :func:`~txlite.nn.masks.sliding_window` or :func:`~txlite.nn.masks.blocks`, and combine rules
    with ``&`` (both), ``|`` (either) and ``~`` (not). A bool tensor may stand on either side.

    Examples
    --------
    >>> from txlite.nn import masks
    >>> (masks.causal() & masks.sliding_window(2)).to_tensor(3, 3).int()
    tensor([[1, 0, 0],
            [1, 1, 0],
            [0, 1, 1]], dtype=torch.int32)
    """

    @abstractmethod
    def allowed(self, at: Positions) -> Bool[Tensor, "..."]:
        """Evaluate the rule.

        Parameters
        ----------
        at : Positions
            Absolute positions, for instance of shapes (T, 1) and (1, S).

        Returns
        -------
        Tensor of bool
            The mask's own batch axes if it has any, then the positions' axes, some perhaps 1.
        """

    @property
    def reach(self) -> Reach:
        """A bound on how far a query may look, from which banded kernels follow."""
        return Reach(None, None)

    def check(  # noqa: B027 - most rules fit every size
        self, num_queries: int, num_keys: int, batch: Sequence[int] | None = None
    ) -> None:
        """Refuse, by name, sizes that the mask does not fit.

        Parameters
        ----------
        num_queries, num_keys : int
            T and S of the scores.
        batch : sequence of int, optional
            The scores' leading axes, (B, H) for instance. The default leaves them unchecked.

        Raises
        ------
        ValueError
            If a tensor that the mask holds has another length or batch size.
        """

    def to_tensor(
        self, num_queries: int, num_keys: int, *, device: torch.device | str | None = None
    ) -> Bool[Tensor, "... {num_queries} {num_keys}"]:
        """Write the rule out as a table.

        Parameters
        ----------
        num_queries, num_keys : int
            T and S. The last query stands at the last key.
        device : torch.device or str, optional
            Where the table is made. A mask that holds a tensor makes it where that tensor lives.

        Returns
        -------
        Tensor of bool, shape (T, S), (B, T, S) or (B, H, T, S)
            True where the query may attend to the key.

        Raises
        ------
        ValueError
            If the mask holds a tensor of another length.
        """
        self.check(num_queries, num_keys)
        table = self.table(num_queries, num_keys, device)
        return table.expand(*table.shape[:-2], num_queries, num_keys)

    def table(
        self, num_queries: int, num_keys: int, device: torch.device | str | None
    ) -> Bool[Tensor, "..."]:
        """Write the rule out unchecked; axes of size one are left to broadcast."""
        device = self.device or device
        keys = torch.arange(num_keys, device=device)
        queries = torch.arange(num_queries, device=device) + (num_keys - num_queries)
        return self.allowed(Positions(queries[:, None], keys[None, :], num_queries, num_keys))

    @property
    def device(self) -> torch.device | None:
        """Where the mask's tensor lives; None for a mask that holds none."""
        return None

    def __and__(self, other: "Mask | Tensor") -> "Mask":
        return And(self, as_mask(other))

    __rand__ = __and__

    def __or__(self, other: "Mask | Tensor") -> "Mask":
        return Or(self, as_mask(other))

    __ror__ = __or__

    def __invert__(self) -> "Mask":
        return Not(self)


def as_mask(mask: "Mask | Tensor") -> Mask:
    """Make a mask of a bool tensor; leave a mask as it is.

    Parameters
    ----------
    mask : Mask or Tensor of bool
        A tensor has shape (T, S), (B, T, S) or (B, H, T, S): its leading axes are the scores'
        leading axes, in order. An axis of size one stands for any size.

    Returns
    -------
    Mask
        The rule.

    Raises
    ------
    ValueError
        If ``mask`` is a float or int tensor, has fewer than two axes, or is no mask at all.
    """
    if isinstance(mask, Mask):
        return mask
    require_bool("mask", mask)
    if mask.ndim < 2:
        raise ValueError(
            f"mask should have shape (T, S), (B, T, S) or (B, H, T, S), got {tuple(mask.shape)}; "
            "for padding, use txlite.nn.masks.padding(keep)"
        )
    return Table(mask)


def require_bool(name: str, x: Any) -> None:
    """Refuse anything but a bool tensor: the polarity of numbers cannot be known."""
    if not isinstance(x, Tensor):
        raise ValueError(
            f"{name} should be a bool tensor (True = may attend), got {type(x).__name__}"
        )
    if x.dtype != torch.bool:
        raise ValueError(
            f"{name} should be a bool tensor (True = may attend), got {dtype_name(x)}; "
            "write the condition out, for instance tokens != pad"
        )


def dtype_name(x: Tensor) -> str:
    """Return a dtype as one says it: ``float32``."""
    return str(x.dtype).removeprefix("torch.")


def align(table: Bool[Tensor, "..."], batch_axes: int, axes: int = 2) -> Bool[Tensor, "..."]:
    """Line the leading axes of a table up with the leading axes of the scores.

    A table (B, T, S) meets scores (B, H, T, S) as (B, 1, T, S). Ordinary broadcasting would
    line axes up from the right and read B as H.

    Parameters
    ----------
    table : Tensor of bool
        Batch axes, then ``axes`` axes of positions.
    batch_axes : int
        How many batch axes there should be at least.
    axes : int
        How many axes of positions there are.

    Returns
    -------
    Tensor of bool
        The same values with axes of size one between; a table without batch axes as it is.
    """
    missing = batch_axes - (table.ndim - axes)
    if missing <= 0 or table.ndim <= axes:
        return table
    split = table.ndim - axes
    return table.reshape(*table.shape[:split], *([1] * missing), *table.shape[split:])


@dataclass(frozen=True, eq=False)
class Causal(Mask):
    """The rule j ≤ i."""

    def allowed(self, at: Positions) -> Tensor:
        """Evaluate j ≤ i."""
        return at.keys <= at.queries

    @property
    def reach(self) -> Reach:
        """No look ahead."""
        return Reach(None, 0)


@dataclass(frozen=True, eq=False)
class SlidingWindow(Mask):
    """The rule abs(i − j) < size."""

    size: int

    def allowed(self, at: Positions) -> Tensor:
        """Evaluate abs(i − j) < size."""
        return (at.queries - at.keys).abs() < self.size

    @property
    def reach(self) -> Reach:
        """One less than the window, on both sides."""
        return Reach(self.size - 1, self.size - 1)


@dataclass(frozen=True, eq=False)
class EqualBlocks(Mask):
    """The rule floor(i / size) = floor(j / size)."""

    size: int

    def allowed(self, at: Positions) -> Tensor:
        """Evaluate floor(i / size) = floor(j / size)."""
        query_block = at.queries.div(self.size, rounding_mode="floor")
        return query_block == at.keys.div(self.size, rounding_mode="floor")

    @property
    def reach(self) -> Reach:
        """One less than a block, on both sides."""
        return Reach(self.size - 1, self.size - 1)


@dataclass(frozen=True, eq=False)
class Padding(Mask):
    """The rule keep[b, j]."""

    keep: Tensor

    def allowed(self, at: Positions) -> Tensor:
        """Evaluate keep[b, j]."""
        return self.keep[:, at.keys]

    def check(self, num_queries: int, num_keys: int, batch: Sequence[int] | None = None) -> None:
        """Require keep of shape (B, S)."""
        _require_shape("keep", self.keep, num_keys, batch)

    @property
    def device(self) -> torch.device | None:
        """Where keep lives."""
        return self.keep.device


@dataclass(frozen=True, eq=False)
class NamedBlocks(Mask):
    """The rule segments[b, i] = segments[b, j]."""

    segments: Tensor

    def allowed(self, at: Positions) -> Tensor:
        """Evaluate segments[b, i] = segments[b, j]."""
        return self.segments[:, at.queries] == self.segments[:, at.keys]

    def check(self, num_queries: int, num_keys: int, batch: Sequence[int] | None = None) -> None:
        """Require segments of shape (B, S), and a segment for every query."""
        _require_shape("segments", self.segments, num_keys, batch)
        if num_queries > num_keys:
            raise ValueError(
                f"segments should name the block of each of T={num_queries} queries, got "
                f"S={num_keys} positions"
            )

    @property
    def device(self) -> torch.device | None:
        """Where segments lives."""
        return self.segments.device


@dataclass(frozen=True, eq=False)
class Table(Mask):
    """A rule that somebody has already written out, with axes of size one for any size."""

    values: Tensor

    def allowed(self, at: Positions) -> Tensor:
        """Look the positions up."""
        rows = at.queries - (at.num_keys - at.num_queries)
        num_rows, num_columns = self.values.shape[-2:]
        return self.values[
            ..., rows if num_rows > 1 else rows * 0, at.keys if num_columns > 1 else at.keys * 0
        ]

    def table(self, num_queries: int, num_keys: int, device: torch.device | str | None) -> Tensor:
        """Return the table itself."""
        return self.values

    def check(self, num_queries: int, num_keys: int, batch: Sequence[int] | None = None) -> None:
        """Require (T, S), (B, T, S) or (B, H, T, S), each axis right or one."""
        shape = self.values.shape
        lead = len(shape) - 2
        wanted = (*(shape[:lead] if batch is None else batch[:lead]), num_queries, num_keys)
        fits = len(shape) == len(wanted) and all(
            n in (1, w) for n, w in zip(shape, wanted, strict=True)
        )
        if not fits:
            names = ["B", "H"] if batch is None or len(batch) <= 2 else ["*B"] * len(batch)
            sizes = zip(names, batch or (), strict=False)
            axes = [*(f"{a}={n}" for a, n in sizes), f"T={num_queries}", f"S={num_keys}"]
            raise ValueError(
                f"mask should have shape ({', '.join(axes)}), or fewer of its leading axes, "
                f"got {tuple(shape)}"
            )

    @property
    def device(self) -> torch.device | None:
        """Where the table lives."""
        return self.values.device


@dataclass(frozen=True, eq=False)
class _Pair(Mask):
    """Two rules: what And and Or share."""

    left: Mask
    right: Mask

    def check(self, num_queries: int, num_keys: int, batch: Sequence[int] | None = None) -> None:
        """Check both rules."""
        self.left.check(num_queries, num_keys, batch)
        self.right.check(num_queries, num_keys, batch)

    def both(self, at: Positions) -> tuple[Tensor, Tensor]:
        """Evaluate both rules and line up their batch axes."""
        left, right = self.left.allowed(at), self.right.allowed(at)
        batch_axes = max(left.ndim, right.ndim) - at.axes
        return align(left, batch_axes, at.axes), align(right, batch_axes, at.axes)

    @property
    def device(self) -> torch.device | None:
        """Where either rule's tensor lives."""
        return self.left.device or self.right.device


@dataclass(frozen=True, eq=False)
class And(_Pair):
    """Both rules."""

    def allowed(self, at: Positions) -> Tensor:
        """Evaluate left and right."""
        left, right = self.both(at)
        return left & right

    @property
    def reach(self) -> Reach:
        """The nearer bound on each side."""
        back, ahead = zip(self.left.reach, self.right.reach, strict=True)
        return Reach(_nearer(*back), _nearer(*ahead))


@dataclass(frozen=True, eq=False)
class Or(_Pair):
    """Either rule."""

    def allowed(self, at: Positions) -> Tensor:
        """Evaluate left or right."""
        left, right = self.both(at)
        return left | right

    @property
    def reach(self) -> Reach:
        """The farther bound on each side."""
        back, ahead = zip(self.left.reach, self.right.reach, strict=True)
        return Reach(_farther(*back), _farther(*ahead))


@dataclass(frozen=True, eq=False)
class Not(Mask):
    """The opposite rule."""

    rule: Mask

    def allowed(self, at: Positions) -> Tensor:
        """Evaluate the opposite."""
        return ~self.rule.allowed(at)

    def check(self, num_queries: int, num_keys: int, batch: Sequence[int] | None = None) -> None:
        """Check the rule."""
        self.rule.check(num_queries, num_keys, batch)

    @property
    def device(self) -> torch.device | None:
        """Where the rule's tensor lives."""
        return self.rule.device


def _nearer(a: int | None, b: int | None) -> int | None:
    if a is None or b is None:
        return b if a is None else a
    return min(a, b)


def _farther(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else max(a, b)


def _require_shape(name: str, x: Tensor, num_keys: int, batch: Sequence[int] | None) -> None:
    if batch is not None and not len(batch):
        raise ValueError(f"{name} has a batch axis, shape {tuple(x.shape)}, but the query has none")
    size = x.shape[0] if batch is None else batch[0]
    if x.shape[0] != size or x.shape[1] != num_keys:
        axis = "B" if batch is None else f"B={size}"
        raise ValueError(f"{name} should have shape ({axis}, S={num_keys}), got {tuple(x.shape)}")


for _kind in (Causal, SlidingWindow, EqualBlocks, Padding, NamedBlocks, Table, And, Or, Not):
    # Registered, so that torch.export takes a mask as an input.
    pytree.register_dataclass(
        _kind,
        field_names=[f.name for f in fields(_kind)],
        serialized_type_name=f"txlite.nn.masks.{_kind.__name__}",
    )
