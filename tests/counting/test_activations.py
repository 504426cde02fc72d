"""What is predicted byte by byte is what autograd keeps, with each choice of a layer."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from txlite.counting import korthikanti_layer, layer_activations, predict_activations
from txlite.inspect import record_saved
from txlite.models import GPT, GPTConfig, Llama, LlamaConfig
from txlite.nn import LayerOptions

SIZES: dict[str, Any] = {
    "vocab_size": 71, "d_model": 24, "num_heads": 4, "d_ff": 56, "num_layers": 3, "max_len": 64,
    "dropout": 0.0, "attention_dropout": 0.0,
}  # fmt: skip
CASES: list[dict[str, Any]] = [
    {},
    {"dropout": 0.1},
    {"ff_dropout": 0.1},
    {"attention_dropout": 0.1},
    {"dropout": 0.1, "ff_dropout": 0.2, "attention_dropout": 0.3, "activation": "relu"},
    {"activation": "relu"},
    {"activation": "quick_gelu", "norm": "rms"},
    {"activation": "silu", "bias": False},
    {"activation": "reglu"},
    {"activation": "swiglu", "num_kv_heads": 2, "head_dim": 10},
    {"num_kv_heads": 2, "attention_dropout": 0.1},
    {"norm_first": False},
    {"norm_first": False, "final_norm": True},
    {"final_norm": False},
    {"positions": "rotary"},
    {"positions": "sinusoidal", "tied_output": False},
    {"positions": "none"},
]


def kept(model: nn.Module, dtype: torch.dtype = torch.float32) -> int:
    model = model.to(dtype)
    tokens, answers = torch.randint(71, (5, 33)), torch.randint(71, (5, 33))
    with record_saved(model) as saved:
        cross_entropy(model(tokens).flatten(0, 1), answers.flatten())
    return saved.nbytes


@pytest.mark.parametrize("choices", CASES, ids=str)
def test_predicted_and_kept(choices: dict[str, Any]) -> None:
    config = GPTConfig(**{**SIZES, **choices})
    assert kept(GPT(config)) == predict_activations(config, batch=5, length=33)


def test_a_llama_keeps_its_sines_and_cosines_too() -> None:
    config = LlamaConfig(**SIZES, num_kv_heads=2)
    assert kept(Llama(config)) == predict_activations(config, batch=5, length=33)


def test_in_float64() -> None:
    config = GPTConfig(**SIZES)
    predicted = predict_activations(config, batch=5, length=33, bytes_per_number=8)
    assert kept(GPT(config), torch.float64) == predicted


class Checkpointed(nn.Module):
    """A layer that keeps its input only."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, *given: Any, **named: Any) -> Tensor:
        out: Tensor = checkpoint(self.layer, x, *given, use_reentrant=False, **named)
        return out


def test_with_checkpoints_each_layers_input_is_kept_and_one_layer_is_made_again() -> None:
    config = GPTConfig(**SIZES)
    model = GPT(config)
    model.decoder.layers = nn.ModuleList(Checkpointed(layer) for layer in model.decoder.layers)
    sizes: dict[str, Any] = {"batch": 5, "length": 33}
    layer = layer_activations(config.layer_options, 24, 4, 56, **sizes)
    vectors = 5 * 33 * 24 * 4
    predicted = predict_activations(config, **sizes, checkpointed=True)
    assert kept(model) == pytest.approx(predicted - (layer - vectors), rel=0.01)


def test_a_mask_on_a_gpu_is_a_byte() -> None:
    sizes: dict[str, Any] = {"batch": 2, "length": 7}
    options = LayerOptions(dropout=0.1)
    wide = layer_activations(options, 24, 4, 56, **sizes)
    assert wide - layer_activations(options, 24, 4, 56, **sizes, mask_bytes=1) == 3 * 2 * 14 * 24


def test_it_is_the_papers_count_without_what_a_fused_kernel_does_not_keep() -> None:
    """34 s·b·h, but for the statistics of two norms and one number for each query and head."""
    sizes: dict[str, Any] = {"batch": 3, "length": 50}
    options = LayerOptions(dropout=0.1)
    ours = layer_activations(options, 64, 4, 256, **sizes, bytes_per_number=2, mask_bytes=1)
    paper = korthikanti_layer(3, 50, 64, 4, recompute="attention")
    assert paper == 34 * 3 * 50 * 64
    assert ours - paper == 2 * 3 * 50 * (2 * 2 + 4)


def test_the_papers_formula() -> None:
    sizes: dict[str, Any] = {"batch": 3, "length": 50, "d_model": 64, "num_heads": 4}
    assert korthikanti_layer(**sizes) == 3 * 50 * 64 * (34 + 5 * 4 * 50 / 64)
    assert korthikanti_layer(**sizes, recompute="all") == 2 * 3 * 50 * 64


def test_activations_grow_with_the_batch_and_nothing_else_does() -> None:
    config = GPTConfig(**SIZES)
    one, two, three = (predict_activations(config, batch=b, length=20) for b in (1, 2, 3))
    assert three - two == two - one > 0.99 * one
