"""ViT and DeiT: a body under its prefix, and one classifier or two beside it.

Which of our classes a checkpoint becomes, its tensors say. What others can read is spelt as they
have published it; version 5 of the `transformers` library gives layers other names in memory, and
these when it saves.

Sources
    Dosovitskiy et al. (2021), "An Image is Worth 16x16 Words", section 3.1. Touvron et al. (2021),
    "Training data-efficient image transformers" (DeiT), section 4.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import nn

from txlite._checks import as_whole
from txlite.interop._family import ACTIVATIONS, Checkpoint, Family, require, their_activation
from txlite.interop._fields import Fields
from txlite.interop._names import TWICE_UNSQUEEZED, UNSQUEEZED, Change, Weight, linear
from txlite.models import ViT, ViTConfig, ViTForImageClassification, ViTWithTeacher

__all__ = [
    "DEIT",
    "VIT",
    "body_of",
    "built",
    "common",
    "count_labels",
    "embedded",
    "family_word",
    "label_fields",
    "layered",
    "picture_fields",
    "picture_sizes",
    "shared_fields",
]

HEADS: dict[type[nn.Module], str] = {
    ViT: "Model",
    ViTForImageClassification: "ForImageClassification",
    ViTWithTeacher: "ForImageClassificationWithTeacher",
}
"""What follows the family's word in the names of their classes."""
CLASSIFIERS = {
    "classifier": (ViTForImageClassification, "classifier"),
    "cls_classifier": (ViTWithTeacher, "classifier"),
    "distillation_classifier": (ViTWithTeacher, "teacher_classifier"),
}
"""Their names of classifiers, with the class of ours that has one, and its name there."""
_QKV = ("query_proj", "key_proj", "value_proj")


# ------------------------------------------------------------------ what the families share


def picture_sizes(f: Fields, *, patch: int, image: int = 224) -> dict[str, Any]:
    """Read the sizes of pictures and patches: a side, or height and width."""
    found = {}
    for name, usual in (("image_size", image), ("patch_size", patch)):
        value = f.get(name, usual)
        sides = value if isinstance(value, list) else [value, value]
        whole = [None if isinstance(side, bool) else as_whole(side) for side in sides]
        pair = [side for side in whole if side is not None and 1 <= side <= f.numbers]
        if len(whole) != 2 or len(pair) != 2:
            raise f.refuse(name, "a side, or height and width, in pixels", value)
        if name == "patch_size" and pair[0] != pair[1]:
            raise f.refuse(name, "square: nothing else is built here", value)
        found[name] = tuple(pair)
    (image_size, patches) = found["image_size"], found["patch_size"]
    return {
        "image_size": image_size,
        "patch_size": patches[0],
        "num_channels": f.size("num_channels", 3),
    }


def picture_fields(config: ViTConfig) -> dict[str, Any]:
    """Return the same sizes in their words."""
    height, width = config.image_size  # type: ignore[misc]  # a config has made it a pair
    return {
        "image_size": height if height == width else [height, width],
        "patch_size": config.patch_size,
        "num_channels": config.num_channels,
    }


def common(f: Fields, *, patch: int, eps: float) -> dict[str, Any]:
    """Read the fields that ViT, DeiT and DINOv2 spell alike."""
    width, heads = f.size("hidden_size", 768), f.size("num_attention_heads", 12)
    f.only("head_dim", width // heads)
    return {
        **picture_sizes(f, patch=patch),
        "d_model": width,
        "num_heads": heads,
        "num_layers": f.layers("num_hidden_layers", 12),
        "activation": f.choice("hidden_act", ACTIVATIONS, "gelu"),
        "attention_dropout": f.number("attention_probs_dropout_prob", 0.0),
        "norm_eps": f.number("layer_norm_eps", eps),
        "qkv_bias": f.flag("qkv_bias", True),
        "init_std": f.number("initializer_range", 0.02),
    }


def shared_fields(model: Any, family: str, word: str) -> dict[str, Any]:
    """Return the same fields in their words, once the model is known to be one of theirs."""
    c: ViTConfig = model.config
    require(
        c, family, norm_first=True, norm="layer", bias=True, num_kv_heads=None, head_dim=None,
        ff_dropout=0.0, positions="learned", class_token=True, patch_bias=True,
        embedding_norm=False,
    )  # fmt: skip
    fields = {
        **picture_fields(c),
        "architectures": [word + HEADS[type(model)]],
        "hidden_size": c.d_model,
        "num_attention_heads": c.num_heads,
        "num_hidden_layers": c.num_layers,
        "hidden_dropout_prob": c.dropout,
        "attention_probs_dropout_prob": c.attention_dropout,
        "layer_norm_eps": 1e-5 if c.norm_eps is None else c.norm_eps,
        "qkv_bias": c.qkv_bias,
        "initializer_range": c.init_std,
    }
    return fields if isinstance(model, ViT) else {**fields, **label_fields(c.num_labels)}


def count_labels(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return how many labels a classifier has, if there is one."""
    for name in CLASSIFIERS:
        head = checkpoint.tensors.get(f"{name}.weight")
        if head is not None and len(head.shape) == 2:
            labels = checkpoint.fields.get("id2label", None)
            if isinstance(labels, dict) and len(labels) != head.shape[0]:
                raise checkpoint.fields.refuse("id2label", f"{head.shape[0]} labels", len(labels))
            return {"num_labels": head.shape[0]}
    return {}


def label_fields(count: int) -> dict[str, Any]:
    """Return names for labels, which a config of theirs counts."""
    names = [f"LABEL_{i}" for i in range(count)]
    return {"id2label": dict(enumerate(names)), "label2id": {n: i for i, n in enumerate(names)}}


def built(checkpoint: Checkpoint, config: ViTConfig, *, pooler: str = "") -> nn.Module:
    """Build the model whose classifiers are stored; ``pooler`` names a weight of its pooler."""
    for name, (kind, _) in CLASSIFIERS.items():
        if f"{name}.weight" in checkpoint.tensors:
            return kind(config)
    return ViT(config, pooler=pooler in checkpoint.tensors)


def family_word(config: ViTConfig) -> str:
    """Return the family of a config, by what it alone has."""
    if config.num_registers or config.antialias:
        return "dinov2_with_registers"
    if config.layer_scale is not None:
        return "dinov2"
    return "deit" if config.distillation_token else "vit"


def body_of(model: Any) -> tuple[ViT, str]:
    """Return a model's body, and what stands before its names in ours."""
    return (model, "") if isinstance(model, ViT) else (model.vit, "vit.")


def embedded(model: Any, theirs: str, *, mask: Change) -> list[Weight]:
    """Return the names before the stack, at its end and beside the body."""
    body, ours = body_of(model)
    inside = f"{theirs}.embeddings"
    table = linear(f"{inside}.patch_embeddings.projection", f"{ours}patches.proj")
    singles = {
        "cls_token": ("class_token", TWICE_UNSQUEEZED),
        "distillation_token": ("distillation_token", TWICE_UNSQUEEZED),
        "mask_token": ("mask_token", mask),
        "register_tokens": ("registers", UNSQUEEZED),
    }
    for name, (part, change) in singles.items():
        if getattr(body, part) is not None:
            table.append(Weight(f"{inside}.{name}", (f"{ours}{part}",), change))
    places = (f"{ours}positions.table",)
    table.append(Weight(f"{inside}.position_embeddings", places, UNSQUEEZED))
    table += linear(f"{theirs}.layernorm", f"{ours}encoder.norm")
    for name, (kind, part) in CLASSIFIERS.items():
        if type(model) is kind:
            table += linear(name, part)
    return table


def layered(
    theirs: str, ours: str, count: int, parts: Mapping[str, str], *, qkv_bias: bool = True
) -> list[Weight]:
    """Return the names of a stack's layers.

    Parameters
    ----------
    theirs, ours : str
        What stands before a layer's parts, with ``{}`` for its number.
    count : int
        How many layers there are.
    parts : mapping of str to str
        Our maps and norms of a layer, and theirs.
    qkv_bias : bool
        Whether the maps to queries, keys and values have a bias.

    Returns
    -------
    list of Weight
        The entries.
    """
    table = []
    for i in range(count):
        for part, name in parts.items():
            named = f"{theirs.format(i)}.{name}", f"{ours.format(i)}.{part}"
            table += linear(*named, bias=qkv_bias or part.rpartition(".")[2] not in _QKV)
    return table


# ------------------------------------------------------------------ ViT and DeiT

PARTS = {
    "attention.query_proj": "attention.attention.query",
    "attention.key_proj": "attention.attention.key",
    "attention.value_proj": "attention.attention.value",
    "attention.output_proj": "attention.output.dense",
    "attention_norm": "layernorm_before",
    "feed_forward.up_proj": "intermediate.dense",
    "feed_forward.down_proj": "output.dense",
    "feed_forward_norm": "layernorm_after",
}


def _read(prefix: str, checkpoint: Checkpoint) -> Callable[[], nn.Module]:
    f = checkpoint.fields
    sizes = common(f, patch=16, eps=1e-12)
    f.only("pooler_output_size", sizes["d_model"])
    f.only("pooler_act", "tanh")
    f.get("encoder_stride", None)  # of a head that paints, which is not built
    config = ViTConfig(
        **sizes,
        **count_labels(checkpoint),
        d_ff=f.size("intermediate_size", 3072),
        dropout=f.number("hidden_dropout_prob", 0.0),
        distillation_token=prefix == "deit",
        mask_token=f"{prefix}.embeddings.mask_token" in checkpoint.tensors,
    )
    return partial(built, checkpoint, config, pooler=f"{prefix}.pooler.dense.weight")


def _write(family: str, model: Any) -> dict[str, Any]:
    c: ViTConfig = model.config
    require(c, family, pooling="class")
    return {
        **shared_fields(model, family, family),
        "intermediate_size": c.d_ff,
        "hidden_act": their_activation(c.activation, family),
        "pooler_output_size": c.d_model,
    }


def _table(prefix: str, model: Any) -> list[Weight]:
    body, ours = body_of(model)
    table = embedded(model, prefix, mask=TWICE_UNSQUEEZED)
    layers = f"{prefix}.encoder.layer.{{}}", f"{ours}encoder.layers.{{}}"
    count, biased = body.config.num_layers, body.config.qkv_bias
    table += layered(*layers, count, PARTS, qkv_bias=biased)
    if body.pooler is not None:
        table += linear(f"{prefix}.pooler.dense", f"{ours}pooler")
    return table


def _spare(prefix: str, model: Any) -> re.Pattern[str]:
    """Return the names of a pooler that no classifier asks."""
    return re.compile(r"$." if isinstance(model, ViT) else rf"{prefix}\.pooler\.")


def _family(word: str, name: str) -> Family:
    models: tuple[type[nn.Module], ...] = (ViT, ViTForImageClassification)
    return Family(
        model_type=word,
        models=(*models, ViTWithTeacher) if word == "deit" else models,
        read=partial(_read, word),
        write=partial(_write, name),
        table=partial(_table, word),
        prefix=f"{word}.",
        heads=re.compile(r"(cls_|distillation_)?classifier\."),
        spare=partial(_spare, word),
        owns=lambda model: family_word(model.config) == word,
        bare=lambda model: isinstance(model, ViT),
    )


VIT = _family("vit", "ViT")
"""ViT's models."""
DEIT = _family("deit", "DeiT")
"""DeiT's models."""
