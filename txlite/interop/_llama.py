"""Llama, from the files of Hugging Face and from GGUF.

Rotary positions turn pairs of a head's entries. Ours are neighbours, as in the paper and in GGUF;
Hugging Face pairs the first half of a head with the second. The scores are the same where queries
and keys agree on the order: the rows of both projections change their places, head by head.

Sources
    Touvron et al. (2023), "LLaMA: Open and Efficient Foundation Language Models", section 2.2.
    https://github.com/ggml-org/ggml/blob/master/docs/gguf.md: "LLM", for the fields of GGUF.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from txlite.interop._family import Checkpoint, Family, require
from txlite.interop._fields import Fields
from txlite.interop._names import SAME, Change, Weight, interleaved, linear, permuted
from txlite.models.llama import Llama, LlamaConfig
from txlite.nn.feedforward import Activation
from txlite.nn.positions.rotary import RotaryScaling

__all__ = ["LLAMA", "LLAMA_GGUF", "llama_config"]

_GATES: dict[str, Activation] = {
    "silu": "swiglu", "swish": "swiglu", "gelu": "geglu", "gelu_pytorch_tanh": "geglu_tanh",
    "gelu_new": "geglu_tanh", "relu": "reglu",
}  # fmt: skip
_HUGGING_FACE = {
    "embedding": "model.embed_tokens", "layer": "model.layers.{}.", "norm": "model.norm",
    "output": "lm_head", "attention_norm": "input_layernorm",
    "feed_forward_norm": "post_attention_layernorm", "query": "self_attn.q_proj",
    "key": "self_attn.k_proj", "value": "self_attn.v_proj", "attention.output": "self_attn.o_proj",
    "gate": "mlp.gate_proj", "up": "mlp.up_proj", "down": "mlp.down_proj",
}  # fmt: skip
_GGUF = {
    "embedding": "token_embd", "layer": "blk.{}.", "norm": "output_norm", "output": "output",
    "attention_norm": "attn_norm", "feed_forward_norm": "ffn_norm", "query": "attn_q",
    "key": "attn_k", "value": "attn_v", "attention.output": "attn_output", "gate": "ffn_gate",
    "up": "ffn_up", "down": "ffn_down",
}  # fmt: skip


# ------------------------------------------------------------------ Hugging Face


def _read(checkpoint: Checkpoint) -> Callable[[], Llama]:
    f = checkpoint.fields
    f.none_of(["sliding_window", "use_sliding_window"])
    return partial(Llama, llama_config(f))


def llama_config(f: Fields, *, window: int | None = None) -> LlamaConfig:
    """Return the configuration that the fields tell, each layer with the same window."""
    f.only("partial_rotary_factor", 1.0, 1)
    wanted = "full_attention" if window is None else "sliding_attention"
    kinds = f.get("layer_types", [])
    if not isinstance(kinds, list) or any(kind != wanted for kind in kinds):
        raise f.refuse("layer_types", f"a list of {wanted}", kinds)
    bias = f.flag("attention_bias", False)
    if f.flag("mlp_bias", False) != bias:
        raise f.refuse("mlp_bias", f"attention_bias={bias}", not bias)
    width, heads = f.size("hidden_size", 4096), f.size("num_attention_heads", 32)
    theta, scaling = _rope(f)
    return LlamaConfig(
        vocab_size=f.size("vocab_size", 32000),
        d_model=width,
        num_heads=heads,
        num_kv_heads=_unless(heads, f.size("num_key_value_heads", heads)),
        head_dim=_unless(width / heads, f.size("head_dim", width // heads)),
        d_ff=f.size("intermediate_size", 11008),
        num_layers=f.layers("num_hidden_layers", 32),
        max_len=f.whole("max_position_embeddings", 2048),
        activation=f.choice("hidden_act", _GATES, "silu"),
        norm_eps=f.number("rms_norm_eps", 1e-6),
        bias=bias,
        attention_dropout=f.number("attention_dropout", 0.0),
        rope_theta=theta,
        rope_scaling=scaling,
        sliding_window=window,
        tied_output=f.flag("tie_word_embeddings", False),
        init_std=f.number("initializer_range", 0.02),
    )


def _unless(usual: float | int, value: int) -> int | None:
    """Return None, our word for what is usual, or the value."""
    return None if value == usual else value


def _rope(f: Fields) -> tuple[float, RotaryScaling | None]:
    """Read how positions turn, as version 5 spells it and as version 4 did."""
    new, old = f.get("rope_parameters", None), f.get("rope_scaling", None)
    for name, value in (("rope_parameters", new), ("rope_scaling", old)):
        if value is not None and not isinstance(value, dict):
            raise f.refuse(name, "an object", value)
    if new and old and new != old:
        raise f.refuse("rope_scaling", "left out beside rope_parameters", old)
    name = "rope_parameters" if new else "rope_scaling"
    inner = Fields(f.path, new or old or {}, f.numbers, f.tensors)

    def told(field: str) -> str:
        return f"{name}.{field}"

    given = {told(field): value for field, value in inner.content.items()}
    inner.content = given
    theta = inner.number(told("rope_theta"), f.number("rope_theta", 10_000.0))
    inner.only(told("partial_rotary_factor"), 1.0, 1)
    kinds = {"default": None, "linear": "linear", "llama3": "llama3"}
    kind = inner.choice(told("rope_type"), kinds, inner.get(told("type"), "default"))
    if kind is None:
        return theta, None
    numbers: dict[str, Any] = {"factor": inner.number(told("factor"))}
    if kind == "llama3":
        numbers["low"] = inner.number(told("low_freq_factor"))
        numbers["high"] = inner.number(told("high_freq_factor"))
        numbers["original_length"] = inner.whole(told("original_max_position_embeddings"))
    if unknown := sorted(given.keys() - inner.asked):
        raise f.refuse(unknown[0], f"left out for {kind}", given[unknown[0]])
    return theta, RotaryScaling(kind=kind, **numbers)  # type: ignore[arg-type]


def _write(model: Llama) -> dict[str, Any]:
    c = model.config
    require(
        c, "Llama", norm_first=True, norm="rms", dropout=0.0, ff_dropout=0.0,
        activation=tuple(_GATES.values()),
    )  # fmt: skip
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": c.rope_theta}
    if (scaling := c.rope_scaling) is not None:
        rope |= {"rope_type": scaling.kind, "factor": scaling.factor}
        if scaling.kind == "llama3":
            rope["low_freq_factor"] = scaling.low
            rope["high_freq_factor"] = scaling.high
            rope["original_max_position_embeddings"] = scaling.original_length
    return {
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": c.vocab_size,
        "hidden_size": c.d_model,
        "num_attention_heads": c.num_heads,
        "num_key_value_heads": c.num_kv_heads or c.num_heads,
        "head_dim": c.head_dim or c.d_model // c.num_heads,
        "intermediate_size": c.d_ff,
        "num_hidden_layers": c.num_layers,
        "max_position_embeddings": c.max_len,
        "hidden_act": next(theirs for theirs, ours in _GATES.items() if ours == c.activation),
        "rms_norm_eps": 1e-6 if c.norm_eps is None else c.norm_eps,
        "attention_bias": c.bias,
        "mlp_bias": c.bias,
        "attention_dropout": c.attention_dropout,
        "rope_parameters": rope,
        "tie_word_embeddings": c.tied_output,
        "initializer_range": c.init_std,
        "bos_token_id": None,
        "eos_token_id": None,
    }


# ------------------------------------------------------------------ names


def _turned(num_heads: int, head_dim: int) -> Change:
    """Return the change of a projection's rows: in each head, two halves alternate."""
    heads = torch.arange(num_heads)[:, None] * head_dim
    return permuted((heads + interleaved(head_dim)).flatten(), 0)


def _table(model: Llama, names: Mapping[str, str], turned: bool) -> list[Weight]:
    c = model.config
    head_dim, kv_heads = c.head_dim or c.d_model // c.num_heads, c.num_kv_heads or c.num_heads
    query, key = (_turned(n, head_dim) if turned else SAME for n in (c.num_heads, kv_heads))
    table = [Weight(f"{names['embedding']}.weight", ("embedding.weight",))]
    for i in range(c.num_layers):
        theirs, ours = names["layer"].format(i), f"decoder.layers.{i}"
        for norm in ("attention_norm", "feed_forward_norm"):
            table += linear(f"{theirs}{names[norm]}", f"{ours}.{norm}", bias=False)
        for name, part, change in (
            ("query", "attention.query_proj", query),
            ("key", "attention.key_proj", key),
            ("value", "attention.value_proj", SAME),
            ("attention.output", "attention.output_proj", SAME),
            ("gate", "feed_forward.gate_proj", SAME),
            ("up", "feed_forward.up_proj", SAME),
            ("down", "feed_forward.down_proj", SAME),
        ):
            named = f"{theirs}{names[name]}", f"{ours}.{part}"
            table += linear(*named, bias=c.bias, weight=change, shift=change)
    table += linear(names["norm"], "decoder.norm", bias=False)
    if not c.tied_output:
        table += linear(names["output"], "output", bias=False)
    return table


def _twins(model: Llama) -> Mapping[str, str]:
    if not model.config.tied_output:
        return {}
    return {f"{_HUGGING_FACE['output']}.weight": f"{_HUGGING_FACE['embedding']}.weight"}


LLAMA = Family(
    model_type="llama",
    models=(Llama,),
    read=_read,
    write=_write,
    table=partial(_table, names=_HUGGING_FACE, turned=True),
    prefix="model.",
    heads=re.compile(r"lm_head\."),
    twins=_twins,
    ignored=re.compile(r"rotary_emb\.inv_freq$"),  # old files store what is computed
    owns=lambda model: model.config.sliding_window is None,  # with one it is Mistral's
)
"""Llama's models."""


# ------------------------------------------------------------------ GGUF


def _read_gguf(checkpoint: Checkpoint) -> Callable[[], Llama]:
    f = checkpoint.fields
    f.none_of(
        ["llama.expert_count", "llama.attention.sliding_window", "llama.attention.clamp_kqv",
         "llama.attention.max_alibi_bias", "llama.rope.scale_linear"]
    )  # fmt: skip
    f.only("llama.attention.causal", True)
    f.only("llama.attention.scale")
    f.only("llama.use_parallel_residual", False)
    width = f.size("llama.embedding_length")
    heads = f.size("llama.attention.head_count")
    head_dim = f.size("llama.attention.key_length", width // heads)
    f.only("llama.attention.value_length", head_dim)
    f.only("llama.rope.dimension_count", head_dim)
    kinds = {"none": None, "linear": "linear"}
    kind = f.choice("llama.rope.scaling.type", kinds, "none")
    scaling = None
    if kind is not None:
        scaling = RotaryScaling(kind="linear", factor=f.number("llama.rope.scaling.factor"))
    embedding = checkpoint.tensors.get("token_embd.weight")
    rows = embedding.shape[0] if embedding is not None and embedding.shape else None
    config = LlamaConfig(
        vocab_size=f.size("llama.vocab_size", rows),
        d_model=width,
        num_heads=heads,
        num_kv_heads=_unless(heads, f.size("llama.attention.head_count_kv", heads)),
        head_dim=_unless(width / heads, head_dim),
        d_ff=f.size("llama.feed_forward_length"),
        num_layers=f.layers("llama.block_count"),
        max_len=f.whole("llama.context_length"),
        norm_eps=f.number("llama.attention.layer_norm_rms_epsilon"),
        rope_theta=f.number("llama.rope.freq_base", 10_000.0),
        rope_scaling=scaling,
        tied_output="output.weight" not in checkpoint.tensors,
    )
    return partial(Llama, config)


LLAMA_GGUF = replace(
    LLAMA,
    read=_read_gguf,
    table=partial(_table, names=_GGUF, turned=False),
    prefix="",
    twins=lambda model: {},
)
"""The same in a GGUF file, whose queries and keys pair neighbours as ours do."""
