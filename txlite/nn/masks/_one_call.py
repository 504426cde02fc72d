"""A mask while one call of a stack lasts: what one layer works out serves the next ones."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from txlite.nn.masks._coordinates import Coordinates, Reach
from txlite.nn.masks._rules import Mask, Over

__all__ = ["OneCall", "for_one_call"]


@dataclass(frozen=True, eq=False)
class OneCall(Over):
    """A rule, and what has been worked out of it.

    A stack makes one and drops it, so that nobody meets a table of yesterday's tensor.
    """

    worked_out: dict[tuple[int, ...], Any] = field(default_factory=dict)

    def allowed(self, at: Coordinates) -> Tensor:
        """Evaluate the rule."""
        return self.rule.allowed(at)

    @property
    def reach(self) -> Reach:
        """The rule's."""
        return self.rule.reach

    def table(self, num_queries: int, num_keys: int, device: torch.device | str | None) -> Tensor:
        """Write the rule out."""
        return self.rule.table(num_queries, num_keys, device)

    def __repr__(self) -> str:
        return repr(self.rule)


def for_one_call(x: Any) -> Any:
    """Wrap a mask for the layers of one stack; leave anything else as it is.

    A compiler finds by itself what is worked out twice.
    """
    if not isinstance(x, Mask) or isinstance(x, OneCall) or torch.compiler.is_compiling():
        return x
    return OneCall(x)
