"""The layer stepper's Python side: its steps are the model's own, in order, and nothing is lost."""

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from tests.models.tiny import config, redrawn
from txlite.inspect import record_attention, trace_shapes
from txlite.models import Transformer
from txlite.viz.widgets.layer_stepper import LayerStepper, Walk

WORDS = [f"w{i}" for i in range(23)]
SOURCE, TARGET = ["je", "suis", "étudiant", "end"], ["begin", "I", "am", "a", "student"]
CLOSE = {"rtol": 0, "atol": 2e-6}


def model(**options: Any) -> Transformer:
    torch.manual_seed(4)
    return redrawn(Transformer(config(**options))).float()


def walk(network: Transformer, seed: int = 1) -> Walk:
    torch.manual_seed(seed)
    source, target = torch.randint(4, 23, (1, 4)), torch.randint(4, 23, (1, 5))
    with trace_shapes(network, tensors=True) as trace, torch.no_grad():
        network(source, target)
    return Walk(f"walk {seed}", trace, SOURCE, TARGET)


def stepper(norm_first: bool = True, **traits: Any) -> LayerStepper:
    return LayerStepper([walk(model(norm_first=norm_first))], WORDS, **traits)


def steps(figure: LayerStepper, block: str) -> list[str]:
    return [step["kind"] for step in figure.walks[0]["steps"] if step["block"] == block]


def at(figure: LayerStepper, block: str, kind: str) -> LayerStepper:
    all_steps = figure.walks[0]["steps"]
    places = [(step["block"], step["kind"]) for step in all_steps]
    figure.step = places.index((block, kind))
    return figure


def test_the_steps_of_both_orders() -> None:
    look = ["project", "look", "gather", "mix"]
    pre, post = stepper(True), stepper(False)
    assert steps(pre, "encoder.0.attention") == ["norm", *look, "add"]
    assert steps(post, "encoder.0.attention") == [*look, "add", "norm"]
    assert steps(pre, "decoder.2.feed_forward") == ["norm", "hidden", "down", "add"]
    assert steps(post, "decoder.2.feed_forward") == ["hidden", "down", "add", "norm"]
    assert steps(pre, "encoder.norm") == ["norm"]
    assert steps(post, "encoder.norm") == []
    assert steps(pre, "source.embed") == steps(pre, "target.embed") == ["embed", "place"]
    assert steps(pre, "output") == ["logits", "softmax"]
    assert len(pre.walks[0]["steps"]) == 2 + 2 * 10 + 1 + 2 + 3 * 16 + 1 + 2
    assert pre.sizes == {"D": 12, "H": 2, "F": 20, "V": 23, "encoder": 2, "decoder": 3}


@pytest.mark.parametrize("norm_first", [True, False])
def test_every_sum_goes_on_to_the_next_step(norm_first: bool) -> None:
    """The stream is unbroken: what comes out of a sublayer enters the next one."""
    figure = stepper(norm_first)
    for stack in ("source", "target"):
        at(figure, f"{stack}.embed", "place")
        assert_close(figure.tensor("sum"), figure.tensor("x") + figure.tensor("position"), **CLOSE)
    stream = None
    for number, step in enumerate(figure.walks[0]["steps"]):
        figure.step = number
        if not step["block"].startswith("decoder."):
            continue
        if step["kind"] == "add":
            assert_close(
                figure.tensor("sum"), figure.tensor("x") + figure.tensor("branch"), **CLOSE
            )
            if stream is not None:
                assert_close(figure.tensor("x"), stream, rtol=0, atol=0)
            stream = figure.tensor("sum")
        elif step["kind"] == "norm" and not norm_first:
            assert_close(figure.tensor("x"), stream, rtol=0, atol=0)
            stream = figure.tensor("y")


@pytest.mark.parametrize("head", [0, 1])
@pytest.mark.parametrize("block", ["encoder.1.attention", "decoder.0.attention",
                                   "decoder.2.cross_attention"])  # fmt: skip
def test_weights_are_the_recorded_maps_and_give_the_models_notes(block: str, head: int) -> None:
    network, figure = model(norm_first=True), stepper(True, head=head)
    torch.manual_seed(1)
    source, target = torch.randint(4, 23, (1, 4)), torch.randint(4, 23, (1, 5))
    with record_attention(network) as maps, torch.no_grad():
        network(source, target)
    stack, i, part = block.split(".")
    weights = at(figure, block, "gather").weights()
    assert_close(weights, maps[f"{stack}.layers.{i}.{part}"][0, head].double(), **CLOSE)
    own = slice(6 * head, 6 * head + 6)
    assert_close(weights @ figure.tensor("value")[:, own], figure.tensor("z")[:, own], **CLOSE)


def test_probabilities_and_parameters_are_the_models() -> None:
    network, figure = model(norm_first=True), stepper(True)
    torch.manual_seed(1)
    source, target = torch.randint(4, 23, (1, 4)), torch.randint(4, 23, (1, 5))
    with torch.no_grad():
        want = network(source, target).double().softmax(-1)[0]
    assert_close(at(figure, "output", "softmax").probabilities(), want, rtol=0, atol=1e-6)
    shown = sum(step["parameters"] for step in figure.walks[0]["steps"])
    tied = 2 * network.embedding.weight.numel()  # at both entrances and at the exit
    assert shown == sum(p.numel() for p in network.parameters()) + tied


def test_a_vocabulary_of_its_own_and_several_walks() -> None:
    network = model(source_vocab_size=40, tied_output=False, norm_first=True)
    figure = LayerStepper([walk(network), walk(network, 2)], WORDS)
    assert [w["name"] for w in figure.walks] == ["walk 1", "walk 2"]
    figure.walk = 1
    assert at(figure, "source.embed", "embed").tensor("x").shape == (4, 12)
    assert repr(figure) == "LayerStepper: One sentence through the whole model"


def test_no_number_is_carried_twice() -> None:
    figure = stepper(True)
    names = [t for step in figure.walks[0]["steps"] for t in step["tensors"].values()]
    stored = sum(tensor.numel() for tensor in figure.numbers.values())
    assert stored < 0.65 * sum(rows * columns for _, rows, columns in names)


@pytest.mark.plain
def test_errors_name_what_is_wrong() -> None:
    network = model(norm_first=True)
    good = walk(network)
    with pytest.raises(ValueError, match="walks should hold at least one walk"):
        LayerStepper([], WORDS)
    with pytest.raises(ValueError, match="source should name 4 tokens, got 3"):
        LayerStepper([good._replace(source=SOURCE[1:])], WORDS)
    with pytest.raises(ValueError, match="target should name 5 tokens, got 4"):
        LayerStepper([good._replace(target=SOURCE)], WORDS)
    with pytest.raises(ValueError, match="a batch of one and a vocabulary of 22"):
        LayerStepper([good], WORDS[1:])
    with trace_shapes(network) as trace:
        network(torch.zeros(1, 4, dtype=torch.int64), torch.zeros(1, 5, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"calls should hold one of .* with its tensors"):
        LayerStepper([good._replace(calls=trace)], WORDS)
