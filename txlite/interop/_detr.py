"""DETR: a backbone under either of its two sets of names, the two stacks, and the heads.

What their library writes calls the backbone's parts as its own ResNet does; the published models
call them as torchvision and timm do. Both are read, the first is written. Their batch norms count
batches in old files, which is of no use.

Source
    Carion et al. (2020), "End-to-End Object Detection with Transformers".
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from txlite.interop._family import Checkpoint, Family, require
from txlite.interop._fields import Fields
from txlite.interop._names import Weight, linear
from txlite.interop._stacks import read_stacks, stack_fields, stack_layers
from txlite.models.detr import DETR as Model
from txlite.models.detr import DETRConfig
from txlite.models.resnet import ResNet, ResNetConfig

__all__ = ["DETR"]

_BODY = "model.backbone.conv_encoder.model"
_CLASSES = "class_labels_classifier.weight"
_FROZEN = 2  # the stem and the first stage keep their weights, as in the authors' training
_TIMM = {
    "resnet18": ResNetConfig(
        widths=(64, 128, 256, 512), depths=(2, 2, 2, 2), bottleneck=False, frozen=_FROZEN
    ),
    "resnet34": ResNetConfig(
        widths=(64, 128, 256, 512), depths=(3, 4, 6, 3), bottleneck=False, frozen=_FROZEN
    ),
    "resnet50": ResNetConfig(frozen=_FROZEN),
    "resnet101": ResNetConfig(depths=(3, 4, 23, 3), frozen=_FROZEN),
}
"""The backbones that a name alone describes."""

_PART = {"conv": "convolution", "bn": "normalization"}
_PARTS = tuple(_PART.values())
_STEM = re.compile(rf"^{re.escape(_BODY)}\.(conv|bn)1\.")
_LAYER = re.compile(rf"^{re.escape(_BODY)}\.layer(\d+)\.(\d+)\.(conv|bn)(\d+)\.")
_SHORTCUT = re.compile(rf"^{re.escape(_BODY)}\.layer(\d+)\.(\d+)\.downsample\.([01])\.")


@dataclass(frozen=True)
class _Detr(Family):
    """A family whose backbone may be spelt as torchvision and timm do."""

    def known(self, name: str) -> str:
        """Return a stored name as the table spells it."""
        name = _STEM.sub(lambda m: f"{_BODY}.embedder.embedder.{_PART[m[1]]}.", super().known(name))
        name = _LAYER.sub(lambda m: f"{_block(m)}.layer.{_before(m[4])}.{_PART[m[3]]}.", name)
        return _SHORTCUT.sub(lambda m: f"{_block(m)}.shortcut.{_PARTS[int(m[3])]}.", name)


def _before(number: str) -> int | str:
    """Count from zero what counts from one; what is no such number stays, and fits nowhere."""
    return int(number) - 1 if len(number) < 5 else number


def _block(found: re.Match[str]) -> str:
    return f"{_BODY}.encoder.stages.{_before(found[1])}.layers.{found[2]}"


# ------------------------------------------------------------------ configuration


def _read(checkpoint: Checkpoint) -> Callable[[], Model]:
    f = checkpoint.fields
    f.only("position_embedding_type", "sine")
    f.none_of(["dilation", "encoder_layerdrop", "decoder_layerdrop", "scale_embedding"])
    head = checkpoint.tensors.get(_CLASSES)
    labels = f.get("id2label", {})
    told = len(labels) if isinstance(labels, dict) and labels else 91
    classes = head.shape[0] - 1 if head is not None and len(head.shape) == 2 else told
    if isinstance(labels, dict) and labels and len(labels) != classes:
        raise f.refuse("id2label", f"{classes} labels", len(labels))
    config = DETRConfig(
        num_classes=classes,
        num_queries=f.size("num_queries", 100),
        **read_stacks(f, width=256, heads=8, hidden=2048, layers=6, dropout=0.1, activation="relu"),
        backbone=_backbone(f),
    )
    return partial(Model, config)


def _backbone(f: Fields) -> ResNetConfig:
    """Return the backbone that a configuration describes, or names."""
    f.flag("use_timm_backbone", True)
    f.get("backbone", None)  # counts where nothing describes one
    if f.get("backbone_config", None) is None:
        return f.choice("backbone", _TIMM, "resnet50")
    b = f.inner("backbone_config")
    if b.get("model_type") == "timm_backbone":
        b.none_of(["output_stride"])
        b.only("num_channels", 3)
        return b.choice("backbone", _TIMM)
    b.only("model_type", "resnet")
    b.only("hidden_act", "relu")
    b.none_of(["downsample_in_first_stage", "downsample_in_bottleneck"])
    depths = _numbers(b, "depths", [3, 4, 6, 3], b.tensors)
    b.only("out_features", [f"stage{len(depths)}"])
    b.only("out_indices", [len(depths)], [-1])
    return ResNetConfig(
        channels=b.size("num_channels", 3),
        stem_width=b.size("embedding_size", 64),
        widths=_numbers(b, "hidden_sizes", [256, 512, 1024, 2048], b.numbers),
        depths=depths,
        bottleneck=b.choice("layer_type", {"bottleneck": True, "basic": False}, "bottleneck"),
        frozen=_FROZEN,
    )


def _numbers(f: Fields, name: str, default: list[int], most: int) -> tuple[int, ...]:
    """Return a size for each stage; their sum is bounded as one size is."""
    value = f.get(name, default)
    if not isinstance(value, list) or not 1 <= len(value) <= 16:
        raise f.refuse(name, "a list of at most 16 whole numbers", value)
    if not all(type(n) is int and n > 0 for n in value) or sum(value) > most:
        raise f.refuse(name, f"a list of positive whole numbers, {most} together at most", value)
    return tuple(value)


def _write(model: Model) -> dict[str, Any]:
    c = model.config
    require(
        c, "DETR", norm_first=False, norm="layer", norm_eps=(None, 1e-5), bias=True,
        num_kv_heads=None, head_dim=None,
    )  # fmt: skip
    if not isinstance(model.backbone, ResNet):
        raise ValueError(
            f"backbone should be a ResNet in a DETR, got {type(model.backbone).__name__}"
        )
    b = model.backbone.config
    names = [f"LABEL_{i}" for i in range(c.num_classes)]
    return {
        "architectures": ["DetrForObjectDetection"],
        "use_timm_backbone": False,
        "use_pretrained_backbone": False,
        "backbone": None,
        "backbone_config": {
            "model_type": "resnet",
            "num_channels": b.channels,
            "embedding_size": b.stem_width,
            "hidden_sizes": list(b.widths),
            "depths": list(b.depths),
            "layer_type": "bottleneck" if b.bottleneck else "basic",
            "hidden_act": "relu",
            "out_features": [f"stage{len(b.depths)}"],
        },
        "num_channels": b.channels,
        "num_queries": c.num_queries,
        **stack_fields(c, "DETR"),
        "position_embedding_type": "sine",
        "id2label": {str(i): name for i, name in enumerate(names)},
        "label2id": {name: i for i, name in enumerate(names)},
    }


# ------------------------------------------------------------------ names


def _table(model: Model) -> list[Weight]:
    c = model.config
    table = [
        *_convolutions(model.backbone.config),  # type: ignore[arg-type]
        *linear("model.input_projection", "projection"),
        Weight("model.query_position_embeddings.weight", ("queries.weight",)),
        *linear("model.decoder.layernorm", "decoder.norm"),
        *linear("class_labels_classifier", "classifier"),
    ]
    for i in range(3):
        table += linear(f"bbox_predictor.layers.{i}", f"box_head.{i}")
    return table + stack_layers(c)


def _convolutions(c: ResNetConfig) -> list[Weight]:
    """Return the names of a backbone."""
    table = _pair(f"{_BODY}.embedder.embedder", "backbone.stem")
    inputs = c.stem_width
    for i, (width, depth) in enumerate(zip(c.widths, c.depths, strict=True)):
        for j in range(depth):
            theirs, ours = f"{_BODY}.encoder.stages.{i}.layers.{j}", f"backbone.stages.{i}.{j}"
            for k in range(3 if c.bottleneck else 2):
                table += _pair(f"{theirs}.layer.{k}", f"{ours}.layers.{k}")
            if j == 0 and (i > 0 or inputs != width):
                table += _pair(f"{theirs}.shortcut", f"{ours}.shortcut")
        inputs = width
    return table


def _pair(theirs: str, ours: str) -> list[Weight]:
    """Return the names of a convolution and its norm, whose statistics are stored with it."""
    norm = {"weight": "weight", "bias": "bias", "running_mean": "mean", "running_var": "variance"}
    entries = [Weight(f"{theirs}.convolution.weight", (f"{ours}.conv.weight",))]
    return entries + [
        Weight(f"{theirs}.normalization.{name}", (f"{ours}.norm.{mine}",))
        for name, mine in norm.items()
    ]


DETR = _Detr(
    model_type="detr",
    models=(Model,),
    read=_read,
    write=_write,
    table=_table,
    ignored=re.compile(r"\.num_batches_tracked$"),
)
"""DETR's models."""
