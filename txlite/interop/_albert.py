"""ALBERT: BERT with narrow embeddings, and one layer in the places of all.

Their layers come in groups, and the layers of a group are one. Here is one group for all layers, or
a group for each; anything between is refused.

Source
    Lan et al. (2020), "ALBERT: A Lite BERT for Self-supervised Learning of Language
    Representations", section 3.1.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

from txlite import models
from txlite.interop._bert import MODELS, Words, built, common, kind_of, shared_fields, with_labels
from txlite.interop._family import Checkpoint, Family
from txlite.interop._names import Weight, linear
from txlite.models.bert import BERTConfig

__all__ = ["ALBERT"]

_BODY, _PRETRAINED = models.BERT, models.BERTForPreTraining


def _read(checkpoint: Checkpoint) -> Callable[[], nn.Module]:
    f = checkpoint.fields
    kind = kind_of(checkpoint, "Albert", "predictions.bias", "sop_classifier.classifier.weight")
    f.only("inner_group_num", 1)
    f.only("down_scale_factor", 1)
    f.none_of(["gap_size", "net_structure_type", "num_memory_blocks"])
    values = common(f, "gelu_new")
    groups, count = f.layers("num_hidden_groups", 1), values["num_layers"]
    if groups not in (1, count):
        raise f.refuse("num_hidden_groups", f"1 or num_hidden_layers={count}", groups)
    own = f.number("classifier_dropout_prob", 0.1)
    if kind is _PRETRAINED:
        f.only("classifier_dropout_prob", 0.0, 0)
    config = BERTConfig(
        **values,
        **with_labels(checkpoint, kind),
        embedding_dim=f.size("embedding_size", 128),
        share_layers=groups == 1,
        dropout=f.number("hidden_dropout_prob", 0.0),
        attention_dropout=f.number("attention_probs_dropout_prob", 0.0),
    )
    pooler = "albert.pooler.weight" in checkpoint.tensors
    return partial(built, kind, config, pooler=pooler, dropout=own)


def _write(model: Any) -> dict[str, Any]:
    c: BERTConfig = model.config
    if c.embedding_dim is None:
        raise ValueError("embedding_dim should be given in an ALBERT, got None")
    return {
        **shared_fields(model, "ALBERT"),
        "embedding_size": c.embedding_dim,
        "num_hidden_groups": 1 if c.share_layers else c.num_layers,
        "inner_group_num": 1,
        "classifier_dropout_prob": 0.0 if isinstance(model, _PRETRAINED) else model.dropout.p,
        "bos_token_id": None,
        "eos_token_id": None,
    }


_WORDS = Words(
    body="albert",
    layer="encoder.albert_layer_groups.{}.albert_layers.0",
    attention="attention",
    parts={
        "attention.dense": "attention.output_proj",
        "attention.LayerNorm": "attention_norm",
        "ffn": "feed_forward.up_proj",
        "ffn_output": "feed_forward.down_proj",
        "full_layer_layer_norm": "feed_forward_norm",
    },
    pooler="pooler",
    predictions="predictions",
    transform="predictions",
    order="sop_classifier.classifier",
)


def _table(model: Any) -> list[Weight]:
    prefix = "" if isinstance(model, _BODY) else "bert."
    mapping = linear("albert.encoder.embedding_hidden_mapping_in", f"{prefix}projection")
    return [*_WORDS.table(model), *mapping]


ALBERT = Family(
    model_type="albert",
    models=MODELS,
    read=_read,
    write=_write,
    table=_table,
    prefix="albert.",
    heads=re.compile(r"predictions\.|sop_classifier\.|classifier\."),
    twins=_WORDS.twins,
    spare=_WORDS.spare,
    ignored=re.compile(r"embeddings\.(position_ids|token_type_ids)$"),
    bare=lambda model: isinstance(model, _BODY),
    owns=lambda model: bool(model.config.share_layers or model.config.embedding_dim),
)
"""ALBERT's models."""
