"""The living map: the whole Transformer as a drawing that opens, and a sentence on its way.

A reader opens a part (the model, a stack, a layer, a block, a head, one product of a query and a
key) and steps a sentence through the model, one operation after the other. The drawings are those
of ``txlite.viz.drawings``; the numbers are a trained model's, in bytes, and the page computes
from them what it can.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import traitlets
from ipywidgets import widget_serialization
from jaxtyping import Float
from torch import Tensor

from txlite.viz import drawings
from txlite.viz.schematic import Schematic
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.sentences import Sentence, Step, Walk, follow
from txlite.viz.widgets.stories import STACKS, Story

__all__ = ["LivingMap", "Walk", "drawn"]

_LAYERS = {"encoder": 6, "decoder": 6}


def drawn(
    sizes: Mapping[str, int] | None = None, *, norm_first: bool = True, final_norm: bool = True
) -> dict[str, Schematic]:
    """Return the drawing of every kind of part that the map opens.

    Parameters
    ----------
    sizes : mapping of str to int, optional
        What the letters stand for, and how many layers ``encoder`` and ``decoder`` have; without
        them there are six, and no numbers.
    norm_first : bool
        Whether norms stand in the branches.
    final_norm : bool
        Whether a norm stands at the end of each stack.

    Returns
    -------
    dict of str to Schematic
        All layers of a stack are one, ``"encoder.layer"``.
    """
    known = {**_LAYERS, **(sizes or {})}
    letters = {name: size for name, size in (sizes or {}).items() if len(name) == 1}
    num_heads = letters.get("H", 8)
    found = {
        "model": drawings.model(
            known["encoder"], num_decoder_layers=known["decoder"], sizes=letters
        ),
        "output": drawings.output(sizes=letters),
        "product": drawings.product(letters.get("E", 8)),
    }
    for stack, rows in zip(STACKS, "ST", strict=True):
        decoder = stack == "decoder"
        found[f"{stack}_positions"] = drawings.embedding(rows=rows, sizes=letters)
        found[stack] = drawings.stack(
            known[stack], name=stack, final_norm=final_norm, sizes=letters
        )
        found[f"{stack}.norm"] = drawings.norm(rows=rows, sizes=letters)
        layer = f"{stack}.layer"
        found[layer] = drawings.layer(decoder=decoder, norm_first=norm_first, sizes=letters)
        found[f"{layer}.feed_forward"] = drawings.feed_forward(rows=rows, sizes=letters)
        for part in ("attention", *(["cross_attention"] if decoder else [])):
            cross = part == "cross_attention"
            block = drawings.heads(num_heads, cross=cross, rows=rows, sizes=letters)
            head = drawings.head(
                masked=decoder and not cross, cross=cross, rows=rows, sizes=letters
            )
            found |= {f"{layer}.{part}": block, f"{layer}.{part}.head": head}
    return found


def _parts(layers: Mapping[str, int], final_norm: bool) -> list[str]:
    """Return what can be opened, from the model to a product."""
    found = ["model", "output"]
    for stack in STACKS:
        found += [stack, f"{stack}_positions", *([f"{stack}.norm"] if final_norm else [])]
        for i in range(layers[stack]):
            layer = f"{stack}.{i}"
            found += [layer, f"{layer}.feed_forward", f"{layer}.feed_forward_norm"]
            for part in ("attention", *(["cross_attention"] if stack == "decoder" else [])):
                block = f"{layer}.{part}"
                found += [block, f"{block}_norm", f"{block}.head", f"{block}.head.product"]
    return found


class LivingMap(Widget):
    """Open a Transformer part by part, and step real sentences through it.

    Parameters
    ----------
    walks : sequence of Walk
        The sentences that can be chosen, all through the same model; without any the map shows
        the paper's model, and no numbers.
    vocabulary : sequence of str
        The tokens that the logits belong to.
    weights : mapping of str to Tensor
        The model's ``state_dict()``, of which the norms' weights travel.
    **traits : object
        Where the figure starts: ``part``, ``walk``, ``step``, ``head``, ``row``, ``column``.

    Raises
    ------
    ValueError
        If walks are of different models, a call of the model is missing or has no tensors, words
        and tensors do not fit, or there is no such ``part``.
    """

    title = traitlets.Unicode("The whole Transformer, part by part").tag(sync=True)
    drawings = traitlets.Dict().tag(sync=True)
    sentences = traitlets.List(traitlets.Dict()).tag(sync=True)
    states = traitlets.List(traitlets.Instance(Sentence)).tag(sync=True, **widget_serialization)
    steps = traitlets.List(traitlets.List()).tag(sync=True)
    vocabulary = traitlets.List(traitlets.Unicode()).tag(sync=True)
    sizes = traitlets.Dict().tag(sync=True)
    norm_first = traitlets.Bool(True).tag(sync=True)
    parameters = traitlets.Dict().tag(sync=True)
    part = traitlets.Unicode("model").tag(sync=True, choice=True)
    walk = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    step = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    head = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    row = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    column = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    parts: ClassVar[tuple[str, ...]] = ("tree", "numbers", "drawing", "pictures")
    uses: ClassVar[tuple[str, ...]] = ("controls", "pictures", "tensors")

    def __init__(
        self,
        walks: Sequence[Walk] = (),
        vocabulary: Sequence[str] = (),
        weights: Mapping[str, Float[Tensor, "..."]] | None = None,
        **traits: Any,
    ) -> None:
        stories = [Story(walk, len(vocabulary), weights or {}) for walk in walks]
        given: dict[str, Any] = {"sizes": _LAYERS}
        final_norm = True
        if stories:
            first = stories[0]
            for story in stories[1:]:
                if story.steps != first.steps:
                    raise ValueError("walks should be of one model, got different steps")
            final_norm = "encoder.norm" in first.calls
            given = {
                "sizes": {n: size for n, size in first.sizes.items() if n not in ("S", "T")},
                "norm_first": first.norm_first,
                "parameters": first.costs(),
                "steps": [[*step] for step in first.steps],
                "sentences": [
                    {"name": w.name, "source": [*w.source], "target": [*w.target]} for w in walks
                ],
                "states": [story.sentence() for story in stories],
            }
        shown = drawn(
            stories[0].sizes if stories else None,
            norm_first=given.get("norm_first", True),
            final_norm=final_norm,
        )
        self._known = _parts(given["sizes"], final_norm)
        super().__init__(
            drawings={
                name: {"svg": drawing.svg(narrow=True), "words": drawing.words()}
                for name, drawing in shown.items()
            },
            vocabulary=[*vocabulary],
            **given,
            **traits,
        )

    @traitlets.validate("part")
    def _a_part_that_is_there(self, proposal: Any) -> str:
        part: str = proposal["value"]
        if part not in self._known:
            raise ValueError(f"part should be one of {', '.join(self._known)}, got {part!r}")
        return part

    def shown(self) -> dict[str, Float[Tensor, "..."]]:
        """Compute what the page shows at the present step, from the bytes that it has.

        Returns
        -------
        dict of str to Tensor
            In float64, by name, for instance ``"query"``.

        Raises
        ------
        ValueError
            If the map has no sentence.
        """
        if not self.states:
            raise ValueError("walks should hold at least one walk, got none")
        steps = [Step(*step) for step in self.steps]
        stored = self.states[self.walk].restored()
        found = follow(stored, steps, self.sizes["H"], norm_first=self.norm_first)
        return found[self.step]

    def tensor(self, name: str) -> Float[Tensor, "T D"]:
        """Return a tensor of the present step.

        Parameters
        ----------
        name : str
            What the step calls it, for instance ``"query"``.

        Returns
        -------
        Tensor
            One row for each token, in float64.
        """
        return self.shown()[name]

    def weights(self) -> Float[Tensor, "T S"]:
        """Compute the attention weights that the page shows for the present step and head.

        Returns
        -------
        Tensor
            One row for each query.
        """
        return self.shown()["weights"][self.head]

    def probabilities(self) -> Float[Tensor, "T V"]:
        """Compute the probabilities that the page shows at the last step.

        Returns
        -------
        Tensor
            One row for each target position.
        """
        return self.shown()["probabilities"]
