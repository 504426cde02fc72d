"""The position explorer: drag a position through a clock with many hands.

One picture above another over the same positions: the matrix of the encoding, the two waves of one
pair, and how alike the chosen position is to every other. Below them, each pair is a clock: its
hand points to (sine, cosine). A second position lies k further on, and the angle between the two
hands stays what it is wherever one drags: a shift is a rotation.
"""

from typing import ClassVar, NamedTuple

import torch
import traitlets
from jaxtyping import Float
from torch import Tensor

from txlite.viz.widgets.base import Widget

__all__ = ["BASES", "LENGTH", "WIDTHS", "Explored", "PositionExplorer"]

LENGTH = 64
WIDTHS = (4, 8, 16, 32, 64)
BASES = (10, 100, 1_000, 10_000, 100_000)
_FARTHEST = 16  # the largest shift


class Explored(NamedTuple):
    """What the explorer shows, in float64.

    The encoding of all positions; the dot product of the chosen position with each of them, divided
    by D/2, so that it is 1 with itself; and the chosen position's vector after every pair was
    turned by the angle that belongs to k.
    """

    table: Float[Tensor, "T D"]
    similarity: Float[Tensor, " T"]
    turned: Float[Tensor, " D"]


class PositionExplorer(Widget):
    """Sinusoidal positions to drag through.

    Attributes
    ----------
    position : int
        The chosen position, p, from 0 to 47.
    shift : int
        How much further the second position lies, k, from 0 to 16.
    d_model : int
        Width of the vectors, one of :data:`WIDTHS`.
    base : int
        How much more slowly the last hand turns than the first, nearly; one of :data:`BASES`.
    pair : int
        The pair of columns whose waves are drawn.

    Raises
    ------
    TraitError
        If a trait is out of its range.
    """

    title = traitlets.Unicode("A clock with many hands").tag(sync=True)
    uses: ClassVar[tuple[str, ...]] = ("controls", "pictures")
    position = traitlets.Int(9, min=0, max=LENGTH - 1 - _FARTHEST).tag(sync=True, choice=True)
    shift = traitlets.Int(5, min=0, max=_FARTHEST).tag(sync=True, choice=True)
    d_model = traitlets.Int(32).tag(sync=True, choice=True, values=list(WIDTHS))
    base = traitlets.Int(10_000).tag(sync=True, choice=True, values=list(BASES))
    pair = traitlets.Int(2, min=0).tag(sync=True, choice=True)
    length = traitlets.Int(LENGTH, read_only=True).tag(sync=True)
    widths = traitlets.List(traitlets.Int(), list(WIDTHS), read_only=True).tag(sync=True)
    bases = traitlets.List(traitlets.Int(), list(BASES), read_only=True).tag(sync=True)

    @traitlets.validate("d_model", "base")
    def _known(self, proposal: traitlets.Bunch) -> int:
        name = proposal["trait"].name
        known = {"d_model": WIDTHS, "base": BASES}[name]
        value: int = proposal["value"]
        if value not in known:
            raise traitlets.TraitError(f"{name} should be one of {known}, got {value}")
        return value

    def calculate(self) -> Explored:
        """Compute in Python what the browser shows.

        Returns
        -------
        Explored
            Table, similarities, and the turned vector.
        """
        pairs = torch.arange(self.d_model // 2, dtype=torch.float64)
        speeds = self.base ** (-2.0 * pairs / self.d_model)
        angles = torch.arange(LENGTH, dtype=torch.float64)[:, None] * speeds  # (T, pairs)
        table = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
        sine, cosine = table[self.position, 0::2], table[self.position, 1::2]
        s, c = (self.shift * speeds).sin(), (self.shift * speeds).cos()
        turned = torch.stack([sine * c + cosine * s, cosine * c - sine * s], dim=-1).flatten()
        return Explored(table, table @ table[self.position] / (self.d_model / 2), turned)
