"""Closed forms of the parts that all families share: how many parameters each has."""

from collections import Counter
from typing import Any

from txlite import models as m
from txlite.nn import LayerOptions
from txlite.nn.feedforward import GATES

__all__ = ["attention", "feed_forward", "layers", "linear", "norm", "sparse_layers", "table"]

Counts = Counter[str]


def linear(inputs: int, outputs: int, *, bias: bool = True) -> int:
    """A map: a number for each pair, and one for each output."""
    return outputs * (inputs + bias)


def table(rows: int, width: int) -> int:
    """A vector for each row."""
    return rows * width


def norm(options: LayerOptions, width: int) -> int:
    """A scale, and a shift where there is a bias and a mean to take out."""
    return width * (2 if options.norm == "layer" and options.bias else 1)


def head_width(options: LayerOptions, d_model: int, num_heads: int) -> int:
    """Width of a head: by default the heads share the model's width."""
    return options.head_dim or d_model // num_heads


def attention(options: LayerOptions, d_model: int, num_heads: int) -> int:
    """Four maps: D → H·E, twice D → K·E, H·E → D. With H·E = D the heads cancel out."""
    width = head_width(options, d_model, num_heads)
    queries, keys = num_heads * width, (options.num_kv_heads or num_heads) * width
    biases = queries + 2 * keys + d_model if options.bias else 0
    return 2 * d_model * (queries + keys) + biases


def feed_forward(options: LayerOptions, d_model: int, d_ff: int, *, bias: bool = True) -> int:
    """Two maps, D → F → D, and a third one where there is a gate."""
    ups = 2 if options.activation in GATES else 1
    bias = bias and options.bias
    return ups * linear(d_model, d_ff, bias=bias) + linear(d_ff, d_model, bias=bias)


def layers(config: Any, number: int, *, cross: bool = False) -> Counts:
    """Layers of a stack: attentions, a feed-forward layer, and a norm for each of them."""
    width, attentions = config.d_model, 1 + cross
    return Counter(
        attention=number * attentions * attention(config, width, config.num_heads),
        feed_forward=number * feed_forward(config, width, config.d_ff),
        norms=number * (attentions + 1) * norm(config, width),
    )


def sparse_layers(config: Any) -> int:
    """How many layers have experts: none, where a config knows of no experts."""
    if isinstance(config, m.SwitchConfig):
        return sum(len(config.sparse_layers(stack)) for stack in ("encoder", "decoder"))
    return len(config.sparse_layers) if isinstance(config, m.GPTWithExpertsConfig) else 0
