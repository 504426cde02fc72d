"""The cross-attention viewer: cover words of the source, and see what the translator writes then.

Every choice of visible source words has been translated beforehand, so that the page needs no
model. Rows are the words that were written, columns the words that could be read.
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

__all__ = ["CrossViewer", "Study", "Variant"]


class Variant(NamedTuple):
    """What is written when some words of the source are covered.

    ``target`` holds the T words in order; ``weights`` is where the writer looked for each, zero at
    covered words; ``options`` are, for each, the A most probable words with ``probabilities``.
    """

    target: Sequence[str]
    weights: Float[Tensor, "T S"]
    options: Sequence[Sequence[str]]
    probabilities: Float[Tensor, "T A"]


class Study(NamedTuple):
    """A source sentence with one variant for each choice of visible words.

    ``real`` says which of the S words are words and which are padding. Variant number n shows the
    words whose bits are set in n: word i counts 2 to the power of i.
    """

    source: Sequence[str]
    real: Sequence[bool]
    variants: Sequence[Variant]


class CrossViewer(Widget):
    """Sentences with words to cover, and their translations.

    Parameters
    ----------
    studies : sequence of Study
        The sentences that can be chosen.
    **traits : object
        Where the figure starts: ``sentence``, ``visible`` (a number as in :class:`Study`) and
        ``step``.

    Raises
    ------
    ValueError
        If a study does not have 2 to the power of S variants, or a shape disagrees.
    """

    title = traitlets.Unicode("Cover a word: what the translator writes then").tag(sync=True)
    sentences = traitlets.List(traitlets.Dict()).tag(sync=True)
    numbers = Tensors(torch.float32)
    sentence = traitlets.Int(0).tag(sync=True, choice=True)
    visible = traitlets.Int(0).tag(sync=True, choice=True)
    step = traitlets.Int(0).tag(sync=True, choice=True)
    uses: ClassVar[tuple[str, ...]] = ("controls", "tensors")

    def __init__(self, studies: Sequence[Study], **traits: Any) -> None:
        for study in studies:
            _check(study)
        start = studies[traits.get("sentence", 0)].real
        traits.setdefault("visible", sum(2**i for i, real in enumerate(start) if real))
        super().__init__(
            sentences=[_told(study) for study in studies],
            numbers=_numbers(studies),
            **traits,
        )

    def shown(self) -> Variant:
        """Return what the figure shows in its present state, from its own numbers.

        Returns
        -------
        Variant
            The translation of the visible words.
        """
        told = self.sentences[self.sentence]
        lengths = [len(words) for words in told["targets"]]
        weights, probabilities = (
            torch.split(self.numbers[f"{self.sentence}.{name}"], lengths)[self.visible].double()
            for name in ("weights", "probabilities")
        )
        target, options = (told[name][self.visible] for name in ("targets", "options"))
        return Variant(target, weights, options, probabilities)


def _check(study: Study) -> None:
    size = len(study.source)
    if len(study.real) != size or len(study.variants) != 2**size:
        raise ValueError(
            f"variants should be {2**size}, one for each choice of {size} words, "
            f"got {len(study.variants)} and {len(study.real)} words"
        )
    num_options = study.variants[0].probabilities.shape[-1]
    for variant in study.variants:
        length = len(variant.target)
        check_shape("weights", variant.weights, "T S", T=length, S=size)
        check_shape("probabilities", variant.probabilities, "T A", T=length, A=num_options)


def _told(study: Study) -> dict[str, Any]:
    return {
        "source": [*study.source],
        "real": [*study.real],
        "targets": [[*v.target] for v in study.variants],
        "options": [[[*words] for words in v.options] for v in study.variants],
    }


def _numbers(studies: Sequence[Study]) -> dict[str, Tensor]:
    """Return the weights and the probabilities of each sentence, all its variants one by one."""
    found = {}
    for n, study in enumerate(studies):
        found[f"{n}.weights"] = torch.cat([v.weights for v in study.variants]).float()
        found[f"{n}.probabilities"] = torch.cat([v.probabilities for v in study.variants]).float()
    return found
