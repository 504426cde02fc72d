"""Layers as a user runs them: refusals by name, compiled graphs and exported programs."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.testing import assert_close

from tests.nn.layered import CLOSE, B, D, F, H, S, T, decoder_layer, draw, encoder_layer
from txlite.nn import (
    DecoderLayer,
    EncoderLayer,
    FeedForward,
    KVCache,
    LayerNorm,
    RMSNorm,
    layer_norm,
    masks,
    rms_norm,
)

pytestmark = [
    pytest.mark.plain,
    # torch's own tracer still uses what Python deprecates
    pytest.mark.filterwarnings("ignore::DeprecationWarning:torch"),
]
ASK = Callable[[], object]


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """Compile afresh in every test."""
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


# ------------------------------------------------------------------ refusals


X, WRONG = torch.ones(B, T, D), torch.ones(B, T, 8)
MEMORY = torch.ones(B, S, D)
REFUSALS: dict[str, tuple[ASK, str]] = {
    "norm of no axes": (
        lambda: layer_norm(torch.tensor(1.0)),
        "x should have shape (*B, D), got ()",
    ),
    "norm of tokens": (
        lambda: rms_norm(torch.ones(3, 4, dtype=torch.long)),
        "x should hold floating-point numbers, got int64",
    ),
    "scale of another width": (
        lambda: layer_norm(X, torch.ones(8)),
        "weight should have shape (D=12), got (8,); axis D disagrees",
    ),
    "shift of another dtype": (
        lambda: layer_norm(X, None, torch.ones(D).double()),
        "bias should have the dtype of x, float32, got float64",
    ),
    "negative eps": (
        lambda: rms_norm(X, eps=-1e-6),
        "eps should be at least zero and finite, got -1e-06",
    ),
    "NaN eps": (
        lambda: LayerNorm(D, eps=float("nan")),
        "eps should be at least zero and finite, got nan",
    ),
    "norm without width": (
        lambda: RMSNorm(0),
        "d_model should be a positive whole number, got 0",
    ),
    "norm module of another width": (
        lambda: LayerNorm(D)(WRONG),
        "x should have shape (*B, D=12), got (2, 5, 8); axis D disagrees",
    ),
    "norm module of another dtype": (
        lambda: RMSNorm(D)(X.double()),
        "x should have the dtype of the weights, float32, got float64",
    ),
    "no such norm": (
        lambda: EncoderLayer(D, H, F, norm="batch"),  # type: ignore[arg-type]
        "norm should be one of layer, rms, got 'batch'",
    ),
    "no such activation": (
        lambda: FeedForward(D, F, activation="tanh"),  # type: ignore[arg-type]
        "activation should be one of relu, gelu, gelu_tanh, quick_gelu, silu, reglu, geglu, "
        "geglu_tanh, swiglu, got 'tanh'",
    ),
    "no hidden layer": (
        lambda: FeedForward(D, 0),
        "d_ff should be a positive whole number, got 0",
    ),
    "feed-forward dropout": (
        lambda: FeedForward(D, F, dropout=1.0),
        "dropout should be a probability in [0, 1), got 1.0",
    ),
    "feed-forward of another width": (
        lambda: FeedForward(D, F)(WRONG),
        "x should have shape (*B, D=12), got (2, 5, 8); axis D disagrees",
    ),
    "feed-forward of another dtype": (
        lambda: FeedForward(D, F)(X.double()),
        "x should have the dtype of the weights, float32, got float64",
    ),
    "layer dropout": (
        lambda: EncoderLayer(D, H, F, dropout=-0.1),
        "dropout should be a probability in [0, 1), got -0.1",
    ),
    "layer without width": (
        lambda: EncoderLayer(0, H, F),
        "d_model should be a positive whole number, got 0",
    ),
    "heads that do not divide": (
        lambda: EncoderLayer(D, 5, F),
        "d_model=12 should be a multiple of num_heads=5",
    ),
    "layer of another width": (
        lambda: EncoderLayer(D, H, F, norm_first=False)(WRONG),
        "x should have shape (B, T, D=12), got (2, 5, 8); axis D disagrees",
    ),
    "layer of one sequence": (
        lambda: DecoderLayer(D, H, F)(X[0], MEMORY),
        "x should have shape (B, T, D=12), got (5, 12)",
    ),
    "no memory": (
        lambda: DecoderLayer(D, H, F)(X),
        "memory should be given, or a cache that holds its keys; got None",
    ),
    "no memory in an empty cache": (
        lambda: DecoderLayer(D, H, F)(X, cache=KVCache()),
        "memory should be given, or a cache that holds its keys; got None",
    ),
    "memory of another batch": (
        lambda: DecoderLayer(D, H, F)(X, torch.ones(3, S, D)),
        "memory should have shape (B=2, S, D=12), got (3, 7, 12); axis B disagrees",
    ),
    "memory of another dtype": (
        lambda: DecoderLayer(D, H, F)(X, MEMORY.double()),
        "memory should have the dtype of the query, float32, got float64",
    ),
    "the target's padding for the source's": (
        lambda: DecoderLayer(D, H, F)(
            X, MEMORY, memory_mask=masks.padding(torch.ones(B, T, dtype=torch.bool))
        ),
        "memory_mask does not fit the source: keep should have shape (B=2, S=7), got (2, 5)",
    ),
    "memory mask of numbers": (
        lambda: DecoderLayer(D, H, F)(X, MEMORY, memory_mask=torch.zeros(T, S)),
        "memory_mask does not fit the source: mask should be a bool tensor",
    ),
    "memory nobody attends to": (
        lambda: DecoderLayer(D, H, F, cross_attention=False)(X, MEMORY),
        "memory should be None: cross_attention=False",
    ),
    "memory mask nobody needs": (
        lambda: DecoderLayer(D, H, F, cross_attention=False)(
            X, memory_mask=torch.ones(T, S, dtype=torch.bool)
        ),
        "memory_mask should be None: cross_attention=False",
    ),
}


@pytest.mark.parametrize(("ask", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_does_not_fit_is_refused_by_name(ask: ASK, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        ask()


# ------------------------------------------------------------------ compile


def layers() -> dict[str, tuple[nn.Module, tuple[Any, ...]]]:
    """Layers of every kind, and what they are called with."""
    keep, source = torch.rand(B, T) < 0.7, torch.rand(B, S) < 0.7
    x, memory = draw(B, T, D), draw(B, S, D)
    return {
        "encoder": (encoder_layer(), (x,)),
        "encoder, post, rms, swiglu": (
            encoder_layer(norm_first=False, norm="rms", activation="swiglu"),
            (x, masks.padding(keep)),
        ),
        "decoder": (decoder_layer(), (x, memory)),
        "decoder, masks": (
            decoder_layer(norm_first=False, activation="relu", num_kv_heads=1),
            (x, memory, masks.padding(keep), masks.padding(source)),
        ),
        "decoder alone": (decoder_layer(cross_attention=False), (x,)),
    }


@pytest.mark.parametrize("name", list(layers()))
def test_a_compiled_layer_is_one_graph(name: str) -> None:
    layer, inputs = layers()[name]
    x = inputs[0].requires_grad_()
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    got, want = compiled(*inputs), layer(*inputs)
    assert_close(got, want, **CLOSE)
    mine, other = (torch.autograd.grad(y.sin().sum(), x)[0] for y in (got, want))
    assert_close(mine, other, rtol=1e-9, atol=1e-11)


def test_a_cache_may_be_used_within_the_graph() -> None:
    layer, x, memory = decoder_layer(), draw(B, T, D), draw(B, S, D)

    def step(x: Tensor, memory: Tensor | None, cache: KVCache) -> Tensor:
        out: Tensor = layer(x, memory, cache=cache)
        return out

    compiled, cache = torch.compile(step, fullgraph=True, backend="eager"), KVCache()
    with torch.no_grad():
        outs = [compiled(x[:, :2], memory, cache)]
        outs += [compiled(x[:, t : t + 1], None, cache) for t in range(2, T)]
    assert_close(torch.cat(outs, 1), layer(x, memory), **CLOSE)


# ------------------------------------------------------------------ export


@pytest.mark.parametrize("norm_first", [True, False])
def test_an_exported_layer_takes_any_batch_and_length(norm_first: bool) -> None:
    layer = decoder_layer(norm_first=norm_first, activation="geglu", norm="rms")
    batch, length, source = Dim("batch", min=2), Dim("T", min=2), Dim("S", min=2)
    program = torch.export.export(
        layer,
        (draw(3, 4, D), draw(3, 6, D)),
        dynamic_shapes={"x": {0: batch, 1: length}, "memory": {0: batch, 1: source}},
    ).module()
    for b, t, s in ((2, 5, 9), (4, 11, 3)):
        x, memory = draw(b, t, D), draw(b, s, D)
        assert_close(program(x, memory), layer(x, memory), **CLOSE)


@pytest.mark.parametrize("norm", [LayerNorm, RMSNorm])
def test_an_exported_norm_takes_any_length(norm: Callable[[int], nn.Module]) -> None:
    module = norm(D).double()
    shapes = {"x": {1: Dim("T", min=2)}}
    program = torch.export.export(module, (draw(B, 4, D),), dynamic_shapes=shapes).module()
    x = draw(B, 9, D)
    assert_close(program(x), module(x), **CLOSE)
