"""A rule about a whole sequence, asked about its last keys: what a cache that forgets has left."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from txlite.nn.masks._coordinates import Coordinates, Reach
from txlite.nn.masks._rules import Mask, Over, as_mask

__all__ = ["later"]


@dataclass(frozen=True, eq=False)
class Later(Over):
    """The rule, where the first ``gone`` keys of the sequence are not among those at hand."""

    gone: int

    def allowed(self, at: Coordinates) -> Tensor:
        """Evaluate the rule where queries and keys really stand."""
        whole = at._replace(
            queries=at.queries + self.gone,
            keys=at.keys + self.gone,
            num_keys=at.num_keys + self.gone,
        )
        return self.rule.allowed(whole)

    @property
    def reach(self) -> Reach:
        """The rule's."""
        return self.rule.reach

    def check(
        self,
        num_queries: int,
        num_keys: int,
        batch: Sequence[int] | None = None,
        device: torch.device | None = None,
    ) -> None:
        """Check the rule against the whole sequence."""
        self.rule.check(num_queries, num_keys + self.gone, batch, device)

    def __repr__(self) -> str:
        return f"({self.rule} after {self.gone} keys)"


def later(mask: Mask | Tensor | None, gone: int) -> Mask | None:
    """Return a mask for the keys that are left when the first ``gone`` are no more."""
    return None if mask is None else Later(as_mask(mask), gone)
