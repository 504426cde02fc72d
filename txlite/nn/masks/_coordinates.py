"""Where queries and keys stand: positions, reach, and the axes that tables of them span."""

from collections.abc import Sequence
from dataclasses import fields
from typing import NamedTuple

import torch
from jaxtyping import Bool
from torch import Tensor
from torch.utils import _pytree as pytree

__all__ = [
    "Coordinates",
    "Reach",
    "align",
    "block_of",
    "farther",
    "nearer",
    "register",
    "require_length",
]


class Reach(NamedTuple):
    """How far a query can possibly look: ``back`` and ``ahead`` in positions, None = unlimited."""

    back: int | None
    ahead: int | None


class Coordinates(NamedTuple):
    """Absolute positions of queries and keys, which broadcast, and how many there are in all."""

    queries: Tensor
    keys: Tensor
    num_queries: int
    num_keys: int

    @property
    def axes(self) -> int:
        """Number of axes that the positions span together."""
        return max(self.queries.ndim, self.keys.ndim)


def nearer(a: int | None, b: int | None) -> int | None:
    """Return the smaller of two bounds."""
    if a is None or b is None:
        return b if a is None else a
    return min(a, b)


def farther(a: int | None, b: int | None) -> int | None:
    """Return the larger of two bounds."""
    return None if a is None or b is None else max(a, b)


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


def require_length(name: str, x: Tensor, num_keys: int, batch: Sequence[int] | None) -> None:
    """Require shape (B, S) of a tensor that holds something for every key."""
    if batch is not None and not len(batch):
        raise ValueError(f"{name} has a batch axis, shape {tuple(x.shape)}, but the query has none")
    size = x.shape[0] if batch is None else batch[0]
    if x.shape[0] != size or x.shape[1] != num_keys:
        axis = "B" if batch is None else f"B={size}"
        raise ValueError(f"{name} should have shape ({axis}, S={num_keys}), got {tuple(x.shape)}")


def register(kind: type) -> type:
    """Let torch.export take a mask as an input, and torch.load read one from a file."""
    pytree.register_dataclass(
        kind,
        field_names=[f.name for f in fields(kind)],
        serialized_type_name=f"txlite.nn.masks.{kind.__name__}",
    )
    torch.serialization.add_safe_globals([kind])
    return kind


def block_of(positions: Tensor, size: int) -> Tensor:
    """Return which block of a size each position lies in, also before the first."""
    return positions.div(size, rounding_mode="floor")
