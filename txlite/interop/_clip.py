"""CLIP: two towers with a configuration each, and two rules for where a text ends.

The first files said that the end token has the number 2, which is wrong; whoever reads a 2 takes
the highest number of a text instead, as the authors' code does. Nothing in their configuration
bounds the scale, and their library does not: a scale above 100 is kept where a file has one, and
else written as it counts here.

Source
    Radford et al. (2021), "Learning Transferable Visual Models From Natural Language Supervision",
    sections 2.4 and 2.5.
"""

import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from txlite.interop._family import ACTIVATIONS, Checkpoint, Family, require, their_activation
from txlite.interop._fields import Fields
from txlite.interop._names import SAME, Change, Weight, linear
from txlite.interop._vit import layered, picture_fields, picture_sizes
from txlite.models import CLIP as Model
from txlite.models import CLIPConfig, CLIPTextConfig, ViTConfig
from txlite.nn import LayerOptions

__all__ = ["CLIP"]

_OLD_END = 2  # in the first configurations, where the end token has another number
_MOST = 100.0
_SLACK = 1e-6  # ln 100 is rounded to float32 in the published files
PARTS = {
    "attention.query_proj": "self_attn.q_proj",
    "attention.key_proj": "self_attn.k_proj",
    "attention.value_proj": "self_attn.v_proj",
    "attention.output_proj": "self_attn.out_proj",
    "attention_norm": "layer_norm1",
    "feed_forward.up_proj": "mlp.fc1",
    "feed_forward.down_proj": "mlp.fc2",
    "feed_forward_norm": "layer_norm2",
}


def _tower(f: Fields, width: int, heads: int, hidden: int) -> dict[str, Any]:
    """Read the fields that both towers spell alike, with their usual values."""
    f.none_of(["dropout"])
    f.get("projection_dim", None)  # counts where a tower stands alone
    f.get("initializer_factor", None)
    return {
        "d_model": f.size("hidden_size", width),
        "num_heads": f.size("num_attention_heads", heads),
        "d_ff": f.size("intermediate_size", hidden),
        "num_layers": f.layers("num_hidden_layers", 12),
        "activation": f.choice("hidden_act", ACTIVATIONS, "quick_gelu"),
        "attention_dropout": f.number("attention_dropout", 0.0),
        "norm_eps": f.number("layer_norm_eps", 1e-5),
        "init_std": f.number("initializer_range", 0.02),
    }


def _seeing(f: Fields) -> ViTConfig:
    sizes = {**_tower(f, 768, 12, 3072), **picture_sizes(f, patch=32)}
    return ViTConfig(**sizes, patch_bias=False, embedding_norm=True)


def _reading(f: Fields) -> CLIPTextConfig:
    end = f.whole("eos_token_id", 49_407)
    return CLIPTextConfig(
        **_tower(f, 512, 8, 2048),
        vocab_size=f.size("vocab_size", 49_408),
        max_len=f.size("max_position_embeddings", 77),
        end_id=None if end == _OLD_END else end,
    )


def _chosen(f: Fields, name: str) -> Fields:
    """Return a tower's fields; where an older spelling holds some, it holds all that count."""
    old = f"{name}_dict"
    return f.inner(old if f.get(old, None) else name)


def _read(checkpoint: Checkpoint) -> Callable[[], Model]:
    f = checkpoint.fields
    f.get("initializer_factor", None)
    stored = checkpoint.tensors.get("logit_scale")
    free = stored is not None and stored.numel == 1
    free = free and stored.read().item() > math.log(_MOST) + _SLACK  # type: ignore[union-attr]
    config = CLIPConfig(
        vision=_seeing(_chosen(f, "vision_config")),
        text=_reading(_chosen(f, "text_config")),
        projection_dim=f.size("projection_dim", 512),
        log_scale=f.number("logit_scale_init_value", 2.6592),
        max_scale=None if free else _MOST,
    )
    return partial(Model, config)


def _told(config: Any) -> dict[str, Any]:
    """Return what both towers tell alike, once one is known to be as theirs are."""
    c: LayerOptions = config
    require(
        c, "CLIP", norm_first=True, norm="layer", bias=True, num_kv_heads=None, head_dim=None,
        dropout=0.0, ff_dropout=0.0,
    )  # fmt: skip
    return {
        "hidden_size": config.d_model,
        "num_attention_heads": config.num_heads,
        "intermediate_size": config.d_ff,
        "num_hidden_layers": config.num_layers,
        "hidden_act": their_activation(c.activation, "CLIP"),
        "attention_dropout": c.attention_dropout,
        "layer_norm_eps": 1e-5 if c.norm_eps is None else c.norm_eps,
        "initializer_range": config.init_std,
    }


def _write(model: Model) -> dict[str, Any]:
    c, seen, read = model.config, model.config.vision, model.config.text
    require(c, "CLIP", max_scale=(_MOST, None))
    require(
        seen, "CLIP", embedding_norm=True, patch_bias=False, qkv_bias=True, class_token=True,
        distillation_token=False, num_registers=0, mask_token=False, pooling="class",
        positions="learned", antialias=False, layer_scale=None,
    )  # fmt: skip
    if seen.grid[0] != seen.grid[1]:
        raise ValueError(f"image_size should be square in a CLIP, got {seen.image_size}")
    if read.end_id == _OLD_END:
        raise ValueError(f"end_id should not be {_OLD_END} in a CLIP, where it means None")
    end = _OLD_END if read.end_id is None else read.end_id
    words = {"vocab_size": read.vocab_size, "max_position_embeddings": read.max_len}
    special = {"eos_token_id": end, "bos_token_id": None, "pad_token_id": None}
    vision = {**_told(seen), **picture_fields(seen), "model_type": "clip_vision_model"}
    text = {**_told(read), **words, **special, "model_type": "clip_text_model"}
    return {
        "architectures": ["CLIPModel"],
        "vision_config": {**vision, "projection_dim": c.projection_dim},
        "text_config": {**text, "projection_dim": c.projection_dim},
        "projection_dim": c.projection_dim,
        "logit_scale_init_value": c.log_scale,
    }


def _table(model: Model) -> list[Weight]:
    seen, read = "vision_model.embeddings", "text_model.embeddings"
    most, held = model.config.max_scale, model.log_scale
    over = most is not None and not held.is_meta and held.item() > math.log(most) + _SLACK
    bounded = Change(back=lambda x: x.clamp(max=math.log(_MOST))) if over else SAME
    table = [
        Weight("logit_scale", ("log_scale",), bounded),
        Weight(f"{seen}.class_embedding", ("vision.class_token",)),
        Weight(f"{seen}.patch_embedding.weight", ("vision.patches.proj.weight",)),
        Weight(f"{seen}.position_embedding.weight", ("vision.positions.table",)),
        Weight(f"{read}.token_embedding.weight", ("text.embedding.weight",)),
        Weight(f"{read}.position_embedding.weight", ("text.positions.added.table.weight",)),
        *linear("visual_projection", "vision_projection", bias=False),
        *linear("text_projection", "text_projection", bias=False),
    ]
    norms = {
        "vision_model.pre_layrnorm": "vision.embedding_norm",  # as it is spelt
        "vision_model.post_layernorm": "vision.encoder.norm",
        "text_model.final_layer_norm": "text.decoder.norm",
    }
    for theirs, ours in norms.items():
        table += linear(theirs, ours)
    towers = {"vision": "encoder", "text": "decoder"}
    for tower, stack in towers.items():
        count = getattr(model.config, tower).num_layers
        layers = f"{tower}_model.encoder.layers.{{}}", f"{tower}.{stack}.layers.{{}}"
        table += layered(*layers, count, PARTS)
    return table


CLIP = Family(
    model_type="clip",
    models=(Model,),
    read=_read,
    write=_write,
    table=_table,
    ignored=re.compile(r"embeddings\.position_ids$"),  # counters that old files store
)
"""CLIP's models."""
