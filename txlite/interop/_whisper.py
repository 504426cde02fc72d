"""Whisper: two convolutions, a stored table of sines, keys without a bias, and a tied output.

CTranslate2 keeps the same weights with queries, keys and values in one matrix. Its keys have a bias
of zeros, which is left out: whatever it were, it would add one number to all scores of a query.

Sources
    Radford et al. (2023), "Robust Speech Recognition via Large-Scale Weak Supervision".
    https://github.com/OpenNMT/CTranslate2: ``python/ctranslate2/specs/whisper_spec.py``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from txlite.interop._family import Checkpoint, Family, require
from txlite.interop._names import Change, Weight, linear
from txlite.interop._stacks import layer_counts, read_stacks, stack_fields, stack_layers
from txlite.models.whisper import Whisper, WhisperConfig

__all__ = ["WHISPER", "WHISPER_CTRANSLATE2"]

_TABLE, _HEAD = "model.decoder.embed_tokens.weight", "proj_out.weight"


def _read(checkpoint: Checkpoint) -> Callable[[], Whisper]:
    f = checkpoint.fields
    f.only("tie_word_embeddings", True)
    f.none_of(["encoder_layerdrop", "decoder_layerdrop", "scale_embedding", "apply_spec_augment"])
    config = WhisperConfig(
        vocab_size=f.size("vocab_size", 51865),
        **read_stacks(f, width=384, heads=6, hidden=1536, layers=4, dropout=0.0, activation="gelu"),
        num_mels=f.size("num_mel_bins", 80),
        max_source_len=f.size("max_source_positions", 1500),
        max_len=f.size("max_target_positions", 448),
        init_std=f.number("init_std", 0.02),
    )
    return partial(Whisper, config)


def _write(model: Whisper) -> dict[str, Any]:
    c = model.config
    require(
        c, "Whisper", norm_first=True, norm="layer", norm_eps=(None, 1e-5), bias=True,
        num_kv_heads=None, head_dim=None,
    )  # fmt: skip
    return {
        "architectures": ["WhisperForConditionalGeneration"],
        "vocab_size": c.vocab_size,
        "num_mel_bins": c.num_mels,
        **stack_fields(c, "Whisper"),
        "max_source_positions": c.max_source_len,
        "max_target_positions": c.max_len,
        "init_std": c.init_std,
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
    for stack in ("encoder", "decoder"):
        rows = f"{stack}_positions.added.table.weight"
        table.append(Weight(f"model.{stack}.embed_positions.weight", (rows,)))
        table += linear(f"model.{stack}.layer_norm", f"{stack}.norm")
    return table + stack_layers(c, key_bias=False)


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


# ------------------------------------------------------------------ CTranslate2


_GELU = 3  # its number there
_ROWS = "decoder/embeddings/weight"


def _read_ctranslate2(checkpoint: Checkpoint) -> Callable[[], Whisper]:
    f, tensors = checkpoint.fields, checkpoint.tensors
    f.only("decoder/activation", _GELU)
    f.only("decoder/pre_norm", 1)
    f.none_of(["decoder/scale_embeddings", "decoder/start_from_zero_embedding", "decoder/alibi"])
    heads = f.size("encoder/num_heads")
    f.only("decoder/num_heads", heads)

    def shape(name: str, axes: int) -> tuple[int, ...]:
        found = tensors[name].shape if name in tensors else ()
        if len(found) != axes:
            raise f.refuse(name, f"a tensor of {axes} axes", found)
        return found

    def layers(stack: str) -> int:
        found = {name.split("/")[1] for name in tensors if name.startswith(f"{stack}/layer_")}
        return sum(f"layer_{i}" in found for i in range(len(found)))

    width, mels, _ = shape("encoder/conv1/weight", 3)
    config = WhisperConfig(
        vocab_size=shape(_ROWS, 2)[0],
        d_model=width,
        num_heads=heads,
        d_ff=shape("encoder/layer_0/ffn/linear_0/weight", 2)[0],
        num_layers=layers("encoder"),
        num_decoder_layers=layers("decoder"),
        num_mels=mels,
        max_source_len=shape("encoder/position_encodings/encodings", 2)[0],
        max_len=shape("decoder/position_encodings/encodings", 2)[0],
    )
    return partial(Whisper, config)


def _table_ctranslate2(model: Whisper) -> list[Weight]:
    c = model.config
    table = [
        *linear("encoder/conv1", "conv1"),
        *linear("encoder/conv2", "conv2"),
        Weight(_ROWS, ("embedding.weight",)),
    ]
    for stack, count in layer_counts(c).items():
        rows = f"{stack}_positions.added.table.weight"
        table.append(Weight(f"{stack}/position_encodings/encodings", (rows,)))
        table += _norm(f"{stack}/layer_norm", f"{stack}.norm")
        for i in range(count):
            theirs, ours = f"{stack}/layer_{i}", f"{stack}.layers.{i}"
            table += _fused(f"{theirs}/self_attention", f"{ours}.attention", c.d_model, 3)
            if stack == "decoder":
                table += _fused(f"{theirs}/attention", f"{ours}.cross_attention", c.d_model, 2)
            table += _norm(f"{theirs}/ffn/layer_norm", f"{ours}.feed_forward_norm")
            table += linear(f"{theirs}/ffn/linear_0", f"{ours}.feed_forward.up_proj")
            table += linear(f"{theirs}/ffn/linear_1", f"{ours}.feed_forward.down_proj")
    return [replace(w, theirs=w.theirs.replace(".", "/")) for w in table]


def _norm(theirs: str, ours: str) -> list[Weight]:
    return [
        Weight(f"{theirs}/gamma", (f"{ours}.weight",)),
        Weight(f"{theirs}/beta", (f"{ours}.bias",)),
    ]


def _fused(theirs: str, ours: str, width: int, together: int) -> list[Weight]:
    """Return the names of an attention, of which the last ``together`` maps are one matrix."""
    parts = ["query_proj", "key_proj", "value_proj"]
    table = _norm(f"{theirs}/layer_norm", f"{ours}_norm")
    if together == 2:
        table += linear(f"{theirs}/linear_0", f"{ours}.{parts[0]}")
    first = 3 - together
    fused, out = f"{theirs}/linear_{first}", f"{theirs}/linear_{first + 1}"
    table.append(Weight(f"{fused}/weight", tuple(f"{ours}.{n}.weight" for n in parts[first:])))
    biased = tuple(f"{ours}.{n}.bias" for n in parts[first:] if n != "key_proj")
    table.append(Weight(f"{fused}/bias", biased, _without_keys(width, together)))
    return table + linear(out, f"{ours}.output_proj")


def _without_keys(width: int, together: int) -> Change:
    """Return the change that leaves out the bias of the keys, the second last of the parts."""
    before = (together - 2) * width
    return Change(
        lambda x: torch.cat([x[:before], x[before + width :]]),
        lambda x: torch.cat([x[:before], x.new_zeros(width), x[before:]]),
        lambda shape: (shape[0] + width, *shape[1:]),
    )


WHISPER_CTRANSLATE2 = replace(
    WHISPER,
    read=_read_ctranslate2,
    table=_table_ctranslate2,
    prefix="",
    twins=lambda model: {"decoder/projection/weight": _ROWS},
)
"""The same in a file of CTranslate2."""
