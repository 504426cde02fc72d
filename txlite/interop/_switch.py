"""Switch: T5's names, and a router with experts where every so many layers have them.

Which layers those are is said twice, by their number and by a step, and the step wins: of 8 layers
with 3 sparse ones every second is sparse, so 4. A configuration may say of padding that a router
ignores it; version 5 of the `transformers` library stores the word and does not. It is read as it
is written: by default padding takes places. No published model has an output of its own; that
library would give one three embeddings, of which ours is read where they are equal, and none is
written.

Source
    Fedus et al. (2022), "Switch Transformers", section 2.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from txlite.interop._family import ACTIVATIONS, Checkpoint, Family, require, their_activation
from txlite.interop._fields import Fields
from txlite.interop._names import Weight, linear
from txlite.interop._t5 import read_sizes, their_blocks, twins, write_sizes
from txlite.models.switch import Switch as Model
from txlite.models.switch import SwitchConfig

__all__ = ["SWITCH"]

_MAPS = {"wi": "up_proj", "wo": "down_proj"}


def _read(checkpoint: Checkpoint) -> Callable[[], Model]:
    f = checkpoint.fields
    f.none_of(["is_decoder", "add_cross_attention", "is_gated_act", "batch_prioritized_routing"])
    f.only("router_type", "tokens_masked")
    f.only("router_dtype", "float32")
    f.only("num_selected_experts", 1)
    word = f.get("dense_act_fn", "relu")
    f.only("feed_forward_proj", word)
    f.flag("add_router_probs", False)  # changes what their library puts out, and no number
    sizes = read_sizes(checkpoint, d_model=768, num_heads=12, num_layers=12)
    config = SwitchConfig(
        **sizes,
        activation=f.choice("dense_act_fn", ACTIVATIONS, "relu"),
        scale_output=f.flag("tie_word_embeddings", True),
        num_experts=f.layers("num_experts", 8),
        sparse_step=_step(f, "encoder", sizes["num_layers"]),
        decoder_sparse_step=_step(f, "decoder", sizes["num_decoder_layers"]),
        expert_capacity=f.whole("expert_capacity", 64),
        jitter=f.number("router_jitter_noise", 0.01),
        router_bias=f.flag("router_bias", False),
        balance_weight=f.number("router_aux_loss_coef", 0.001),
        z_weight=f.number("router_z_loss_coef", 0.001),
        ignore_padding=f.flag("router_ignore_padding_tokens", False),
    )
    return partial(Model, config)


def _step(f: Fields, stack: str, layers: int) -> int:
    """Return every how many layers one has experts; theirs rounds down what it computes."""
    sparse = f.whole(f"num_sparse_{stack}_layers", 3)
    return f.whole(f"{stack}_sparse_step", layers // sparse if sparse else layers)


def _write(model: Model) -> dict[str, Any]:
    c = model.config
    require(
        c, "Switch", norm_first=True, norm="rms", bias=False, num_kv_heads=None,
        attention_dropout=c.dropout, ff_dropout=c.dropout, tied_output=True, scale_output=True,
        top_k=1, capacity_factor=None, group="sequence",
    )  # fmt: skip
    if c.expert_capacity is None:
        raise ValueError("expert_capacity should be a number in a Switch, got None")
    later = c.sparse_step if c.decoder_sparse_step is None else c.decoder_sparse_step
    return {
        "architectures": ["SwitchTransformersForConditionalGeneration"],
        **write_sizes(c),
        "dense_act_fn": their_activation(c.activation, "Switch"),
        "tie_word_embeddings": True,
        "num_experts": c.num_experts,
        "num_sparse_encoder_layers": len(c.sparse_layers("encoder")),
        "num_sparse_decoder_layers": len(c.sparse_layers("decoder")),
        "encoder_sparse_step": c.sparse_step,
        "decoder_sparse_step": later,
        "expert_capacity": c.expert_capacity,
        "router_jitter_noise": c.jitter,
        "router_bias": c.router_bias,
        "router_aux_loss_coef": c.balance_weight,
        "router_z_loss_coef": c.z_weight,
        "router_ignore_padding_tokens": c.ignore_padding,
    }


def _table(model: Model) -> list[Weight]:
    c = model.config

    def dense(theirs: str, ours: str) -> list[Weight]:
        pairs = ((f"{theirs}.{a}", f"{ours}.{b}") for a, b in _MAPS.items())
        return [entry for pair in pairs for entry in linear(*pair, bias=False)]

    def part(stack: str, layer: int, theirs: str, ours: str) -> list[Weight]:
        if layer not in c.sparse_layers(stack):
            return dense(f"{theirs}.mlp", ours)
        router = f"{theirs}.mlp.router.classifier", f"{ours}.router.gate"
        return linear(*router, bias=c.router_bias) + [
            entry
            for i in range(c.num_experts)
            for entry in dense(f"{theirs}.mlp.experts.expert_{i}", f"{ours}.experts.{i}")
        ]

    return their_blocks(model, part)


SWITCH = Family(
    model_type="switch_transformers",
    models=(Model,),
    read=_read,
    write=_write,
    table=_table,
    twins=twins,
)
"""Switch Transformers."""
