"""The translator: trained Transformers that translate inside the page, without a kernel.

The figure carries whole models: weights as float16, the tokenizer's merges, the sizes. The weights
of each stand in a file of their own, which is fetched when its language is chosen. The page cuts
what is typed into tokens, encodes it, decodes greedily with a cache, and shows where the decoder
looked. It computes what ``txlite.models.Transformer`` computes; the tests compare tokens.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import traitlets
from ipywidgets import widget_serialization
from torch import Tensor

from txlite.viz.widgets._weights import Weights
from txlite.viz.widgets.base import Widget

__all__ = ["PageModel", "Translator"]

CHOICES = (
    "num_heads", "num_layers", "num_decoder_layers", "norm_first", "norm", "activation",
    "scale_embedding", "positions",
)  # fmt: skip
PLACED = ("sinusoidal", "rotary", "none")


class PageModel(NamedTuple):
    """A trained model, and what the page needs to know of its language.

    ``tensors`` are the model's weights by name, ``config`` is its config as a mapping, and
    ``source`` and ``target`` are the tokenizers, as the JSON text that the ``tokenizers`` library
    writes. ``examples`` are sentences to start from, ``names`` are words that keep their capital
    at the beginning of a sentence and in one that is all in capitals, and ``direction`` says for
    instance "French → English". ``words`` are the words that the model has met, cut as
    ``txlite.data.corpora.words_of`` cuts them: the page lists them, and says of any other word that
    it was never met. Without them it only knows which characters were not.
    """

    direction: str
    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    source: str
    target: str
    examples: Sequence[str]
    names: Sequence[str] = ()
    words: Sequence[str] = ()


class Translator(Widget):
    """Translate what is typed, by models that run in the page.

    Parameters
    ----------
    models : sequence of PageModel
        One for each language that can be chosen.
    longest : int
        How many tokens a translation may have.
    **traits : object
        Where the figure starts: ``language`` (its index in ``models``), ``sentence``, and the
        ``layer`` whose attention is drawn (−1: all layers, averaged).

    Raises
    ------
    ValueError
        If the page cannot compute a model as it is: positions that are learned or added to the
        scores, or weights that float16 would change.
    """

    title = traitlets.Unicode("Translate a sentence").tag(sync=True)
    models = traitlets.List(traitlets.Dict()).tag(sync=True)
    weights = traitlets.List(traitlets.Instance(Weights)).tag(sync=True, **widget_serialization)
    longest = traitlets.Int(60).tag(sync=True)
    language = traitlets.Int(0).tag(sync=True, choice=True)
    sentence = traitlets.Unicode().tag(sync=True, choice=True)
    layer = traitlets.Int(-1).tag(sync=True, choice=True)
    parts: ClassVar[tuple[str, ...]] = ("tokens", "doubts", "picture")
    uses: ClassVar[tuple[str, ...]] = ("controls", "tokens", "transformer", "weights")

    def __init__(self, models: Sequence[PageModel], **traits: Any) -> None:
        if not models:
            raise ValueError("models should hold at least one model, got none")
        described = [_describe(model) for model in models]
        traits.setdefault("sentence", described[traits.get("language", 0)]["examples"][0])
        super().__init__(
            models=described,
            weights=[Weights(model.tensors) for model in models],
            **traits,
        )


def _describe(model: PageModel) -> dict[str, Any]:
    """Return what the page must know beside the weights."""
    if model.config.get("positions") not in PLACED:
        raise ValueError(
            f"the page can do positions {', '.join(PLACED)}, got {model.config.get('positions')!r}"
        )
    if not model.examples:
        raise ValueError(f"examples of {model.direction} should hold a sentence, got none")
    return {
        "direction": model.direction,
        "config": {name: model.config[name] for name in CHOICES},
        "source": json.loads(model.source),
        "target": json.loads(model.target),
        "examples": [*model.examples],
        "names": [*model.names],
        "words": [*model.words],
    }
