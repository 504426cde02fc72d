"""The head viewer: where each head of a trained model looks, and what follows if it is silent.

A reader is one layer of attention that answers questions about a verb: the verb asks, every word
is asked, each head gathers on its own, and a linear readout compares what was gathered with every
word of the vocabulary. The figure carries the weights themselves, so the page computes what the
model would: after a word is exchanged, and after a head is switched off.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
import traitlets
from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_divides, check_shape
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.tensors import Tensors

__all__ = ["HeadViewer", "ReaderWeights", "Reading", "Told"]


@runtime_checkable
class Told(Protocol):
    """A sentence with the positions of the verb that is asked about and of the answers."""

    @property
    def words(self) -> tuple[str, ...]:
        """The words in order."""

    @property
    def verb(self) -> int:
        """The position of the verb."""

    @property
    def places(self) -> tuple[int | None, ...]:
        """The position of each answer, None where the sentence does not say."""


class ReaderWeights(NamedTuple):
    """The weights of a reader, each as :class:`torch.nn.Linear` stores it, applied as x Wᵀ.

    ``form`` turns what was gathered into one vector per question (with ``bias``); its product with
    the rows of ``word`` are the logits.
    """

    word: Float[Tensor, "V D"]
    place: Float[Tensor, "L D"]
    query: Float[Tensor, "D D"]
    key: Float[Tensor, "D D"]
    value: Float[Tensor, "D D"]
    output: Float[Tensor, "D D"]
    form: Float[Tensor, "QD D"]
    bias: Float[Tensor, " QD"]


class Reading(NamedTuple):
    """What a reader makes of a sentence.

    ``weights`` is where each head looks from the verb, silent or not; ``probabilities`` is what the
    reader answers; ``votes`` is how far each head lifts the logit of the right answer above that of
    the average word, zero for a silent head.
    """

    weights: Float[Tensor, "H T"]
    votes: Float[Tensor, "Q H"]
    probabilities: Float[Tensor, "Q V"]


class HeadViewer(Widget):
    """Heads of trained models on sentences to choose and to change.

    Parameters
    ----------
    readers : sequence of (int, ReaderWeights)
        Number of heads, and weights, of each reader that can be chosen.
    words : sequence of str
        The vocabulary; number 0 is the empty word, the answer "not said".
    questions : sequence of str
        What is asked about the verb.
    examples : sequence of Told
        The sentences that can be chosen.
    groups : sequence of sequence of str
        Words that can be exchanged for one another.
    **traits : object
        Where the figure starts: ``example``, ``reader``, ``sentence``, ``silenced``.

    Raises
    ------
    ValueError
        If the shapes of the weights disagree, or the heads do not divide their width.
    """

    title = traitlets.Unicode("Who looks where? The heads of a trained model").tag(sync=True)
    heads = traitlets.List(traitlets.Int()).tag(sync=True)
    weights = Tensors(torch.float32)
    words = traitlets.List(traitlets.Unicode()).tag(sync=True)
    questions = traitlets.List(traitlets.Unicode()).tag(sync=True)
    examples = traitlets.List(traitlets.Dict()).tag(sync=True)
    groups = traitlets.List(traitlets.List(traitlets.Unicode())).tag(sync=True)
    example = traitlets.Int(0).tag(sync=True, choice=True)
    reader = traitlets.Int(0).tag(sync=True, choice=True)
    sentence = traitlets.List(traitlets.Unicode()).tag(sync=True, choice=True)
    silenced = traitlets.List(traitlets.Int()).tag(sync=True, choice=True)
    uses: ClassVar[tuple[str, ...]] = ("controls", "tensors")

    def __init__(
        self,
        readers: Sequence[tuple[int, ReaderWeights]],
        words: Sequence[str],
        questions: Sequence[str],
        examples: Sequence[Told],
        groups: Sequence[Sequence[str]],
        **traits: Any,
    ) -> None:
        _check(readers, len(words), len(questions))
        told = [{"words": [*s.words], "verb": s.verb, "places": [*s.places]} for s in examples]
        traits.setdefault("sentence", told[traits.get("example", 0)]["words"])
        super().__init__(
            heads=[num_heads for num_heads, _ in readers],
            weights={
                f"{n}.{name}": tensor.float()
                for n, (_, weights) in enumerate(readers)
                for name, tensor in weights._asdict().items()
            },
            words=[*words],
            questions=[*questions],
            examples=told,
            groups=[[*group] for group in groups],
            **traits,
        )

    def read(self) -> Reading:
        """Compute in float64 what the browser shows.

        Returns
        -------
        Reading
            From the figure's own weights and its present state.
        """
        carried = Tensors.part(self.weights, f"{self.reader}.")
        w = ReaderWeights(**{name: tensor.double() for name, tensor in carried.items()})
        told = self.examples[self.example]
        numbers = [self.words.index(word) for word in self.sentence]
        x = w.word[numbers] + w.place[: len(numbers)]  # (T, D)
        keys, values = (
            _slices(x @ w.key.T, self._num_heads),
            _slices(x @ w.value.T, self._num_heads),
        )
        query = _slices(x[told["verb"]] @ w.query.T, self._num_heads)  # (H, E)
        scores = torch.einsum("he,the->ht", query, keys) / query.shape[-1] ** 0.5
        weights = scores.softmax(-1)
        z = torch.einsum("ht,the->he", weights, values)
        z[self.silenced] = 0.0
        rows = w.output.reshape(-1, *z.shape)  # (D, H, E): the part of W^O that reads each head
        each = torch.einsum("he,dhe->hd", z, rows) @ w.form.T  # (H, Q·D): what each head adds
        logits = _slices(each.sum(0) + w.bias, len(self.questions)) @ w.word.T
        votes = _slices(each, len(self.questions)) @ w.word.T  # (H, Q, V)
        right = [0 if place is None else numbers[place] for place in told["places"]]
        lift = votes[:, range(len(right)), right] - votes.mean(-1)
        return Reading(weights, lift.T, logits.softmax(-1))

    @property
    def _num_heads(self) -> int:
        return int(self.heads[self.reader])


_AXES = ("V D", "L D", *["D_out D"] * 4, "QD D", "QD")  # of ReaderWeights, in its order


def _check(
    readers: Sequence[tuple[int, ReaderWeights]], num_words: int, num_questions: int
) -> None:
    places, width = readers[0][1].place.shape
    known = {"V": num_words, "L": places, "D": width, "D_out": width, "QD": num_questions * width}
    for num_heads, weights in readers:
        check_divides("num_heads", num_heads, "D", width)
        for (name, tensor), axes in zip(weights._asdict().items(), _AXES, strict=True):
            wanted = {axis: known[axis] for axis in axes.split()}
            check_shape(name, tensor, axes, **wanted)


def _slices(x: Float[Tensor, "*T D"], count: int) -> Float[Tensor, "*T H E"]:
    return x.reshape(*x.shape[:-1], count, -1)
