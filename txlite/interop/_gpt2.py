"""GPT-2: linear maps stored as (in, out), queries, keys and values in one of them.

Source
    Radford et al. (2019), "Language Models are Unsupervised Multitask Learners", section 2.3.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from txlite.interop._family import ACTIVATIONS, Checkpoint, Family, require, their_activation
from txlite.interop._names import TRANSPOSED, Weight, linear
from txlite.models.gpt import GPT, GPTConfig

__all__ = ["GPT2", "IGNORED", "layers"]

IGNORED = re.compile(r"\.attn\.(bias|masked_bias)$")
"""Masks that old files store."""
_HEAD, _EMBEDDING = "lm_head.weight", "transformer.wte.weight"


def _read(checkpoint: Checkpoint) -> Callable[[], GPT]:
    f = checkpoint.fields
    f.only("scale_attn_weights", True)
    f.none_of(["scale_attn_by_inverse_layer_idx", "add_cross_attention", "is_decoder"])
    f.only("reorder_and_upcast_attn", False, True)  # another order of the same arithmetic
    width, longest = f.size("n_embd", 768), f.size("n_positions", 1024)
    f.only("n_ctx", longest)
    dropout = f.number("resid_pdrop", 0.1)
    f.only("embd_pdrop", dropout)
    config = GPTConfig(
        vocab_size=f.size("vocab_size", 50257),
        d_model=width,
        num_heads=f.size("n_head", 12),
        d_ff=f.size("n_inner", 4 * width),
        num_layers=f.layers("n_layer", 12),
        max_len=longest,
        dropout=dropout,
        attention_dropout=f.number("attn_pdrop", 0.1),
        activation=f.choice("activation_function", ACTIVATIONS, "gelu_new"),
        norm_eps=f.number("layer_norm_epsilon", 1e-5),
        tied_output=f.flag("tie_word_embeddings", True),
        init_std=f.number("initializer_range", 0.02),
    )
    return partial(GPT, config)


def _write(model: GPT) -> dict[str, Any]:
    c = model.config
    require(
        c, "GPT-2", norm_first=True, final_norm=(None, True), norm="layer", positions="learned",
        bias=True, num_kv_heads=None, head_dim=None, ff_dropout=0.0,
    )  # fmt: skip
    return {
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": c.vocab_size,
        "n_embd": c.d_model,
        "n_head": c.num_heads,
        "n_inner": c.d_ff,
        "n_layer": c.num_layers,
        "n_positions": c.max_len,
        "resid_pdrop": c.dropout,
        "embd_pdrop": c.dropout,
        "attn_pdrop": c.attention_dropout,
        "activation_function": their_activation(c.activation, "GPT-2"),
        "layer_norm_epsilon": 1e-5 if c.norm_eps is None else c.norm_eps,
        "tie_word_embeddings": c.tied_output,
        "initializer_range": c.init_std,
        "bos_token_id": None,
        "eos_token_id": None,
    }


def layers(named: str, count: int) -> list[Weight]:
    """Return the names of a stack's layers.

    Parameters
    ----------
    named : str
        What stands before a layer's parts in their names, with ``{}`` for its number.
    count : int
        How many layers there are.

    Returns
    -------
    list of Weight
        The entries.
    """
    table = []
    for i in range(count):
        theirs, ours = named.format(i), f"decoder.layers.{i}"
        table += linear(f"{theirs}.ln_1", f"{ours}.attention_norm")
        parts = [f"{ours}.attention.{part}_proj" for part in ("query", "key", "value")]
        for kind, change in (("weight", TRANSPOSED), ("bias", None)):
            own = tuple(f"{part}.{kind}" for part in parts)
            table.append(Weight(f"{theirs}.attn.c_attn.{kind}", own, *filter(None, [change])))
        for name, part in (
            ("attn.c_proj", "attention.output_proj"),
            ("mlp.c_fc", "feed_forward.up_proj"),
            ("mlp.c_proj", "feed_forward.down_proj"),
        ):
            table += linear(f"{theirs}.{name}", f"{ours}.{part}", weight=TRANSPOSED)
        table += linear(f"{theirs}.ln_2", f"{ours}.feed_forward_norm")
    return table


def _table(model: GPT) -> list[Weight]:
    c = model.config
    table = [
        Weight(_EMBEDDING, ("embedding.weight",)),
        Weight("transformer.wpe.weight", ("positions.added.table.weight",)),
    ]
    table += layers("transformer.h.{}", c.num_layers)
    table += linear("transformer.ln_f", "decoder.norm")
    return table if c.tied_output else [*table, Weight(_HEAD, ("output.weight",))]


def _twins(model: GPT) -> Mapping[str, str]:
    return {_HEAD: _EMBEDDING} if model.config.tied_output else {}


GPT2 = Family(
    model_type="gpt2",
    models=(GPT,),
    read=_read,
    write=_write,
    table=_table,
    prefix="transformer.",
    heads=re.compile(r"lm_head\."),
    twins=_twins,
    ignored=IGNORED,
)
"""GPT-2's models."""
