"""BERT: the body under its prefix, and the heads beside it.

Which of our classes a checkpoint becomes, its ``architectures`` say, and the tensors it holds: the
published BERT names itself a masked language model and has both heads of its pre-training.

Source
    Devlin et al. (2019), "BERT: Pre-training of Deep Bidirectional Transformers for Language
    Understanding", section 3.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn

from txlite import models
from txlite.interop._family import ACTIVATIONS, Checkpoint, Family, require, their_activation
from txlite.interop._fields import Fields
from txlite.interop._names import Weight, linear
from txlite.models.bert import BERTConfig

__all__ = ["BERT", "Words", "built", "common", "kind_of", "shared_fields", "with_labels"]

MODELS: tuple[type[nn.Module], ...] = (
    models.BERT, models.BERTForMaskedLM, models.BERTForPreTraining,
    models.BERTForSequenceClassification, models.BERTForTokenClassification,
)  # fmt: skip
_BODY, _MASKED, _PRETRAINED, _SEQUENCE, _TOKEN = MODELS
SUFFIXES = {
    "Model": _BODY,
    "ForMaskedLM": _MASKED,
    "ForPreTraining": _PRETRAINED,
    "ForSequenceClassification": _SEQUENCE,
    "ForTokenClassification": _TOKEN,
}
"""What follows the family's word in the names of their classes."""


# ------------------------------------------------------------------ what BERT and ALBERT share


def kind_of(checkpoint: Checkpoint, family: str, masked: str, pair: str) -> type[nn.Module]:
    """Return the class that a checkpoint becomes.

    Parameters
    ----------
    checkpoint : Checkpoint
        Its configuration and its tensors.
    family : str
        What the names of their classes begin with.
    masked, pair : str
        A tensor of the masked-LM head, and one of the head that judges pairs.

    Returns
    -------
    type
        The class.

    Raises
    ------
    ValueError
        If it is a head that is not built here.
    """
    named = checkpoint.fields.get("architectures", [])
    named = named[0] if isinstance(named, list) and named else None
    kinds = {f"{family}{suffix}": kind for suffix, kind in SUFFIXES.items()}
    kind = kinds.get(named) if isinstance(named, str) else None
    if kind is None:  # a class of somebody's own
        if "classifier.weight" in checkpoint.tensors:
            raise checkpoint.fields.refuse("architectures", f"one of {', '.join(kinds)}", named)
        kind = _MASKED if masked in checkpoint.tensors else _BODY
    if kind is _MASKED and pair in checkpoint.tensors:
        return _PRETRAINED
    return kind


def common(f: Fields, activation: str) -> dict[str, Any]:
    """Return the fields of our configuration that both families spell alike."""
    f.only("position_embedding_type", "absolute")
    f.only("tie_word_embeddings", True)
    f.only("pruned_heads", {})
    f.none_of(["is_decoder", "add_cross_attention"])
    return {
        "vocab_size": f.size("vocab_size"),
        "d_model": f.size("hidden_size"),
        "num_heads": f.size("num_attention_heads"),
        "d_ff": f.size("intermediate_size"),
        "num_layers": f.whole("num_hidden_layers", most=max(f.tensors, 1000)),
        "max_len": f.size("max_position_embeddings", 512),
        "num_segments": f.size("type_vocab_size", 2),
        "activation": f.choice("hidden_act", ACTIVATIONS, activation),
        "norm_eps": f.number("layer_norm_eps", 1e-12),
        "init_std": f.number("initializer_range", 0.02),
    }


def with_labels(checkpoint: Checkpoint, kind: type[nn.Module]) -> dict[str, Any]:
    """Return how many labels a classifier has, if the model is one."""
    head = checkpoint.tensors.get("classifier.weight")
    if kind not in (_SEQUENCE, _TOKEN) or head is None or len(head.shape) != 2:
        return {}
    labels = checkpoint.fields.get("id2label", None)
    if isinstance(labels, dict) and len(labels) != head.shape[0]:
        raise checkpoint.fields.refuse("id2label", f"{head.shape[0]} labels", len(labels))
    return {"num_labels": head.shape[0]}


def built(kind: type[nn.Module], config: BERTConfig, *, pooler: bool, dropout: float) -> nn.Module:
    """Build a model; ``dropout`` is that before a classifier."""
    if kind is _BODY:
        return models.BERT(config, pooler=pooler)
    model = kind(config)
    if kind in (_SEQUENCE, _TOKEN):
        model.dropout.p = dropout  # type: ignore[union-attr]
    return model


def shared_fields(model: Any, family: str) -> dict[str, Any]:
    """Return the fields of their configuration that both families spell alike."""
    c: BERTConfig = model.config
    require(
        c, family, norm_first=False, norm="layer", positions="learned", bias=True,
        num_kv_heads=None, head_dim=None, ff_dropout=0.0,
    )  # fmt: skip
    suffix = next(suffix for suffix, kind in SUFFIXES.items() if kind is type(model))
    word = {"BERT": "Bert", "ALBERT": "Albert"}[family]
    fields = {
        "architectures": [word + suffix],
        "vocab_size": c.vocab_size,
        "hidden_size": c.d_model,
        "num_attention_heads": c.num_heads,
        "intermediate_size": c.d_ff,
        "num_hidden_layers": c.num_layers,
        "max_position_embeddings": c.max_len,
        "type_vocab_size": c.num_segments,
        "hidden_act": their_activation(c.activation, family),
        "layer_norm_eps": 1e-5 if c.norm_eps is None else c.norm_eps,
        "hidden_dropout_prob": c.dropout,
        "attention_probs_dropout_prob": c.attention_dropout,
        "initializer_range": c.init_std,
        "pad_token_id": None,
    }
    if type(model) in (_SEQUENCE, _TOKEN):
        names = [f"LABEL_{i}" for i in range(c.num_labels)]
        fields["id2label"] = {str(i): name for i, name in enumerate(names)}
        fields["label2id"] = {name: i for i, name in enumerate(names)}
    return fields


@dataclass(frozen=True)
class Words:
    """What a family calls the parts: a map's name stands before its ``.weight`` and ``.bias``.

    Parameters
    ----------
    body : str
        What stands before the names of the body.
    layer : str
        A layer of the body, with ``{}`` for its number.
    attention : str
        What holds a layer's maps to queries, keys and values.
    parts : Mapping of str to str
        The other maps and norms of a layer, and what they are in ours.
    pooler : str
        The pooler of the body.
    predictions, transform : str
        What holds the bias of the masked-LM head, and what holds its map and norm.
    order : str
        The head that judges pairs.
    """

    body: str
    layer: str
    attention: str
    parts: Mapping[str, str]
    pooler: str
    predictions: str
    transform: str
    order: str

    def table(self, model: Any) -> list[Weight]:
        """Return the name table of a model, but for what one family alone has."""
        alone = isinstance(model, _BODY)
        body, prefix = (model, "") if alone else (model.bert, "bert.")
        names = {
            "word_embeddings": "embedding",
            "position_embeddings": "positions.added.table",
            "token_type_embeddings": "segments",
        }
        table = [
            Weight(f"{self.body}.embeddings.{name}.weight", (f"{prefix}{part}.weight",))
            for name, part in names.items()
        ]
        table += linear(f"{self.body}.embeddings.LayerNorm", f"{prefix}embedding_norm")
        for i in range(1 if model.config.share_layers else model.config.num_layers):
            theirs = f"{self.body}.{self.layer.format(i)}"
            ours = f"{prefix}encoder.layers.{i}"
            for part in ("query", "key", "value"):
                table += linear(
                    f"{theirs}.{self.attention}.{part}", f"{ours}.attention.{part}_proj"
                )
            for name, part in self.parts.items():
                table += linear(f"{theirs}.{name}", f"{ours}.{part}")
        if body.pooler is not None:
            table += linear(f"{self.body}.{self.pooler}", f"{prefix}pooler")
        if isinstance(model, _MASKED | _PRETRAINED):
            table += linear(f"{self.transform}.dense", "head.dense")
            table += linear(f"{self.transform}.LayerNorm", "head.norm")
            table.append(Weight(f"{self.predictions}.bias", ("head.bias",)))
        if isinstance(model, _PRETRAINED):
            table += linear(self.order, "next_sentence")
        if isinstance(model, _SEQUENCE | _TOKEN):
            table += linear("classifier", "classifier")
        return table

    def twins(self, model: Any) -> Mapping[str, str]:
        """Return what the masked-LM head may store a second time."""
        if not isinstance(model, _MASKED | _PRETRAINED):
            return {}
        return {
            f"{self.predictions}.decoder.weight": f"{self.body}.embeddings.word_embeddings.weight",
            f"{self.predictions}.decoder.bias": f"{self.predictions}.bias",
        }

    def spare(self, model: Any) -> re.Pattern[str]:
        """Return the names of a pooler that no head asks."""
        pooler = re.escape(f"{self.body}.pooler.")
        return re.compile(pooler if isinstance(model, _MASKED | _TOKEN) else r"$.")


# ------------------------------------------------------------------ BERT


def _read(checkpoint: Checkpoint) -> Callable[[], nn.Module]:
    f = checkpoint.fields
    kind = kind_of(checkpoint, "Bert", "cls.predictions.bias", "cls.seq_relationship.weight")
    dropout = f.number("hidden_dropout_prob", 0.1)
    config = BERTConfig(
        **common(f, "gelu"),
        **with_labels(checkpoint, kind),
        dropout=dropout,
        attention_dropout=f.number("attention_probs_dropout_prob", 0.1),
    )
    f.layers("num_hidden_layers")
    pooler = "bert.pooler.dense.weight" in checkpoint.tensors
    own = f.number("classifier_dropout", dropout)
    return partial(built, kind, config, pooler=pooler, dropout=own)


def _write(model: Any) -> dict[str, Any]:
    fields = shared_fields(model, "BERT")
    own = model.dropout.p
    return {**fields, "classifier_dropout": own if own != model.config.dropout else None}


_WORDS = Words(
    body="bert",
    layer="encoder.layer.{}",
    attention="attention.self",
    parts={
        "attention.output.dense": "attention.output_proj",
        "attention.output.LayerNorm": "attention_norm",
        "intermediate.dense": "feed_forward.up_proj",
        "output.dense": "feed_forward.down_proj",
        "output.LayerNorm": "feed_forward_norm",
    },
    pooler="pooler.dense",
    predictions="cls.predictions",
    transform="cls.predictions.transform",
    order="cls.seq_relationship",
)

BERT = Family(
    model_type="bert",
    models=MODELS,
    read=_read,
    write=_write,
    table=_WORDS.table,
    prefix="bert.",
    heads=re.compile(r"cls\.|classifier\."),
    twins=_WORDS.twins,
    spare=_WORDS.spare,
    ignored=re.compile(r"embeddings\.(position_ids|token_type_ids)$"),
    bare=lambda model: isinstance(model, _BODY),
    owns=lambda model: not (model.config.share_layers or model.config.embedding_dim),
)
"""BERT's models."""
