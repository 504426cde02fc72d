"""The head viewer's Python side: what it computes is what a model with its weights computes."""

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.inspect import record_attention
from txlite.nn import MultiHeadAttention
from txlite.viz.widgets.head_viewer import HeadViewer, ReaderWeights

V, L, D, Q = 11, 7, 12, 3
WORDS = ["", *"abcdefghij"]


class Told(NamedTuple):
    words: tuple[str, ...]
    verb: int
    places: tuple[int | None, ...]


EXAMPLES = [Told(("a", "b", "c", "d", "e"), 2, (0, None, 4)), Told(("f", "a"), 1, (0, None, None))]


class Model(nn.Module):
    """A reader of sentences, as the chapter on many heads builds it."""

    def __init__(self, num_heads: int) -> None:
        super().__init__()
        self.word, self.place = nn.Embedding(V, D), nn.Embedding(L, D)
        self.heads = MultiHeadAttention(D, num_heads, bias=False)
        self.form = nn.Linear(D, Q * D)

    def forward(self, tokens: Tensor, verb: int) -> Tensor:
        x = self.word(tokens) + self.place.weight[: tokens.shape[1]]
        z = self.heads(x[:, verb : verb + 1], x)
        return self.form(z[:, 0]).unflatten(-1, (Q, D)) @ self.word.weight.T

    def weights(self) -> ReaderWeights:
        h = self.heads
        projections = (h.query_proj, h.key_proj, h.value_proj, h.output_proj)
        return ReaderWeights(
            self.word.weight, self.place.weight, *(p.weight for p in projections),
            self.form.weight, self.form.bias,
        )  # fmt: skip


def model(num_heads: int) -> Model:
    torch.manual_seed(num_heads)
    return Model(num_heads).eval()


def viewer(**traits: Any) -> HeadViewer:
    readers = [(1, model(1).weights()), (4, model(4).weights())]
    return HeadViewer(readers, WORDS, ["who", "when", "whom"], EXAMPLES, [["a", "e"]], **traits)


def tokens(told: Told) -> Tensor:
    return torch.tensor([[WORDS.index(word) for word in told.words]])


@pytest.mark.parametrize("reader", [0, 1])
@pytest.mark.parametrize("example", [0, 1])
def test_it_reads_as_the_model_does(reader: int, example: int) -> None:
    told, net = EXAMPLES[example], model([1, 4][reader]).double()
    with record_attention(net) as maps, torch.no_grad():
        logits = net(tokens(told), told.verb)[0]
    reading = viewer(reader=reader, example=example).read()
    assert_close(reading.weights, maps["heads"][0, :, 0])
    assert_close(reading.probabilities, logits.softmax(-1))


def test_a_silent_head_is_a_cleared_column_of_the_output_projection() -> None:
    net = model(4).double()
    with torch.no_grad():
        net.heads.output_proj.weight[:, 3:6] = 0.0
        want = net(tokens(EXAMPLES[0]), 2)[0].softmax(-1)
    reading = viewer(reader=1, silenced=[1]).read()
    assert_close(reading.probabilities, want)
    assert (reading.votes[:, 1] == 0).all()
    assert not torch.allclose(viewer(reader=1).read().probabilities, want)


def test_votes_and_bias_add_up_to_the_logits() -> None:
    net = model(4).double()
    with torch.no_grad():
        logits = net(tokens(EXAMPLES[0]), 2)[0] - (
            net.form.bias.unflatten(0, (Q, D)) @ net.word.weight.T
        )
    right = torch.tensor([WORDS.index("a"), 0, WORDS.index("e")])
    lift = logits[range(Q), right] - logits.mean(-1)
    assert_close(viewer(reader=1).read().votes.sum(-1), lift)


def test_a_changed_sentence_is_read_anew() -> None:
    figure = viewer(reader=1)
    before = figure.read()
    figure.sentence = ["e", "b", "c", "d", "a"]
    assert not torch.allclose(figure.read().probabilities, before.probabilities)
    net = model(4).double()
    with torch.no_grad():
        swapped = tokens(EXAMPLES[0])[:, [4, 1, 2, 3, 0]]
        assert_close(figure.read().probabilities, net(swapped, 2)[0].softmax(-1))


def test_its_name_is_the_same_in_every_run() -> None:
    assert repr(viewer()) == "HeadViewer: Who looks where? The heads of a trained model"


@pytest.mark.plain
def test_errors_name_what_is_wrong() -> None:
    weights = model(4).weights()
    bad = weights._replace(key=torch.zeros(12, 11))
    with pytest.raises(ValueError, match=r"key .* \(D_out=12, D=12\), got \(12, 11\)"):
        HeadViewer([(4, bad)], WORDS, ["who", "when", "whom"], EXAMPLES, [])
    with pytest.raises(ValueError, match="D=12 should be a multiple of num_heads=5"):
        HeadViewer([(5, weights)], WORDS, ["who", "when", "whom"], EXAMPLES, [])
    with pytest.raises(ValueError, match="word should have shape"):
        HeadViewer([(4, weights)], WORDS[:-1], ["who", "when", "whom"], EXAMPLES, [])
