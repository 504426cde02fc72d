"""Reformer: local and hashing layers by turns, two streams, axial positions.

Source
    Kitaev et al. (2020), "Reformer: The Efficient Transformer".
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from txlite.interop._family import ACTIVATIONS, Checkpoint, Family, require, their_activation
from txlite.interop._fields import Fields
from txlite.interop._names import UNSQUEEZED, Change, Weight, linear
from txlite.models.reformer import Reformer
from txlite.models.reformer_config import KINDS, ReformerConfig

__all__ = ["REFORMER"]

_SPREAD = Change(lambda x: x[:, 0], lambda x: x[:, None], lambda shape: (shape[0], 1, *shape[1:]))
"""Their table of rows has an axis of size one for the columns."""


def _several(f: Fields, name: str, default: list[Any], kind: type, wanted: str) -> tuple[Any, ...]:
    """Return a field that is a list of one kind."""
    value = f.get(name, default)
    if not isinstance(value, list) or any(type(x) is not kind for x in value) or not value:
        raise f.refuse(name, wanted, value)
    return tuple(value)


def _pair(f: Fields, name: str, default: list[int]) -> tuple[int, int]:
    """Return two sizes, which can be no larger than the checkpoint."""
    pair = _several(f, name, default, int, "two whole numbers")
    if len(pair) != 2 or any(not 1 <= size <= f.numbers for size in pair):
        raise f.refuse(name, f"two whole numbers from 1 to {f.numbers}", list(pair))
    return pair[0], pair[1]


def _layers(f: Fields) -> tuple[str, ...]:
    layers = _several(
        f, "attn_layers", ["local", "lsh"] * 3, str, f"a list of {' and '.join(KINDS)}"
    )
    if len(layers) > f.tensors or any(kind not in KINDS for kind in layers):
        raise f.refuse("attn_layers", f"a list of {' and '.join(KINDS)}", list(layers))
    f.only("num_hidden_layers", len(layers))
    return layers


def _buckets(f: Fields) -> Any:
    value = f.get("num_buckets", None)
    if value is None or isinstance(value, int):
        return value
    return _several(f, "num_buckets", [], int, "a whole number or a list of them")


def _read(checkpoint: Checkpoint) -> Callable[[], Reformer]:
    f = checkpoint.fields
    f.only("is_decoder", True)
    f.only("tie_word_embeddings", False)
    f.only("local_num_chunks_after", 0)  # theirs goes around: the last chunk would see the first
    f.only("lsh_num_chunks_after", 0)  # theirs refuses it, too, for a model that writes
    f.get("chunk_size_lm_head", 0)  # another order of the same arithmetic
    f.get("axial_norm_std", 1.0)  # before training
    f.get("classifier_dropout", None)  # of a head that is not built here
    dropout = f.number("hidden_dropout_prob", 0.05)
    axial = f.flag("axial_pos_embds", True)
    shape, widths = (
        _pair(f, "axial_pos_shape", [64, 64]),
        _pair(f, "axial_pos_embds_dim", [64, 192]),
    )
    seed = f.get("hash_seed", None)
    config = ReformerConfig(
        vocab_size=f.size("vocab_size", 320),
        d_model=f.size("hidden_size", 256),
        num_heads=f.size("num_attention_heads", 12),
        head_dim=f.size("attention_head_size", 64),
        d_ff=f.size("feed_forward_size", 512),
        attention_layers=_layers(f),
        max_len=f.whole("max_position_embeddings", 4096),
        axial_shape=shape if axial else None,
        axial_widths=widths,
        local_chunk_length=f.whole("local_attn_chunk_length", 64),
        local_chunks_before=f.whole("local_num_chunks_before", 1),
        lsh_chunk_length=f.whole("lsh_attn_chunk_length", 64),
        lsh_chunks_before=f.whole("lsh_num_chunks_before", 1),
        num_hashes=f.whole("num_hashes", 1),
        num_buckets=_buckets(f),
        hash_seed=None if seed is None else f.whole("hash_seed"),
        feed_forward_chunk=f.whole("chunk_size_feed_forward", 0),
        dropout=dropout,
        attention_dropout=f.number("local_attention_probs_dropout_prob", 0.05),
        lsh_dropout=f.number("lsh_attention_probs_dropout_prob", 0.0),
        ff_dropout=dropout,
        activation=f.choice("hidden_act", ACTIVATIONS, "relu"),
        norm_eps=f.number("layer_norm_eps", 1e-12),
        init_std=f.number("initializer_range", 0.02),
    )
    return partial(Reformer, config)


def _write(model: Reformer) -> dict[str, Any]:
    c = model.config
    require(c, "Reformer", norm="layer", bias=True, num_kv_heads=None, ff_dropout=c.dropout)
    buckets = c.num_buckets
    if isinstance(buckets, tuple):
        buckets = buckets[0] if len(buckets) == 1 else list(buckets)  # type: ignore[assignment]
    return {
        "architectures": ["ReformerModelWithLMHead"],
        "is_decoder": True,
        "vocab_size": c.vocab_size,
        "hidden_size": c.d_model,
        "num_attention_heads": c.num_heads,
        "attention_head_size": c.head_dim or c.d_model // c.num_heads,
        "feed_forward_size": c.d_ff,
        "attn_layers": list(c.attention_layers),
        "num_hidden_layers": len(c.attention_layers),
        "max_position_embeddings": c.max_len,
        "axial_pos_embds": c.axial_shape is not None,
        **({} if c.axial_shape is None else {"axial_pos_shape": list(c.axial_shape)}),
        "axial_pos_embds_dim": list(c.axial_widths),
        "local_attn_chunk_length": c.local_chunk_length,
        "local_num_chunks_before": c.local_chunks_before,
        "local_num_chunks_after": 0,
        "lsh_attn_chunk_length": c.lsh_chunk_length,
        "lsh_num_chunks_before": c.lsh_chunks_before,
        "lsh_num_chunks_after": 0,
        "num_hashes": c.num_hashes,
        "num_buckets": buckets,
        "hash_seed": c.hash_seed,
        "chunk_size_feed_forward": c.feed_forward_chunk,
        "hidden_dropout_prob": c.dropout,
        "local_attention_probs_dropout_prob": c.attention_dropout,
        "lsh_attention_probs_dropout_prob": c.lsh_dropout,
        "hidden_act": their_activation(c.activation, "Reformer"),
        "layer_norm_eps": 1e-5 if c.norm_eps is None else c.norm_eps,
        "initializer_range": c.init_std,
        "tie_word_embeddings": False,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
    }


def _table(model: Reformer) -> list[Weight]:
    c, before = model.config, "reformer.embeddings."
    table = [Weight(f"{before}word_embeddings.weight", ("embedding.weight",))]
    added = "positions.added"
    if c.axial_shape is None:
        name = f"{before}position_embeddings.embedding.weight"
        table.append(Weight(name, (f"{added}.table.weight",)))
    else:
        names = f"{before}position_embeddings.weights"
        table.append(Weight(f"{names}.0", (f"{added}.rows",), _SPREAD))
        table.append(Weight(f"{names}.1", (f"{added}.columns",), UNSQUEEZED))
    for i, kind in enumerate(c.attention_layers):
        theirs, ours = f"reformer.encoder.layers.{i}", f"decoder.layers.{i}"
        maps = ("query", "key", "value") if kind == "local" else ("query_key", "value")
        table += linear(f"{theirs}.attention.layer_norm", f"{ours}.attention_norm")
        for name in maps:
            map_ = f"{theirs}.attention.self_attention.{name}"
            table += linear(map_, f"{ours}.attention.{name}_proj", bias=False)
        out = f"{theirs}.attention.output.dense"
        table += linear(out, f"{ours}.attention.output_proj", bias=False)
        table += linear(f"{theirs}.feed_forward.layer_norm", f"{ours}.feed_forward_norm")
        table += linear(f"{theirs}.feed_forward.dense.dense", f"{ours}.feed_forward.up_proj")
        table += linear(f"{theirs}.feed_forward.output.dense", f"{ours}.feed_forward.down_proj")
    table += linear("reformer.encoder.layer_norm", "decoder.norm")
    table.append(Weight("lm_head.decoder.weight", ("output.weight",)))
    return [*table, Weight("lm_head.bias", ("output.bias",))]


REFORMER = Family(
    model_type="reformer",
    models=(Reformer,),
    read=_read,
    write=_write,
    table=_table,
    prefix="reformer.",
    heads=re.compile(r"lm_head\."),
)
"""Language models."""
