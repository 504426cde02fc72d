"""Tiny models that are called as ``model(tokens, *, keep, cache)``, one for each choice."""

from typing import Any

from torch import nn

from tests.models.tiny import D, F, V, redrawn
from txlite.models import GPT, GPTConfig, Llama, LlamaConfig
from txlite.nn.positions import RotaryScaling

HEADS = 3
SIZES: dict[str, Any] = {"vocab_size": V, "d_model": D, "num_heads": HEADS, "d_ff": F}
LLAMA3 = RotaryScaling(kind="llama3", factor=4.0, original_length=12)
CHOICES: dict[str, dict[str, Any]] = {
    "gpt2": {},
    "gpt1": {"norm_first": False},
    "gpt relative": {"positions": "relative", "norm": "rms"},
    "gpt alibi": {"positions": "alibi", "activation": "relu"},
    "gpt untied": {"tied_output": False, "bias": False},
    "gpt to llama": {
        "positions": "rotary", "norm": "rms", "activation": "swiglu", "bias": False,
        "num_kv_heads": 1, "head_dim": 6,
    },
    "llama": {},
    "llama grouped": {"num_kv_heads": 1},
    "llama wide heads": {"head_dim": 6, "tied_output": True},
    "llama 3": {"rope_theta": 50.0, "rope_scaling": LLAMA3},
}  # fmt: skip


def config(name: str, **options: Any) -> Any:
    """Return a tiny config of that choice."""
    given = {**SIZES, "num_layers": 2, **CHOICES[name], **options}
    if name.startswith("gpt"):
        return GPTConfig(**{"max_len": 11, **given})
    return LlamaConfig(**given)


def build(config: Any) -> nn.Module:
    """Return the untrained model of a config."""
    return GPT(config) if isinstance(config, GPTConfig) else Llama(config)


def tiny(name: str, **options: Any) -> Any:
    """Return a model of that choice with redrawn weights, in float64."""
    return redrawn(build(config(name, **options)))
