"""Hidden words: a trained BERT names the words that a reader hides, without a kernel.

The figure carries the whole model: weights as float16 in a file of their own, the vocabulary, the
config. The page computes what ``txlite.models.BERTForMaskedLM`` computes; the tests compare them.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import traitlets
from ipywidgets import widget_serialization
from jaxtyping import Float
from torch import Tensor

from txlite.viz.widgets._weights import TRAINING, Weights, described
from txlite.viz.widgets.base import Widget

__all__ = ["FillIn"]

MARKS = ("[CLS]", "[SEP]", "[UNK]", "[MASK]")
TABLE = "bert.positions.added.table.weight"


class FillIn(Widget):
    """Hide words of a sentence, and see what the model puts there and what it attended to.

    Parameters
    ----------
    config : mapping
        The config of a :class:`txlite.models.BERTForMaskedLM`, for instance as
        ``dataclasses.asdict`` gives it.
    weights : mapping of str to Tensor
        The model's ``state_dict()``, of numbers that float16 holds.
    tokens : sequence of str
        The vocabulary in the order of the numbers: whole words, and ``[CLS]``, ``[SEP]``,
        ``[UNK]`` and ``[MASK]``. Spaces and hyphens part the words of a sentence, and a word may
        be typed in capitals or small.
    examples : sequence of str
        Sentences to start from; ``[MASK]`` may stand in them.
    hidden : sequence of int
        Which words of the first one are hidden, counted from 0.
    **traits : object
        Where the figure starts: ``sentence``, the hidden ``word`` whose attention is shown (−1:
        the first one), and the ``layer`` and ``head`` of that attention (−1: averaged over all).

    Raises
    ------
    ValueError
        If the page cannot compute the model as it is: positions that are added to the scores, or
        weights that float16 would change; if a mark is missing in ``tokens``, or there is no
        sentence.

    Examples
    --------
    >>> from dataclasses import asdict
    >>> from txlite.models import BERTConfig, BERTForMaskedLM
    >>> tokens = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", "LETTER", "SMALL"]
    >>> config = BERTConfig(vocab_size=7, d_model=8, num_heads=2, d_ff=16, num_layers=1)
    >>> weights = BERTForMaskedLM(config).half().state_dict()
    >>> figure = FillIn(asdict(config), weights, tokens, ["small letter"], hidden=[0])
    >>> figure.encode("small letter", [0])
    [1, 4, 5, 2]
    """

    title = traitlets.Unicode("Fill in what is hidden").tag(sync=True)
    config = traitlets.Dict().tag(sync=True)
    stack = traitlets.Dict().tag(sync=True)
    weights = traitlets.Instance(Weights).tag(sync=True, **widget_serialization)
    tokens = traitlets.List(traitlets.Unicode()).tag(sync=True)
    marks = traitlets.Dict().tag(sync=True)
    examples = traitlets.List(traitlets.Unicode()).tag(sync=True)
    room = traitlets.Int(min=0).tag(sync=True)
    sentence = traitlets.Unicode().tag(sync=True, choice=True)
    hidden = traitlets.List(traitlets.Int()).tag(sync=True, choice=True)
    word = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    layer = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    head = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    uses: ClassVar[tuple[str, ...]] = ("attended", "bars", "bert", "controls", "tokens", "weights")

    def __init__(
        self,
        config: Mapping[str, Any],
        weights: Mapping[str, Float[Tensor, "..."]],
        tokens: Sequence[str],
        examples: Sequence[str],
        hidden: Sequence[int] = (),
        **traits: Any,
    ) -> None:
        if not examples:
            raise ValueError("examples should hold at least one sentence, got none")
        numbers = {token: number for number, token in enumerate(tokens)}
        missing = [mark for mark in MARKS if mark not in numbers]
        if missing:
            raise ValueError(f"tokens should hold {', '.join(MARKS)}, got no {', '.join(missing)}")
        if len(tokens) != len(weights["head.bias"]):
            raise ValueError(
                f"tokens should be {len(weights['head.bias'])}, one for each score of the model, "
                f"got {len(tokens)}"
            )
        table = weights.get(TABLE)
        traits.setdefault("sentence", examples[0])
        super().__init__(
            config={name: value for name, value in config.items() if name not in TRAINING},
            stack=described(config),
            weights=Weights(weights),
            tokens=[*tokens],
            marks={mark: numbers[mark] for mark in MARKS},
            examples=[*examples],
            room=0 if table is None else len(table) - 2,  # words; zero: no limit
            hidden=[*hidden],
            **traits,
        )

    def encode(self, sentence: str, hidden: Sequence[int] = ()) -> list[int]:
        """Turn a sentence into what the model reads, as the page does.

        Parameters
        ----------
        sentence : str
            Words between spaces and hyphens.
        hidden : sequence of int
            Which words are hidden, counted from 0.

        Returns
        -------
        list of int
            ``[CLS]``, the words as far as there are positions, ``[SEP]``.
        """
        numbers = {token: number for number, token in enumerate(self.tokens)}
        words = [word for word in re.split(r"[\s-]+", sentence) if word]
        found = [
            next((numbers[w] for w in _forms(word) if w in numbers), self.marks["[UNK]"])
            for word in words[: self.room or None]
        ]
        for place in hidden:
            if 0 <= place < len(found):
                found[place] = self.marks["[MASK]"]
        return [self.marks["[CLS]"], *found, self.marks["[SEP]"]]


def _forms(word: str) -> tuple[str, str, str]:
    """Return a word as it may stand in the vocabulary."""
    return word, word.upper(), word.lower()
