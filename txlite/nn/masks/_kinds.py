"""The rules that need nothing but positions, or one value for each key.

:mod:`txlite.nn.masks` makes them; how rules combine is said in :mod:`txlite.nn.masks._rules`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from txlite._checks import check_device
from txlite.nn.masks._coordinates import (
    Coordinates,
    Reach,
    block_of,
    register,
    require_length,
)
from txlite.nn.masks._rules import Mask

__all__ = ["Causal", "EqualBlocks", "NamedBlocks", "Padding", "SlidingWindow"]


@register
@dataclass(frozen=True, eq=False)
class Causal(Mask):
    """The rule j ≤ i."""

    def allowed(self, at: Coordinates) -> Tensor:
        """Evaluate j ≤ i."""
        return at.keys <= at.queries

    @property
    def reach(self) -> Reach:
        """No look ahead."""
        return Reach(None, 0)

    def __repr__(self) -> str:
        return "causal()"


@register
@dataclass(frozen=True, eq=False)
class SlidingWindow(Mask):
    """The rule abs(i − j) < size."""

    size: int

    def allowed(self, at: Coordinates) -> Tensor:
        """Evaluate abs(i − j) < size."""
        return (at.queries - at.keys).abs() < self.size

    @property
    def reach(self) -> Reach:
        """One less than the window, on both sides."""
        return Reach(self.size - 1, self.size - 1)

    def __repr__(self) -> str:
        return f"sliding_window({self.size})"


@register
@dataclass(frozen=True, eq=False)
class EqualBlocks(Mask):
    """The rule floor(i / size) = floor(j / size)."""

    size: int

    def allowed(self, at: Coordinates) -> Tensor:
        """Evaluate floor(i / size) = floor(j / size)."""
        return block_of(at.queries, self.size) == block_of(at.keys, self.size)

    @property
    def reach(self) -> Reach:
        """One less than a block, on both sides."""
        return Reach(self.size - 1, self.size - 1)

    def __repr__(self) -> str:
        return f"blocks({self.size})"


@register
@dataclass(frozen=True, eq=False)
class Padding(Mask):
    """The rule keep[b, j]."""

    keep: Tensor

    def allowed(self, at: Coordinates) -> Tensor:
        """Evaluate keep[b, j]."""
        return self.keep[:, at.keys]

    def check(
        self,
        num_queries: int,
        num_keys: int,
        batch: Sequence[int] | None = None,
        device: torch.device | None = None,
    ) -> None:
        """Require keep of shape (B, S)."""
        require_length("keep", self.keep, num_keys, batch)
        check_device("keep", self.keep, device)

    @property
    def device(self) -> torch.device | None:
        """Where keep lives."""
        return self.keep.device

    def __repr__(self) -> str:
        return f"padding(keep: {tuple(self.keep.shape)})"


@register
@dataclass(frozen=True, eq=False)
class NamedBlocks(Mask):
    """The rule segments[b, i] = segments[b, j]."""

    segments: Tensor

    def allowed(self, at: Coordinates) -> Tensor:
        """Evaluate segments[b, i] = segments[b, j]."""
        return self.segments[:, at.queries] == self.segments[:, at.keys]

    def check(
        self,
        num_queries: int,
        num_keys: int,
        batch: Sequence[int] | None = None,
        device: torch.device | None = None,
    ) -> None:
        """Require segments of shape (B, S), and a segment for every query."""
        require_length("segments", self.segments, num_keys, batch)
        check_device("segments", self.segments, device)
        if num_queries > num_keys:
            raise ValueError(
                f"segments should name the block of each of T={num_queries} queries, got "
                f"S={num_keys} positions"
            )

    @property
    def device(self) -> torch.device | None:
        """Where segments lives."""
        return self.segments.device

    def __repr__(self) -> str:
        return f"blocks(segments: {tuple(self.segments.shape)})"
