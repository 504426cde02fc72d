"""Whisper: two convolutions, a stored table of sines, keys without a bias, and a tied output.

Source
    Radford et al. (2023), "Robust Speech Recognition via Large-Scale Weak Supervision".
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from txlite.interop._family import ACTIVATIONS, Checkpoint, Family, require, their_activation
from txlite.interop._names import Weight, linear
from txlite.models.whisper import Whisper, WhisperConfig

__all__ = ["WHISPER"]

_TABLE, _HEAD = "model.decoder.embed_tokens.weight", "proj_out.weight"


def _read(checkpoint: Checkpoint) -> Callable[[], Whisper]:
    f = checkpoint.fields
    f.only("tie_word_embeddings", True)
    f.none_of(["encoder_layerdrop", "decoder_layerdrop", "scale_embedding", "apply_spec_augment"])
    config = WhisperConfig(
        vocab_size=f.size("vocab_size", 51865),
        d_model=f.size("d_model", 384),
        num_heads=f.both("attention_heads", 6),
        d_ff=f.both("ffn_dim", 1536),
        num_layers=f.layers("encoder_layers", 4),
        num_decoder_layers=f.layers("decoder_layers", 4),
        num_mels=f.size("num_mel_bins", 80),
        max_source_len=f.size("max_source_positions", 1500),
        max_len=f.size("max_target_positions", 448),
        dropout=f.number("dropout", 0.0),
        attention_dropout=f.number("attention_dropout", 0.0),
        ff_dropout=f.number("activation_dropout", 0.0),
        activation=f.choice("activation_function", ACTIVATIONS, "gelu"),
        init_std=f.number("init_std", 0.02),
    )
    return partial(Whisper, config)


def _write(model: Whisper) -> dict[str, Any]:
    c = model.config
    require(
        c, "Whisper", norm_first=True, norm="layer", norm_eps=(None, 1e-5), bias=True,
        num_kv_heads=None, head_dim=None,
    )  # fmt: skip
    both = {
        f"{stack}_{name}": size
        for stack in ("encoder", "decoder")
        for name, size in (("attention_heads", c.num_heads), ("ffn_dim", c.d_ff))
    }
    return {
        "architectures": ["WhisperForConditionalGeneration"],
        "vocab_size": c.vocab_size,
        "num_mel_bins": c.num_mels,
        "d_model": c.d_model,
        **both,
        "encoder_layers": c.num_layers,
        "decoder_layers": c.num_decoder_layers or c.num_layers,
        "max_source_positions": c.max_source_len,
        "max_target_positions": c.max_len,
        "dropout": c.dropout,
        "attention_dropout": c.attention_dropout,
        "activation_dropout": c.ff_dropout,
        "activation_function": their_activation(c.activation, "Whisper"),
        "init_std": c.init_std,
        "is_encoder_decoder": True,
        "tie_word_embeddings": True,
        "pad_token_id": None,
        "bos_token_id": None,
        "eos_token_id": None,
        "begin_suppress_tokens": None,
    }


def _table(model: Whisper) -> list[Weight]:
    c = model.config
    table = [
        *linear("model.encoder.conv1", "conv1"),
        *linear("model.encoder.conv2", "conv2"),
        Weight(_TABLE, ("embedding.weight",)),
    ]
    counts = {"encoder": c.num_layers, "decoder": c.num_decoder_layers or c.num_layers}
    for stack, count in counts.items():
        theirs, ours = f"model.{stack}", stack
        rows = f"{stack}_positions.added.table.weight"
        table.append(Weight(f"{theirs}.embed_positions.weight", (rows,)))
        table += linear(f"{theirs}.layer_norm", f"{ours}.norm")
        for i in range(count):
            table += _layer(f"{theirs}.layers.{i}", f"{ours}.layers.{i}", stack == "decoder")
    return table


def _layer(theirs: str, ours: str, across: bool) -> list[Weight]:
    """Return the names of a layer; a decoder's attends to the encoder too."""
    attentions = {"attention": "self_attn"}
    if across:
        attentions["cross_attention"] = "encoder_attn"
    table = []
    for mine, name in attentions.items():
        for letter, part in (("q", "query"), ("k", "key"), ("v", "value"), ("out", "output")):
            table += linear(
                f"{theirs}.{name}.{letter}_proj", f"{ours}.{mine}.{part}_proj", bias=letter != "k"
            )
        table += linear(f"{theirs}.{name}_layer_norm", f"{ours}.{mine}_norm")
    table += linear(f"{theirs}.fc1", f"{ours}.feed_forward.up_proj")
    table += linear(f"{theirs}.fc2", f"{ours}.feed_forward.down_proj")
    return table + linear(f"{theirs}.final_layer_norm", f"{ours}.feed_forward_norm")


def _twins(model: Whisper) -> Mapping[str, str]:
    return {_HEAD: _TABLE}


WHISPER = Family(
    model_type="whisper",
    models=(Whisper,),
    read=_read,
    write=_write,
    table=_table,
    prefix="model.",
    heads=re.compile(r"proj_out\."),
    twins=_twins,
)
"""Whisper's models."""
