"""The layer viewer: from which words a vector has been gathered, layer by layer, and what it says.

Words stand on the left, layers from left to right. For the chosen word after the chosen layer the
way back is drawn: how much came straight on, and how much by attention, from whom; beside it, what
the vector would answer if the model had to speak there.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import torch
import traitlets
from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_shape
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.tensors import Tensors

__all__ = ["Gathered", "LayerViewer", "Reading"]


class Reading(NamedTuple):
    """A text as a stack of N layers has read it.

    ``maps`` are the attention maps, mean over the heads, first layer first. ``probabilities`` is
    what each of the T words would answer, among A answers, before the first layer and after each.
    ``gloss`` is the text in the reader's own language.
    """

    words: Sequence[str]
    gloss: str
    maps: Float[Tensor, "N T T"]
    probabilities: Float[Tensor, "M T A"]


class Gathered(NamedTuple):
    """What the figure shows: where a vector comes from, and what it answers.

    Row ℓ of ``shares`` says how much of it was where after layer ℓ, row 0 among the words
    themselves; every row sums to one.
    """

    shares: Float[Tensor, "L T"]
    answers: Float[Tensor, " A"]


class LayerViewer(Widget):
    """Texts as a stack of layers reads them, one word's way at a time.

    Parameters
    ----------
    readings : sequence of Reading
        The texts that can be chosen, all read by the same number of layers.
    answers : sequence of str
        What a word can answer.
    **traits : object
        Where the figure starts: ``text``, ``word``, ``layer``, ``residual``.

    Raises
    ------
    ValueError
        If the shapes of a reading disagree with its words or with ``answers``.

    References
    ----------
    Abnar and Zuidema (2020), section 3 (attention rollout).
    """

    title = traitlets.Unicode("Layer by layer: where a word's knowledge comes from").tag(sync=True)
    texts = traitlets.List(traitlets.Dict()).tag(sync=True)
    answers = traitlets.List(traitlets.Unicode()).tag(sync=True)
    num_layers = traitlets.Int().tag(sync=True)
    numbers = Tensors(torch.float32)
    text = traitlets.Int(0).tag(sync=True, choice=True)
    word = traitlets.Int(0).tag(sync=True, choice=True)
    layer = traitlets.Int(1).tag(sync=True, choice=True)
    residual = traitlets.Bool(True).tag(sync=True, choice=True)
    uses: ClassVar[tuple[str, ...]] = ("controls", "tensors")

    def __init__(self, readings: Sequence[Reading], answers: Sequence[str], **traits: Any) -> None:
        num_layers = len(readings[0].maps)
        for reading in readings:
            sizes = {"N": num_layers, "T": len(reading.words), "S": len(reading.words)}
            check_shape("maps", reading.maps, "N T S", **sizes)
            check_shape(
                "probabilities", reading.probabilities, "M T A",
                M=num_layers + 1, T=sizes["T"], A=len(answers),
            )  # fmt: skip
        traits.setdefault("layer", num_layers)
        super().__init__(
            texts=[{"words": [*r.words], "gloss": r.gloss} for r in readings],
            answers=[*answers],
            num_layers=num_layers,
            numbers={
                f"{n}.{name}": tensor.float()
                for n, reading in enumerate(readings)
                for name, tensor in (
                    ("maps", reading.maps),
                    ("probabilities", reading.probabilities),
                )
            },
            **traits,
        )

    def gather(self) -> Gathered:
        """Compute in float64 what the browser shows.

        Returns
        -------
        Gathered
            From the figure's own numbers and its present state.
        """
        maps, table = (
            self.numbers[f"{self.text}.{name}"].double() for name in ("maps", "probabilities")
        )
        size = maps.shape[-1]
        if self.residual:
            maps = (maps + torch.eye(size, dtype=maps.dtype)) / 2
        shares = [torch.eye(size, dtype=maps.dtype)[self.word]]
        for layer in reversed(range(self.layer)):
            shares.insert(0, shares[0] @ maps[layer])
        return Gathered(torch.stack(shares), table[self.layer, self.word])
