"""DINOv2, with registers and without: a scale on every branch, and a classifier of two vectors.

Its configuration tells the hidden layer's width as a multiple of the model's. With a gate, whose
two maps are stored as one, it is two thirds of that, filled up to a multiple of eight.

Sources
    Oquab et al. (2023), "DINOv2: Learning Robust Visual Features without Supervision", section 5
    and appendix B.3. Darcet et al. (2024), "Vision Transformers Need Registers", section 2.2.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from torch import nn

from txlite.interop._family import Checkpoint, Family, require, their_activation
from txlite.interop._names import UNSQUEEZED, Weight
from txlite.interop._vit import (
    body_of,
    built,
    common,
    count_labels,
    embedded,
    family_word,
    layered,
    shared_fields,
)
from txlite.models import ViT, ViTConfig, ViTForImageClassification

__all__ = ["DINOV2", "DINOV2_WITH_REGISTERS"]

_REGISTERS = "dinov2_with_registers"
_NAMES = {"dinov2": "Dinov2", _REGISTERS: "Dinov2WithRegisters"}
_WIDEST = 64  # times the model's width
PARTS = {
    "attention.part.query_proj": "attention.attention.query",
    "attention.part.key_proj": "attention.attention.key",
    "attention.part.value_proj": "attention.attention.value",
    "attention.part.output_proj": "attention.output.dense",
    "attention_norm": "norm1",
    "feed_forward_norm": "norm2",
}
_PLAIN = {"feed_forward.part.up_proj": "mlp.fc1", "feed_forward.part.down_proj": "mlp.fc2"}
_GATED = {"feed_forward.part.down_proj": "mlp.weights_out"}


def _gated(width: int) -> int:
    """Return how wide the hidden layer is behind a gate."""
    return (int(width * 2 / 3) + 7) // 8 * 8


def _read(word: str, checkpoint: Checkpoint) -> Callable[[], nn.Module]:
    f = checkpoint.fields
    registers = word == _REGISTERS
    f.none_of(["drop_path_rate", "hidden_dropout_prob"])
    for name in ("apply_layernorm", "reshape_hidden_states", "out_features", "out_indices"):
        f.get(name, None)  # of a backbone among other models
    f.get("stage_names", None)
    sizes = common(f, patch=16 if registers else 14, eps=1e-6)
    hidden = sizes["d_model"] * f.whole("mlp_ratio", 4, most=_WIDEST)
    if f.flag("use_swiglu_ffn", False):
        sizes["activation"], hidden = "swiglu", _gated(hidden)
    config = ViTConfig(
        **sizes,
        **count_labels(checkpoint),
        d_ff=hidden,
        layer_scale=f.number("layerscale_value", 1.0),
        mask_token=registers or f.flag("use_mask_token", True),
        num_registers=f.size("num_register_tokens", 4) if registers else 0,
        antialias=registers,
    )
    if "classifier.weight" in checkpoint.tensors:
        config = replace(config, pooling="class_and_mean")
    return partial(built, checkpoint, config)


def _write(word: str, model: Any) -> dict[str, Any]:
    c: ViTConfig = model.config
    name, registers = _NAMES[word], word == _REGISTERS
    pooling = "class" if isinstance(model, ViT) else "class_and_mean"
    require(c, name, dropout=0.0, distillation_token=False, pooling=pooling, antialias=registers)
    if isinstance(model, ViT) and model.pooler is not None:
        raise ValueError(f"pooler should be False in a {name}, got True")
    gated = c.activation == "swiglu"
    widths = {(_gated if gated else int)(c.d_model * n): n for n in range(_WIDEST, 0, -1)}
    if c.d_ff not in widths:
        raise ValueError(f"d_ff should be a multiple of d_model in a {name}, got {c.d_ff}")
    fields = {
        **shared_fields(model, name, name),
        "mlp_ratio": widths[c.d_ff],
        "use_swiglu_ffn": gated,
        "hidden_act": "gelu" if gated else their_activation(c.activation, name),
        "layerscale_value": c.layer_scale,
        "drop_path_rate": 0.0,
    }
    if registers:
        require(c, name, mask_token=True)
        return {**fields, "num_register_tokens": c.num_registers}
    return {**fields, "use_mask_token": c.mask_token}


def _table(word: str, model: Any) -> list[Weight]:
    body, ours = body_of(model)
    c = body.config
    gated = c.activation == "swiglu"
    layers = f"{word}.encoder.layer.{{}}", f"{ours}encoder.layers.{{}}"
    parts = {**PARTS, **(_GATED if gated else _PLAIN)}
    table = embedded(model, word, mask=UNSQUEEZED)
    table += layered(*layers, c.num_layers, parts, qkv_bias=c.qkv_bias)
    for i in range(c.num_layers):
        theirs, mine = (name.format(i) for name in layers)
        for n, part in ((1, "attention"), (2, "feed_forward")):
            table.append(Weight(f"{theirs}.layer_scale{n}.lambda1", (f"{mine}.{part}.scale",)))
        maps = [f"{mine}.feed_forward.part.{part}_proj" for part in ("gate", "up") if gated]
        for kind in ("weight", "bias") if gated else ():
            fused = tuple(f"{name}.{kind}" for name in maps)
            table.append(Weight(f"{theirs}.mlp.weights_in.{kind}", fused))
    return table


def _family(word: str) -> Family:
    return Family(
        model_type=word,
        models=(ViT, ViTForImageClassification),
        read=partial(_read, word),
        write=partial(_write, word),
        table=partial(_table, word),
        prefix=f"{word}.",
        heads=re.compile(r"classifier\."),
        owns=lambda model: family_word(model.config) == word,
        bare=lambda model: isinstance(model, ViT),
    )


DINOV2 = _family("dinov2")
"""DINOv2's models."""
DINOV2_WITH_REGISTERS = _family(_REGISTERS)
"""The same with registers."""
