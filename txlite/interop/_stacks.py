"""An encoder and a decoder as Marian, DETR and Whisper spell them: fields, and names of layers."""

from collections.abc import Callable
from functools import partial
from typing import Any

from txlite.interop._family import ACTIVATIONS, their_activation
from txlite.interop._fields import Fields
from txlite.interop._names import Weight, linear

__all__ = ["layer_counts", "read_stacks", "stack_fields", "stack_layers"]

_ATTENTIONS = {"attention": "self_attn", "cross_attention": "encoder_attn"}
_MAPS = {"q": "query", "k": "key", "v": "value"}
Named = Callable[..., list[Weight]]


def read_stacks(
    f: Fields, *, width: int, heads: int, hidden: int, layers: int, dropout: float, activation: str
) -> dict[str, Any]:
    """Read the sizes and choices of both stacks; what is given are their usual values."""
    return {
        "d_model": f.size("d_model", width),
        "num_heads": f.both("attention_heads", heads),
        "d_ff": f.both("ffn_dim", hidden),
        "num_layers": f.layers("encoder_layers", layers),
        "num_decoder_layers": f.layers("decoder_layers", layers),
        "dropout": f.number("dropout", dropout),
        "attention_dropout": f.number("attention_dropout", 0.0),
        "ff_dropout": f.number("activation_dropout", 0.0),
        "activation": f.choice("activation_function", ACTIVATIONS, activation),
    }


def stack_fields(config: Any, family: str) -> dict[str, Any]:
    """Return the same in their words."""
    both = {
        f"{stack}_{name}": size
        for stack in ("encoder", "decoder")
        for name, size in (("attention_heads", config.num_heads), ("ffn_dim", config.d_ff))
    }
    return {
        "d_model": config.d_model,
        **both,
        **{f"{stack}_layers": count for stack, count in layer_counts(config).items()},
        "dropout": config.dropout,
        "attention_dropout": config.attention_dropout,
        "activation_dropout": config.ff_dropout,
        "activation_function": their_activation(config.activation, family),
        "is_encoder_decoder": True,
    }


def layer_counts(config: Any) -> dict[str, int]:
    """Return how many layers each stack has."""
    return {
        "encoder": config.num_layers,
        "decoder": config.num_decoder_layers or config.num_layers,
    }


def stack_layers(
    config: Any, *, reads: Named = linear, writes: Named = linear, key_bias: bool = True
) -> list[Weight]:
    """Return the names of all layers.

    Parameters
    ----------
    config : LayerOptions
        With ``num_layers`` and ``num_decoder_layers``.
    reads, writes : callable
        Make the entries of a map from hidden states, and of a map to hidden states or a norm.
    key_bias : bool
        Whether the keys' map has a bias.

    Returns
    -------
    list of Weight
        The entries.
    """
    table = []
    for stack, count in layer_counts(config).items():
        for i in range(count):
            theirs, ours = f"model.{stack}.layers.{i}", f"{stack}.layers.{i}"
            for mine, name in list(_ATTENTIONS.items())[: 1 + (stack == "decoder")]:
                for letter, part in _MAPS.items():
                    maps = reads if letter != "k" or key_bias else partial(reads, bias=False)
                    table += maps(f"{theirs}.{name}.{letter}_proj", f"{ours}.{mine}.{part}_proj")
                table += writes(f"{theirs}.{name}.out_proj", f"{ours}.{mine}.output_proj")
                table += writes(f"{theirs}.{name}_layer_norm", f"{ours}.{mine}_norm")
            table += reads(f"{theirs}.fc1", f"{ours}.feed_forward.up_proj")
            table += writes(f"{theirs}.fc2", f"{ours}.feed_forward.down_proj")
            table += writes(f"{theirs}.final_layer_norm", f"{ours}.feed_forward_norm")
    return table
