"""Marian: the published translators, a Transformer as in Vaswani et al. with other positions.

Their sinusoids lay all sines before all cosines, ours alternate. A Transformer does not care in
which order its coordinates stand, as long as every weight that reads or writes them agrees: here
our coordinate 2i is their i, and our 2i + 1 their D/2 + i.

Source
    Junczys-Dowmunt et al. (2018), "Marian: Fast Neural Machine Translation in C++".
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from txlite.interop._family import Checkpoint, Family, require
from txlite.interop._names import UNSQUEEZED, Weight, interleaved, linear, permuted
from txlite.interop._stacks import read_stacks, stack_fields, stack_layers
from txlite.models.transformer import Transformer, TransformerConfig
from txlite.nn.positions import sinusoidal

__all__ = ["MARIAN"]

_SHARED = "model.shared.weight"
_TABLES = {
    "encoder": "model.encoder.embed_tokens.weight",
    "decoder": "model.decoder.embed_tokens.weight",
}
_HEAD, _BIAS = "lm_head.weight", "final_logits_bias"


def _read(checkpoint: Checkpoint) -> Callable[[], Transformer]:
    f = checkpoint.fields
    f.only("static_position_embeddings", True)
    f.none_of(
        ["normalize_before", "add_final_layer_norm", "normalize_embedding", "add_bias_logits",
         "extra_pos_embeddings", "encoder_layerdrop", "decoder_layerdrop", "is_decoder"]
    )  # fmt: skip
    tied = f.flag("tie_word_embeddings", True)
    one = f.flag("share_encoder_decoder_embeddings", True) and tied
    vocabulary = f.size("vocab_size", 58101)
    if f.flag("share_encoder_decoder_embeddings", True):
        f.only("decoder_vocab_size", vocabulary)
    config = TransformerConfig(
        vocab_size=vocabulary if one else f.size("decoder_vocab_size", vocabulary),
        source_vocab_size=None if one else vocabulary,
        **read_stacks(
            f, width=1024, heads=16, hidden=4096, layers=12, dropout=0.1, activation="gelu"
        ),
        max_len=f.whole("max_position_embeddings", 1024),
        scale_embedding=f.flag("scale_embedding", False),
        tied_output=tied,
        output_bias=_BIAS in checkpoint.tensors,
    )
    return partial(Transformer, config)


def _write(model: Transformer) -> dict[str, Any]:
    c = model.config
    require(
        c, "Marian", norm_first=False, final_norm=(None, False), norm="layer",
        norm_eps=(None, 1e-5), positions="sinusoidal", bias=True, num_kv_heads=None, head_dim=None,
    )  # fmt: skip
    if c.source_vocab_size is None and not c.tied_output:
        raise ValueError("tied_output should be True in a Marian with one vocabulary, got False")
    return {
        "architectures": ["MarianMTModel"],
        "vocab_size": c.source_vocab_size or c.vocab_size,
        "decoder_vocab_size": c.vocab_size,
        "share_encoder_decoder_embeddings": c.source_vocab_size is None,
        "tie_word_embeddings": c.tied_output,
        **stack_fields(c, "Marian"),
        "max_position_embeddings": c.max_len,
        "scale_embedding": c.scale_embedding,
        "pad_token_id": None,
        "bos_token_id": None,
        "eos_token_id": None,
        "forced_eos_token_id": None,
    }


def _table(model: Transformer) -> list[Weight]:
    c = model.config
    order = interleaved(c.d_model)
    across, down = permuted(order, 1), permuted(order, 0)
    reads = partial(linear, weight=across)  # a bias of heads or hidden units keeps its order
    writes = partial(linear, weight=down, shift=down)
    if c.source_vocab_size is None:
        table = [Weight(_SHARED, ("embedding.weight",), across)]
    else:
        table = [
            Weight(_TABLES["encoder"], ("source_embedding.weight",), across),
            Weight(_TABLES["decoder"], ("embedding.weight",), across),
        ]
    if not c.tied_output:
        table.append(Weight(_HEAD, ("output.weight",), across))
    if c.output_bias:
        table.append(Weight(_BIAS, ("output_bias",), UNSQUEEZED))
    return table + stack_layers(c, reads=reads, writes=writes)


def _twins(model: Transformer) -> Mapping[str, str]:
    c = model.config
    if c.source_vocab_size is None:
        return dict.fromkeys([*_TABLES.values(), *([_HEAD] * c.tied_output)], _SHARED)
    return {_HEAD: _TABLES["decoder"]} if c.tied_output else {}


def _constants(model: Transformer) -> Mapping[str, Callable[[int], Tensor]]:
    width = model.config.d_model

    def sines(rows: int) -> Tensor:
        table = sinusoidal(torch.arange(rows), width, dtype=torch.float32)
        return torch.empty_like(table).index_copy_(1, interleaved(width), table)

    return {f"model.{stack}.embed_positions.weight": sines for stack in _TABLES}


MARIAN = Family(
    model_type="marian",
    models=(Transformer,),
    read=_read,
    write=_write,
    table=_table,
    prefix="model.",
    heads=re.compile(r"lm_head\.|final_logits_bias"),
    twins=_twins,
    constants=_constants,
)
"""Marian's models."""
