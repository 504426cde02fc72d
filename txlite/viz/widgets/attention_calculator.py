"""The live attention calculator: move a query, a key or a value, and every number follows.

Words on one side ask, words on the other are asked. Each has a vector in the plane that the reader
drags. The planes show the first two of d_k coordinates; from d_k = 3 on the others are random
numbers, drawn once, so that the reader sees what width does to the scores, and what √d_k undoes.
"""

from typing import ClassVar, NamedTuple

import torch
import traitlets
from jaxtyping import Float
from torch import Tensor

from txlite.viz.widgets.base import Widget

__all__ = ["WIDTHS", "AttentionCalculator", "Calculation"]

WIDTHS = (2, 8, 32, 128, 512)
_MOST = 6  # words on one side

_QUERIES = [[1, 0], [0, 1], [0, 0], [-1, -1], [1, -1], [-1, 1]]
_KEYS = [[2, 0], [0, 2], [-2, -2], [1.5, -2.0], [-2, 1.5], [2, 2]]
_VALUES = [[-2, -1], [2, -1], [0, 2], [-2, 1.5], [2, 1.5], [0, -2]]


class Calculation(NamedTuple):
    """What the calculator shows, in float64."""

    products: Float[Tensor, "T S"]
    scores: Float[Tensor, "T S"]
    weights: Float[Tensor, "T S"]
    output: Float[Tensor, "T 2"]


def _unseen() -> dict[str, list[list[float]]]:
    """For each width, what the coordinates that are not shown add to every product q·k."""
    draw = torch.Generator().manual_seed(2)
    query, key = torch.randn(2, _MOST, WIDTHS[-1] - 2, generator=draw, dtype=torch.float64)
    return {
        str(d): (query[:, : d - 2] @ key[:, : d - 2].T).round(decimals=3).tolist() for d in WIDTHS
    }


class AttentionCalculator(Widget):
    """Attention of a few words over a few others, with every intermediate number.

    Attributes
    ----------
    asks, asked : list of str
        The words that hold queries, and those that hold keys and values; at most six each.
    query, key, value : list of [float, float]
        Six vectors each, of which the first ones belong to the words.
    d_k : int
        Width of queries and keys, one of :data:`WIDTHS`.
    scaled : bool
        Whether the scores are divided by √d_k.
    chosen : int
        The position of the word whose arithmetic is shown.
    unseen : dict of str to list
        For each width, the 6 × 6 sums over the coordinates that the planes do not show.

    Raises
    ------
    TraitError
        If a trait does not have that form.
    """

    title = traitlets.Unicode("Attention, with every number").tag(sync=True)
    asks = traitlets.List(traitlets.Unicode(), ["I", "am", "a", "student"]).tag(
        sync=True, choice=True
    )
    asked = traitlets.List(traitlets.Unicode(), ["Je", "suis", "étudiant"]).tag(
        sync=True, choice=True
    )
    query = traitlets.List(default_value=_QUERIES).tag(sync=True, choice=True)
    key = traitlets.List(default_value=_KEYS).tag(sync=True, choice=True)
    value = traitlets.List(default_value=_VALUES).tag(sync=True, choice=True)
    d_k = traitlets.Int(2).tag(sync=True, choice=True, values=list(WIDTHS))
    scaled = traitlets.Bool(True).tag(sync=True, choice=True)
    chosen = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    widths = traitlets.List(default_value=list(WIDTHS)).tag(sync=True)
    unseen = traitlets.Dict().tag(sync=True)
    uses: ClassVar[tuple[str, ...]] = ("controls", "handle")

    @traitlets.default("unseen")
    def _draw_unseen(self) -> dict[str, list[list[float]]]:
        return _unseen()

    @traitlets.validate("asks", "asked")
    def _few_words(self, proposal: traitlets.Bunch) -> list[str]:
        words: list[str] = proposal["value"]
        if not 1 <= len(words) <= _MOST:
            raise traitlets.TraitError(
                f"{proposal['trait'].name} should be 1 to {_MOST} words, got {len(words)}"
            )
        return words

    @traitlets.validate("d_k")
    def _known_width(self, proposal: traitlets.Bunch) -> int:
        width: int = proposal["value"]
        if width not in WIDTHS:
            raise traitlets.TraitError(f"d_k should be one of {WIDTHS}, got {width}")
        return width

    def calculate(self) -> Calculation:
        """Compute in Python what the browser shows.

        Returns
        -------
        Calculation
            Products q·k, scores, weights and output, one row for each word that asks.
        """
        count, others = len(self.asks), len(self.asked)
        query, key, value = (
            torch.tensor(vectors, dtype=torch.float64)[:n]
            for vectors, n in ((self.query, count), (self.key, others), (self.value, others))
        )
        unseen = torch.tensor(self.unseen[str(self.d_k)], dtype=torch.float64)[:count, :others]
        products = query @ key.T + unseen
        scores = products / self.d_k**0.5 if self.scaled else products
        weights = scores.softmax(-1)
        return Calculation(products, scores, weights, weights @ value)
