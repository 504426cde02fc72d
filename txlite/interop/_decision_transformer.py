"""Decision Transformer: a GPT-2 inside, its linear maps stored as (in, out), and three maps around.

Their code gives every token the place 0 of GPT-2's table, so that its first row is added to all of
them and no other row is ever read; of the table of kinds of tokens nothing is read at all.

Source
    Chen et al. (2021), "Decision Transformer: Reinforcement Learning via Sequence Modeling".
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from txlite.interop._family import ACTIVATIONS, Checkpoint, Family, require, their_activation
from txlite.interop._gpt2 import IGNORED, layers
from txlite.interop._names import Weight, linear
from txlite.models import DecisionTransformer, DecisionTransformerConfig

__all__ = ["DECISION_TRANSFORMER"]

_AROUND = {
    "embed_return": "return_embedding",
    "embed_state": "state_embedding",
    "embed_action": "action_embedding",
    "embed_ln": "embedding_norm",
    "encoder.ln_f": "decoder.norm",
    "predict_action.0": "action_head",
    "predict_state": "state_head",
    "predict_return": "return_head",
}
_TABLES = {
    "embed_timestep.weight": "time_embedding.weight",
    "encoder.wpe.weight": "positions.table",
    "encoder.wte.weight": "positions.kinds",
}


def _read(checkpoint: Checkpoint) -> Callable[[], DecisionTransformer]:
    f = checkpoint.fields
    f.only("scale_attn_weights", True)
    f.none_of(["scale_attn_by_inverse_layer_idx", "add_cross_attention"])
    f.only("reorder_and_upcast_attn", False, True)  # another order of the same arithmetic
    f.only("tie_word_embeddings", False, True)  # there are no words
    f.only("vocab_size", 1)
    width = f.size("hidden_size", 128)
    dropout = f.number("resid_pdrop", 0.1)
    f.only("embd_pdrop", dropout)
    config = DecisionTransformerConfig(
        state_dim=f.size("state_dim", 17),
        action_dim=f.size("act_dim", 4),
        action_tanh=f.flag("action_tanh", True),
        d_model=width,
        num_heads=f.size("n_head", 1),
        d_ff=f.size("n_inner", 4 * width),
        num_layers=f.layers("n_layer", 3),
        max_len=f.size("max_ep_len", 4096),
        num_positions=f.size("n_positions", 1024),
        dropout=dropout,
        attention_dropout=f.number("attn_pdrop", 0.1),
        activation=f.choice("activation_function", ACTIVATIONS, "relu"),
        norm_eps=f.number("layer_norm_epsilon", 1e-5),
        init_std=f.number("initializer_range", 0.02),
    )
    return partial(DecisionTransformer, config)


def _write(model: DecisionTransformer) -> dict[str, Any]:
    c, name = model.config, "published Decision Transformer"
    require(
        c, name, norm_first=True, norm="layer", bias=True, num_kv_heads=None, head_dim=None,
        ff_dropout=0.0, discrete_actions=False,
    )  # fmt: skip
    if c.num_positions is None:
        raise ValueError(f"num_positions should be a number of rows in a {name}, got None")
    return {
        "architectures": ["DecisionTransformerModel"],
        "state_dim": c.state_dim,
        "act_dim": c.action_dim,
        "action_tanh": c.action_tanh,
        "hidden_size": c.d_model,
        "n_head": c.num_heads,
        "n_inner": c.d_ff,
        "n_layer": c.num_layers,
        "max_ep_len": c.max_len,
        "n_positions": c.num_positions,
        "vocab_size": 1,
        "resid_pdrop": c.dropout,
        "embd_pdrop": c.dropout,
        "attn_pdrop": c.attention_dropout,
        "activation_function": their_activation(c.activation, name),
        "layer_norm_epsilon": 1e-5 if c.norm_eps is None else c.norm_eps,
        "initializer_range": c.init_std,
    }


def _table(model: DecisionTransformer) -> list[Weight]:
    table = [Weight(theirs, (ours,)) for theirs, ours in _TABLES.items()]
    for theirs, ours in _AROUND.items():
        table += linear(theirs, ours)
    return table + layers("encoder.h.{}", model.config.num_layers)


DECISION_TRANSFORMER = Family(
    model_type="decision_transformer",
    models=(DecisionTransformer,),
    read=_read,
    write=_write,
    table=_table,
    ignored=IGNORED,
)
"""Decision Transformers."""
