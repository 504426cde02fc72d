"""A model that is cut among processes is the model of one: forward, backward, chance and length."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel
from torch.testing import assert_close

from tests.distributed import jobs
from txlite.data.weights import missing_weights, weights_file
from txlite.distributed import (
    EnterCut,
    OwnChance,
    apply_tensor_parallel,
    run_workers,
    tensor_parallel_bytes,
    tensor_parallel_plan,
)
from txlite.interop import load
from txlite.models import BERT, BERTConfig
from txlite.nn import EncoderLayer, MultiHeadAttention

pytestmark = pytest.mark.plain
ITEM = 8  # bytes of a float64
STATES = jobs.B * jobs.T * jobs.D * ITEM


def same(found: dict[str, Any], want: dict[str, Tensor]) -> None:
    for name, x in want.items():
        largest = max(1.0, x.abs().max().item())
        assert_close(
            found[name], x, rtol=0, atol=1e-10 * largest, msg=lambda m, n=name: f"{n}: {m}"
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", list(jobs.MODELS))
def test_a_model_that_is_cut_is_the_model_of_one(name: str, found: list[Any]) -> None:
    want = jobs.trained(name, jobs.redrawn(jobs.MODELS[name]()))
    assert want["length"] > 2.5  # so that the gradients have been shortened
    for rank in found:
        same(rank[f"cut {name}"], want)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(jobs.MODELS))
def test_the_bytes_are_the_formulas(name: str, found: list[Any]) -> None:
    said, size = found[0][f"cut {name}"], len(found)
    layer = tensor_parallel_bytes(jobs.D, jobs.B * jobs.T, itemsize=ITEM)
    want = {way: jobs.LAYERS * x for way, x in layer.items()}
    if name == "transformer":  # the encoder's layers read S positions; the decoder's, both
        source = jobs.B * jobs.S
        encoder = tensor_parallel_bytes(jobs.D, source, itemsize=ITEM)
        decoder = tensor_parallel_bytes(
            jobs.D, jobs.B * jobs.T, itemsize=ITEM, memory_tokens=source
        )
        want = {way: jobs.LAYERS * (encoder[way] + decoder[way]) for way in encoder}
    for way, whole in want.items():
        assert {kind for kind, _, _ in said[way]} == {"all_reduce"}
        assert {ranks for _, _, ranks in said[way]} == {size}
        assert sum(message for _, message, _ in said[way]) == whole


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpt", "llama", "bert"])
def test_a_layer_speaks_twice_forward_and_twice_backward(name: str, found: list[Any]) -> None:
    said = found[0][f"cut {name}"]
    for way in ("forward", "backward"):
        assert [message for _, message, _ in said[way]] == [STATES] * (2 * jobs.LAYERS)


@pytest.mark.slow
def test_a_bias_is_added_once(found: list[Any]) -> None:
    want = torch.tensor([[130.0, 270.0, 410.0], [1.0, 1.0, 1.0]])  # and its gradient not divided
    for rank in found:
        assert torch.equal(rank["row cut"], want)


@pytest.mark.slow
def test_a_gradient_that_all_hold_counts_once(found: list[Any]) -> None:
    for rank in found:
        assert rank["length"] == pytest.approx((13.0, 6.0))  # not 17.7


@pytest.mark.slow
def test_what_all_hold_is_dropped_alike_and_what_is_cut_is_not(found: list[Any]) -> None:
    first, *others = (rank["dropped"] for rank in found)
    assert first["dry"]
    assert not torch.equal(first["out"], first["again"])  # the streams go on
    for other in others:
        for alike in ("residual", "out", "again", "next"):
            assert torch.equal(first[alike], other[alike]), alike
        assert not torch.equal(first["hidden"], other["hidden"])
        assert not torch.equal(first["heads"], other["heads"])
    hidden = torch.cat([rank["dropped"]["hidden"] for rank in found], -1)
    assert hidden.shape == (2, 6, 16)


needed = missing_weights("smollm2")


@pytest.mark.slow
@pytest.mark.skipif(bool(needed), reason=needed)
def test_smollm2s_matrices_are_cut_by_three() -> None:
    model: Any = load(weights_file("smollm2"))
    layer = model.decoder.layers[7].double()
    with pytest.raises(ValueError, match=r"^attention.num_heads=9 should be a multiple of size=2"):
        tensor_parallel_plan(layer, 2)
    want = jobs.layer_output(layer)
    for out in run_workers(jobs.part_of_layer, 3, layer, timeout=200.0):
        assert_close(out, want, rtol=0, atol=1e-10)


def test_the_plan_names_every_cut() -> None:
    plan = tensor_parallel_plan(jobs.MODELS["llama"](), 4)
    start = "decoder.layers.1."
    kinds = {n.removeprefix(start): type(s) for n, s in plan.items() if n.startswith(start)}
    assert kinds == {
        "attention": EnterCut,
        "attention.query_proj": ColwiseParallel,
        "attention.key_proj": ColwiseParallel,
        "attention.value_proj": ColwiseParallel,
        "attention.output_proj": RowwiseParallel,
        "attention.attend": OwnChance,
        "feed_forward": EnterCut,
        "feed_forward.gate_proj": ColwiseParallel,
        "feed_forward.up_proj": ColwiseParallel,
        "feed_forward.down_proj": RowwiseParallel,
        "feed_forward.dropout": OwnChance,
    }
    assert len(plan) == 2 * len(kinds)


def test_a_layer_that_stands_in_all_places_is_cut_once() -> None:
    config = BERTConfig(
        vocab_size=9, d_model=8, num_heads=2, d_ff=12, num_layers=3, share_layers=True
    )
    plan = tensor_parallel_plan(BERT(config), 2)
    assert {name.split(".")[2] for name in plan if "layers" in name} == {"0"}


def test_what_cannot_be_shared_out_is_refused_by_name() -> None:
    def layer(**more: Any) -> nn.Module:
        return EncoderLayer(24, 8, 20, **more)

    for model, size, message in (
        (layer(), 3, "attention.num_heads=8 should be a multiple of size=3"),
        (layer(num_kv_heads=2), 4, "attention.num_kv_heads=2 should be a multiple of size=4"),
        (layer(), 8, "feed_forward.d_ff=20 should be a multiple of size=8"),
        (layer(), 0, "size should be a positive whole number, got 0"),
        (nn.Linear(2, 2), 2, "model should hold attention or feed-forward layers to cut, got none"),
        ("model", 2, "model should be a torch.nn.Module, got 'model'"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            tensor_parallel_plan(model, size)  # type: ignore[arg-type]


def test_a_bias_for_each_head_is_refused() -> None:
    model = BERT(
        BERTConfig(vocab_size=9, d_model=8, num_heads=2, d_ff=12, num_layers=1, positions="alibi")
    )
    with pytest.raises(ValueError, match=r"^positions should add nothing .* got 'alibi' in posit"):
        tensor_parallel_plan(model, 2)


def test_another_attention_is_refused() -> None:
    attention = MultiHeadAttention(8, 2, attend=nn.Identity())
    with pytest.raises(ValueError, match=r"^attend should be an Attend, .* got Identity"):
        tensor_parallel_plan(attention, 2)


class OneMesh:
    def size(self) -> int:
        return 1


def test_a_vocabulary_has_to_be_there() -> None:
    one: Any = OneMesh()
    with pytest.raises(
        ValueError, match=r"^model.embedding should be a TokenEmbedding to cut, got"
    ):
        apply_tensor_parallel(EncoderLayer(8, 2, 12), one, vocabulary=True)
    model = EncoderLayer(8, 2, 12)
    model.embedding = jobs.TokenEmbedding(4, 8)
    model.output_bias = nn.Parameter(torch.zeros(4))
    with pytest.raises(ValueError, match=r"^model.output_bias should be None where a vocabulary"):
        apply_tensor_parallel(model, one, vocabulary=True)
