"""Two names for one weight: a published model's, and ours.

A family's name table is a list of :class:`Weight`. Read forwards it turns their tensors into ours,
read backwards ours into theirs; either way numbers change their places and nothing else, so that
what is loaded and saved again is equal bit by bit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = [
    "SAME",
    "TRANSPOSED",
    "TWICE_UNSQUEEZED",
    "UNSQUEEZED",
    "Change",
    "Weight",
    "interleaved",
    "linear",
    "permuted",
]

Shape = tuple[int, ...]


def _same(x: Tensor) -> Tensor:
    return x


class Change(NamedTuple):
    """How numbers change places between their tensor and ours."""

    there: Callable[[Tensor], Tensor] = _same  # from theirs to ours
    back: Callable[[Tensor], Tensor] = _same
    shape: Callable[[Shape], Shape] = lambda shape: shape  # of theirs, from that of ours


SAME = Change()
TRANSPOSED = Change(lambda x: x.mT, lambda x: x.mT, lambda shape: shape[::-1])
"""GPT-2 keeps its linear maps as (in, out)."""


def permuted(order: Tensor, axis: int) -> Change:
    """Return a change of order along an axis: our entry i is their entry ``order[i]``."""
    back = order.argsort()
    return Change(
        lambda x: x.index_select(axis, order.to(x.device)),
        lambda x: x.index_select(axis, back.to(x.device)),
    )


def interleaved(width: int) -> Tensor:
    """Return the order that lets two halves alternate: 0, D/2, 1, D/2 + 1 and on."""
    half = (width + 1) // 2
    return torch.tensor([i // 2 + half * (i % 2) for i in range(width)])


UNSQUEEZED = Change(lambda x: x[0], lambda x: x[None], lambda shape: (1, *shape))
"""Theirs has an axis of size one before ours."""
TWICE_UNSQUEEZED = Change(lambda x: x[0, 0], lambda x: x[None, None], lambda shape: (1, 1, *shape))
"""Theirs has two of them."""


@dataclass(frozen=True)
class Weight:
    """A tensor of theirs, and the one or several of ours that hold its numbers.

    Parameters
    ----------
    theirs : str
        Its name in their files.
    ours : tuple of str
        Names in our model. Several are its parts along the first axis, in this order: a fused
        query, key and value.
    change : Change
        What happens to theirs before it is cut into parts.
    """

    theirs: str
    ours: tuple[str, ...]
    change: Change = SAME

    def shape(self, shapes: Mapping[str, Shape]) -> Shape:
        """Return the shape that theirs should have, from those of ours."""
        first, *others = (shapes[name] for name in self.ours)
        if not others:
            return self.change.shape(first)
        rows = first[0] + sum(other[0] for other in others)
        return self.change.shape((rows, *first[1:]))

    def split(self, theirs: Tensor, shapes: Mapping[str, Shape]) -> dict[str, Tensor]:
        """Return what becomes of their tensor, by our names."""
        changed = self.change.there(theirs)
        if len(self.ours) == 1:
            return {self.ours[0]: changed}
        sizes = [shapes[name][0] for name in self.ours]
        return dict(zip(self.ours, torch.split(changed, sizes), strict=True))

    def join(self, ours: Mapping[str, Tensor]) -> Tensor:
        """Return their tensor from those of ours."""
        parts = [ours[name] for name in self.ours]
        return self.change.back(parts[0] if len(parts) == 1 else torch.cat(parts))


def linear(
    theirs: str, ours: str, *, bias: bool = True, weight: Change = SAME, shift: Change = SAME
) -> list[Weight]:
    """Return the entries of a linear map or a norm: its weight, and its bias where it has one."""
    entries = [Weight(f"{theirs}.weight", (f"{ours}.weight",), weight)]
    return entries + [Weight(f"{theirs}.bias", (f"{ours}.bias",), shift)] * bias
