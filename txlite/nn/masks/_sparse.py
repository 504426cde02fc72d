"""The rules of sparse attention: few keys for each query, in a pattern of positions.

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

__all__ = ["BlockWindow", "DilatedWindow", "FirstTokens", "NamedTokens", "RandomBlocks", "Strided"]


@register
@dataclass(frozen=True, eq=False)
class DilatedWindow(Mask):
    """The rule that i − j is a multiple of dilation, of fewer than size steps."""

    size: int
    dilation: int

    def allowed(self, at: Coordinates) -> Tensor:
        """Evaluate both conditions."""
        apart = at.queries - at.keys
        return (apart % self.dilation == 0) & (apart.abs() < self.size * self.dilation)

    @property
    def reach(self) -> Reach:
        """All steps but one, on both sides."""
        return Reach((self.size - 1) * self.dilation, (self.size - 1) * self.dilation)

    def __repr__(self) -> str:
        return f"dilated_window({self.size}, {self.dilation})"


@register
@dataclass(frozen=True, eq=False)
class Strided(Mask):
    """The rule that i − j is a multiple of stride."""

    stride: int

    def allowed(self, at: Coordinates) -> Tensor:
        """Evaluate (i − j) mod stride = 0."""
        return (at.queries - at.keys) % self.stride == 0

    def __repr__(self) -> str:
        return f"strided({self.stride})"


@register
@dataclass(frozen=True, eq=False)
class BlockWindow(Mask):
    """The rule that key's block lies from before behind the query's to after ahead of it."""

    size: int
    before: int
    after: int

    def allowed(self, at: Coordinates) -> Tensor:
        """Compare the numbers of the blocks."""
        apart = block_of(at.queries, self.size) - block_of(at.keys, self.size)
        return (apart <= self.before) & (apart >= -self.after)

    @property
    def reach(self) -> Reach:
        """From the far end of the first block to the near end of the last."""
        return Reach(self.size * (self.before + 1) - 1, self.size * (self.after + 1) - 1)

    def __repr__(self) -> str:
        return f"block_window({self.size}, before={self.before}, after={self.after})"


@register
@dataclass(frozen=True, eq=False)
class FirstTokens(Mask):
    """The rule that query or key is one of the first count positions."""

    count: int

    def allowed(self, at: Coordinates) -> Tensor:
        """Evaluate i < count or j < count."""
        return (at.queries < self.count) | (at.keys < self.count)

    def __repr__(self) -> str:
        return f"global_tokens({self.count})"


@register
@dataclass(frozen=True, eq=False)
class NamedTokens(Mask):
    """The rule chosen[b, i] or chosen[b, j]."""

    chosen: Tensor

    def allowed(self, at: Coordinates) -> Tensor:
        """Evaluate chosen[b, i] or chosen[b, j]."""
        return self.chosen[:, at.queries] | self.chosen[:, at.keys]

    def check(
        self,
        num_queries: int,
        num_keys: int,
        batch: Sequence[int] | None = None,
        device: torch.device | None = None,
    ) -> None:
        """Require chosen of shape (B, S), with an entry for every query."""
        require_length("chosen", self.chosen, num_keys, batch)
        check_device("chosen", self.chosen, device)
        if num_queries > num_keys:
            raise ValueError(
                f"chosen should have an entry for each of T={num_queries} queries, got "
                f"S={num_keys} positions"
            )

    @property
    def device(self) -> torch.device | None:
        """Where chosen lives."""
        return self.chosen.device

    def __repr__(self) -> str:
        return f"global_tokens(chosen: {tuple(self.chosen.shape)})"


@register
@dataclass(frozen=True, eq=False)
class RandomBlocks(Mask):
    """The rule that key's block is one of the count that are drawn for the query's block."""

    size: int
    count: int
    seed: int

    def allowed(self, at: Coordinates) -> Tensor:
        """Look the blocks up in a table of pairs of blocks."""
        row, column = (block_of(x, self.size).clamp(min=0) for x in (at.queries, at.keys))
        return self._drawn(-(-at.num_keys // self.size), at.keys.device)[row, column]

    def _drawn(self, blocks: int, device: torch.device) -> Tensor:
        """Return which blocks are drawn for which, (blocks, blocks).

        A pair's number depends on the pair and the seed alone, and those with the smallest numbers
        are drawn: no generator, so that a compiler and every device draw the same.
        """
        each = torch.arange(blocks, device=device)
        start = _mixed(torch.full((), self.seed, device=device))
        numbers = _mixed(start + (each[:, None] << 32) + each)
        return numbers.argsort(dim=-1, stable=True).argsort(dim=-1) < self.count

    def __repr__(self) -> str:
        return f"random_blocks({self.size}, {self.count}, seed={self.seed})"


def _mixed(x: Tensor) -> Tensor:
    """Turn numbers into others that look drawn: SplitMix64's last steps, in 64 bits with a sign."""
    x = x - 7046029254386353131
    x = (x ^ (x >> 30 & (1 << 34) - 1)) * -4658895280553007687
    x = (x ^ (x >> 27 & (1 << 37) - 1)) * -7723592293110705685
    return x ^ (x >> 31 & (1 << 33) - 1)
