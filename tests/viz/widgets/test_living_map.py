"""The living map's Python side: its steps are the model's own, and its numbers the trace's."""

import re
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from tests.models.tiny import config, redrawn
from txlite.inspect import ShapeTrace, record_attention, trace_shapes
from txlite.models import Transformer
from txlite.viz.widgets.living_map import LivingMap, Walk, drawn

WORDS = [f"w{i}" for i in range(23)]
SOURCE, TARGET = ["je", "suis", "étudiant", "end"], ["begin", "I", "am", "a", "student"]
EXACT = {"rtol": 0, "atol": 1e-12}
SIZES = {"S": 4, "T": 5, "D": 12, "H": 2, "E": 6, "F": 20, "V": 23}


def model(**options: Any) -> Transformer:
    torch.manual_seed(4)
    return redrawn(Transformer(config(**options))).float()


def traced(network: Transformer, seed: int = 1) -> ShapeTrace:
    torch.manual_seed(seed)
    source, target = torch.randint(4, 23, (1, 4)), torch.randint(4, 23, (1, 5))
    with trace_shapes(network, tensors=True) as trace, torch.no_grad():
        network(source, target)
    return trace


def walk(network: Transformer, seed: int = 1) -> Walk:
    return Walk(f"walk {seed}", traced(network, seed), SOURCE, TARGET)


def living(norm_first: bool = True, **traits: Any) -> LivingMap:
    network = model(norm_first=norm_first)
    return LivingMap([walk(network)], WORDS, network.state_dict(), **traits)


def kinds(figure: LivingMap, block: str) -> list[str]:
    return [kind for name, kind, *_ in figure.steps if name == block]


def at(figure: LivingMap, block: str, kind: str) -> LivingMap:
    figure.step = [(name, k) for name, k, *_ in figure.steps].index((block, kind))
    return figure


# --- the steps -----------------------------------------------------------------------------------


def test_the_steps_of_both_orders() -> None:
    attends = ["project", "weights", "gather", "mix"]
    pre, post = living(True), living(False)
    assert kinds(pre, "encoder.0.attention") == ["norm", *attends, "add"]
    assert kinds(post, "encoder.0.attention") == [*attends, "add", "norm"]
    assert kinds(pre, "decoder.2.feed_forward") == ["norm", "hidden", "down", "add"]
    assert kinds(post, "decoder.2.feed_forward") == ["hidden", "down", "add", "norm"]
    assert kinds(pre, "encoder.norm") == ["norm"]
    assert kinds(post, "encoder.norm") == []
    for side in ("encoder_positions", "decoder_positions"):
        assert kinds(pre, side) == ["embed", "position"]
    assert kinds(pre, "output") == ["logits", "softmax"]
    assert len(pre.steps) == 2 + 2 * 10 + 1 + 2 + 3 * 16 + 1 + 2
    want = {n: SIZES[n] for n in "DHEFV"} | {"encoder": 2, "decoder": 3}
    assert pre.sizes == want
    assert [step[3] for step in pre.steps if step[0] == "decoder.0.attention"].count(True) == 2
    assert not any(step[3] for step in pre.steps if step[0].startswith("encoder"))


@pytest.mark.parametrize("norm_first", [True, False])
def test_every_step_is_as_near_to_the_model_as_the_map_says(norm_first: bool) -> None:
    """The model's own tensors, found anew in its trace, against what the page computes."""
    network = model(norm_first=norm_first)
    trace = traced(network)
    figure = LivingMap([Walk("w", trace, SOURCE, TARGET)], WORDS, network.state_dict())
    far = figure.states[0].far

    def near(block: str, kind: str, name: str, want: torch.Tensor) -> None:
        got = at(figure, block, kind).tensor(name)
        distance = float((got - want.double()).abs().max())
        assert distance <= far[figure.step], (block, kind, name)
        assert distance < 0.3 * float(want.abs().max()), (block, kind, name)

    for stack, count in (("encoder", 2), ("decoder", 3)):
        for i in range(count):
            here = f"{stack}.layers.{i}"
            for part in ["attention", "feed_forward"] + ["cross_attention"] * (stack == "decoder"):
                block, path = f"{stack}.{i}.{part}", f"{here}.{part}"
                near(block, "add", "branch", trace[path][0].returned[0][0])
                near(block, "norm", "y", trace[f"{path}_norm"][0].returned[0][0])
                near(block, "norm", "x", trace[f"{path}_norm"][0].given["x"][0])
                if part == "feed_forward":
                    hidden = trace[f"{path}.dropout"][0].returned[0][0]
                    near(block, "hidden", "hidden", hidden)
                else:
                    z = trace[f"{path}.attend"][0].returned[0][0].transpose(0, 1).flatten(1)
                    near(block, "gather", "z", z)
                    near(block, "project", "key", trace[f"{path}.key_proj"][0].returned[0][0])
            last = f"{stack}.{i}.feed_forward"
            whole = trace[here][0].returned[0][0]
            near(last, *(("add", "sum") if norm_first else ("norm", "y")), whole)
    logits = trace[""][0].returned[0][0]
    near("output", "logits", "logits", logits)
    near("output", "softmax", "probabilities", logits.softmax(-1))


def test_bytes_are_half_a_step_from_the_model_and_halves_nearly_the_same() -> None:
    network = model(norm_first=True)
    trace = traced(network)
    figure = LivingMap([Walk("w", trace, SOURCE, TARGET)], WORDS, network.state_dict())
    state = figure.states[0]
    names = [name for name, tensor in state.numbers.items() if tensor.dtype == torch.uint8]
    assert {name.rpartition(".")[2] for name in names} == {
        "x", "position", "query", "key", "value", "branch", "hidden",
    }  # fmt: skip
    assert set(names) == set(state.scales)
    key = trace["encoder.layers.1.attention.key_proj"][0].returned[0][0]
    scale, _ = state.scales["encoder.1.attention.key"]
    assert scale == pytest.approx(float(key.max() - key.min()) / 255)
    got = state.restored()["encoder.1.attention.key"]
    assert float((got - key).abs().max()) <= scale / 2 + 1e-6
    hidden = trace["decoder.layers.2.feed_forward.dropout"][0].returned[0][0]
    zeros = state.restored()["decoder.2.feed_forward.hidden"][hidden == 0]
    assert len(zeros)
    assert torch.equal(zeros, torch.zeros_like(zeros))
    logits = trace[""][0].returned[0][0]
    assert_close(state.restored()["output.logits"], logits.double(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("norm_first", [True, False])
def test_every_sum_goes_on_to_the_next_step(norm_first: bool) -> None:
    """The residual path is unbroken: what comes out of a block enters the next one."""
    figure = living(norm_first)
    path = None
    for number, (block, kind, *_) in enumerate(figure.steps):
        figure.step = number
        if kind in ("position", "add"):
            parts = ("x", "position" if kind == "position" else "branch")
            total = figure.tensor(parts[0]) + figure.tensor(parts[1])
            assert_close(figure.tensor("sum"), total, **EXACT)
        if kind == "position":
            path = figure.tensor("sum")
        if kind == "add":
            assert_close(figure.tensor("x"), path, **EXACT)
            path = figure.tensor("sum")
        if kind == "norm":
            assert_close(figure.tensor("x"), path, **EXACT)
            if not norm_first:
                path = figure.tensor("y")
        if kind == "hidden" and not norm_first:
            assert_close(figure.tensor("x"), path, **EXACT)
        assert block


@pytest.mark.parametrize("head", [0, 1])
@pytest.mark.parametrize("block", ["encoder.1.attention", "decoder.0.attention",
                                   "decoder.2.cross_attention"])  # fmt: skip
def test_weights_are_nearly_the_recorded_maps(block: str, head: int) -> None:
    network, figure = model(norm_first=True), living(True, head=head)
    torch.manual_seed(1)
    source, target = torch.randint(4, 23, (1, 4)), torch.randint(4, 23, (1, 5))
    with record_attention(network) as maps, torch.no_grad():
        network(source, target)
    stack, i, part = block.split(".")
    weights = at(figure, block, "gather").weights()
    want = maps[f"{stack}.layers.{i}.{part}"][0, head].double()
    far = figure.states[0].far[figure.step]
    assert float((weights - want).abs().max()) <= far < 0.2
    assert_close(weights.sum(-1), torch.ones(len(weights)).double(), **EXACT)
    own = slice(6 * head, 6 * head + 6)
    z = weights @ figure.tensor("value")[:, own]
    assert_close(z, figure.tensor("z")[:, own], **EXACT)


# --- numbers in drawings, and parameters ----------------------------------------------------------


def module_of(key: str) -> list[str]:
    """The modules of which a part of the map consists, in the model's first layers."""
    paths = {
        "model": "", "output": "embedding",
        "encoder_positions": "embedding", "decoder_positions": "embedding",
        "encoder_positions.lookup": "embedding", "decoder_positions.lookup": "embedding",
    }  # fmt: skip
    if key in paths:
        return [paths[key]]
    here = key.replace(".layer", ".layers.0")
    here, _, inner = here.partition(".head.")
    inner = inner or here.rpartition(".")[2]
    here = here.removesuffix(f".{inner}") if inner in INNER else here
    return [f"{here}.{name}" for name in INNER.get(inner, ())] or [here]


INNER = {
    "project": ("query_proj", "key_proj", "value_proj"),
    "head": ("query_proj", "key_proj", "value_proj"),
    "WQ": ("query_proj",), "WK": ("key_proj",), "WV": ("value_proj",),
    "WO": ("output_proj",), "W1": ("up_proj",), "W2": ("down_proj",),
}  # fmt: skip


def test_every_count_of_parameters_is_the_traces() -> None:
    network = model(norm_first=True)
    figure, trace = living(True), traced(network)
    assert len(figure.parameters) > 40
    for key, count in figure.parameters.items():
        want = sum(trace[path][0].parameters for path in module_of(key))
        assert count == want / (2 if ".head" in key else 1), key
    steps = sum(step[2] for step in figure.steps)
    tied = 2 * network.embedding.weight.numel()  # at both entrances and at the exit
    assert steps == sum(p.numel() for p in network.parameters()) + tied
    assert figure.parameters["model"] == sum(p.numel() for p in network.parameters())


def shape_of(trace: ShapeTrace, key: str, name: str) -> tuple[int, ...]:
    """The shape that the trace has for what a drawing calls by this name, without the batch."""
    stack, _, rest = key.partition(".")
    side = stack.partition("_")[0]
    if name == "memory":
        return trace["encoder"][0].outputs[0][1:]
    if rest.endswith(".head") or (rest.endswith("attention") and name.startswith("head ")):
        block = rest.removesuffix(".head").replace("layer.", "layers.0.")
        attend = trace[f"{stack}.{block}.attend"][0]
        query, keys, value = (attend.inputs[n] for n in ("query", "key", "value"))
        out = attend.outputs[0]
        found = {"q": query[2:], "k": keys[2:], "v": value[2:], "output": out[2:]}
        if name.startswith("head "):
            return out[2:]
        if name in ("scores", "weights"):
            return (query[2], keys[2])
        if name in found:
            return found[name]
    if (key, name) in (("model", "output"), ("output", "logits"), ("output", "probabilities")):
        return trace[""][0].outputs[0][1:]
    if name == "lookup":  # the embedding matrix, whose shape no call returns
        return tuple(model().embedding.weight.shape)
    if name == "hidden":
        return trace[f"{side}.layers.0.feed_forward.dropout"][0].outputs[0][1:]
    stack = "decoder" if key == "output" else side if key != "model" else name.partition("_")[0]
    return trace[f"{stack}.layers.0"][0].inputs["x"][1:]


@pytest.mark.parametrize("key", [k for k in drawn() if k != "product"])
def test_every_shape_in_a_drawing_is_the_traces(key: str) -> None:
    figure, trace = living(True), traced(model(norm_first=True))
    svg = figure.drawings[key]["svg"]
    found = 0
    for part in re.finditer(r'<g data-part="([^"]+)".*?</g>', svg):
        text = " ".join(re.findall(r">([^<]+)</text>", part[0]))
        for letters, numbers in re.findall(r"\(([A-Z, ]+)\) = \(([\d, ]+)\)", text):
            shape = tuple(int(n) for n in numbers.split(", "))
            assert shape == tuple(shape_of(trace, key, part[1])), (part[1], letters)
            assert [SIZES[name] for name in letters.split(", ")] == [*shape]
            found += 1
        for letter, number in re.findall(r"([A-Z]) = (\d+) tokens", text):
            assert SIZES[letter] == int(number)
            found += 1
    assert found >= 1, key
    assert not re.search(r"\([A-Z](, [A-Z])*\)(?! = )</text>(?!<text[^>]*>= )", svg), key


def test_a_shape_of_another_model_would_be_seen() -> None:
    trace = traced(model(norm_first=True))
    assert shape_of(trace, "model", "encoder_positions") == (4, 12)
    assert shape_of(trace, "decoder.layer.cross_attention.head", "weights") == (5, 4)
    assert shape_of(trace, "decoder.layer.attention.head", "weights") == (5, 5)
    assert shape_of(trace, "encoder.layer.attention.head", "q") == (4, 6)
    assert shape_of(trace, "encoder.layer.feed_forward", "hidden") == (4, 20)


# --- what travels --------------------------------------------------------------------------------


def test_a_vocabulary_of_its_own_and_several_walks() -> None:
    network = model(source_vocab_size=40, tied_output=False, norm_first=True)
    walks = [walk(network), walk(network, 2)]
    figure = LivingMap(walks, WORDS, network.state_dict())
    assert [w["name"] for w in figure.sentences] == ["walk 1", "walk 2"]
    figure.walk = 1
    assert at(figure, "encoder_positions", "embed").tensor("x").shape == (4, 12)
    first = figure.states[0].restored()["encoder_positions.x"]
    assert not torch.equal(figure.tensor("x"), first)
    assert figure.parameters["encoder_positions"] == 40 * 12
    assert figure.parameters["decoder_positions"] == 23 * 12
    assert repr(figure) == "LivingMap: The whole Transformer, part by part"


def test_a_map_without_a_sentence_has_its_drawings_and_letters() -> None:
    figure = LivingMap()
    assert figure.steps == figure.states == figure.sentences == []
    assert figure.sizes == {"encoder": 6, "decoder": 6}
    assert set(figure.drawings) == set(drawn())
    assert "(T, D)" in figure.drawings["decoder.layer"]["svg"]
    assert not re.search(r"\) = \(", figure.drawings["decoder.layer"]["svg"])
    figure.part = "decoder.5.cross_attention.head.product"


@pytest.mark.plain
def test_errors_name_what_is_wrong() -> None:
    network = model(norm_first=True)
    good, weights = walk(network), network.state_dict()
    with pytest.raises(ValueError, match="walks should hold at least one walk, got none"):
        LivingMap().shown()
    with pytest.raises(ValueError, match=r"part should be one of model, .*got 'encoder.2'"):
        LivingMap([good], WORDS, weights, part="encoder.2")
    with pytest.raises(ValueError, match="source should name 4 tokens, got 3"):
        LivingMap([good._replace(source=SOURCE[1:])], WORDS, weights)
    with pytest.raises(ValueError, match="target should name 5 tokens, got 4"):
        LivingMap([good._replace(target=SOURCE)], WORDS, weights)
    with pytest.raises(ValueError, match="a batch of one and a vocabulary of 22"):
        LivingMap([good], WORDS[1:], weights)
    with pytest.raises(ValueError, match=r"weights should hold the layer norm's 'encoder.layers"):
        LivingMap([good], WORDS)
    with trace_shapes(network) as trace:
        network(torch.zeros(1, 4, dtype=torch.int64), torch.zeros(1, 5, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"calls should hold one of .* with its tensors"):
        LivingMap([good._replace(calls=trace)], WORDS, weights)
    other = walk(model(norm_first=False))
    with pytest.raises(ValueError, match="walks should be of one model, got different steps"):
        LivingMap([good, other], WORDS, weights)
