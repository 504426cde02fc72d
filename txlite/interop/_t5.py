"""T5: relative biases in the first layer's name, and two rules for the scores in one configuration.

The first version ties the output to the embedding and divides by √D before it; version 1.1 does
neither, and its configuration said so by ``tie_word_embeddings: false``. Version 5 of the
`transformers` library writes true there in any case, and ``scale_decoder_outputs`` beside it. What
holds for all: an output of its own is one that is stored; and the division follows
``scale_decoder_outputs`` where it is written, else ``tie_word_embeddings``.

Source
    Raffel et al. (2020), "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
    Transformer", section 2.1.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from txlite.interop._family import Checkpoint, Family, require
from txlite.interop._fields import Fields
from txlite.interop._names import Weight, linear
from txlite.models.t5 import T5 as Model
from txlite.models.t5 import T5Config
from txlite.nn.feedforward import GATES, Activation

__all__ = ["T5", "read_sizes", "their_blocks", "twins", "write_sizes"]

_WORDS: dict[str, Activation] = {
    "relu": "relu", "gelu": "gelu", "gelu_new": "gelu_tanh", "silu": "silu", "swish": "silu",
    "gated-relu": "reglu", "gated-gelu": "geglu_tanh", "gated-gelu_new": "geglu_tanh",
    "gated-silu": "swiglu", "gated-swish": "swiglu",
}  # fmt: skip
_SHARED, _HEAD = "shared.weight", "lm_head.weight"
_FARTHEST = 1 << 20  # positions
Parts = Callable[[str, int, str, str], list[Weight]]  # of a stack's layer: theirs, ours


def _read(checkpoint: Checkpoint) -> Callable[[], Model]:
    f = checkpoint.fields
    f.none_of(["is_decoder", "is_encoder_only"])
    sizes = read_sizes(checkpoint, d_model=512, num_heads=8, num_layers=6)
    scaled = f.flag("scale_decoder_outputs", f.flag("tie_word_embeddings", True))
    return partial(Model, T5Config(**sizes, activation=_activation(f), scale_output=scaled))


def read_sizes(checkpoint: Checkpoint, **absent: int) -> dict[str, Any]:
    """Return what the configurations of T5 and of Switch say alike, and ``absent`` fields' values.

    An output of its own is one that is stored, and not told to be the embedding's.
    """
    f = checkpoint.fields
    dropout = f.number("dropout_rate", 0.1)
    count = f.layers("num_layers", absent["num_layers"])
    tie, stored = f.flag("tie_word_embeddings", True), _HEAD in checkpoint.tensors
    return {
        "vocab_size": f.size("vocab_size", 32128),
        "d_model": f.size("d_model", absent["d_model"]),
        "num_heads": f.size("num_heads", absent["num_heads"]),
        "head_dim": f.size("d_kv", 64),
        "d_ff": f.size("d_ff", 2048),
        "num_layers": count,
        "num_decoder_layers": f.layers("num_decoder_layers", count),
        "num_buckets": f.size("relative_attention_num_buckets", 32),
        "max_distance": f.whole("relative_attention_max_distance", 128, most=_FARTHEST),
        "max_len": f.whole("n_positions", 512),
        "dropout": dropout,
        "attention_dropout": dropout,
        "ff_dropout": dropout,
        "norm_eps": f.number("layer_norm_epsilon", 1e-6),
        "tied_output": not stored or (tie and checkpoint.equal(_HEAD, _SHARED)),
    }


def _activation(f: Fields) -> Activation:
    """Read what lies between two linear maps; two more fields repeat it."""
    ours = f.choice("feed_forward_proj", _WORDS, "relu")
    f.only("is_gated_act", ours in GATES)
    word = f.get("feed_forward_proj", "relu").removeprefix("gated-")
    f.only("dense_act_fn", "gelu_new" if ours == "geglu_tanh" else word)
    return ours


def _write(model: Model) -> dict[str, Any]:
    c = model.config
    words = {ours: theirs for theirs, ours in reversed(_WORDS.items())}
    require(
        c, "T5", norm_first=True, norm="rms", bias=False, num_kv_heads=None,
        attention_dropout=c.dropout, ff_dropout=c.dropout, activation=tuple(words),
    )  # fmt: skip
    return {
        "architectures": ["T5ForConditionalGeneration"],
        **write_sizes(c),
        "feed_forward_proj": words[c.activation],
        "tie_word_embeddings": c.tied_output or c.scale_output,  # false: as version 1.1 says it
        "scale_decoder_outputs": c.scale_output,
    }


def write_sizes(c: T5Config) -> dict[str, Any]:
    """Return the fields that configurations of T5 and of Switch have alike."""
    return {
        "vocab_size": c.vocab_size,
        "d_model": c.d_model,
        "num_heads": c.num_heads,
        "d_kv": c.head_dim or c.d_model // c.num_heads,
        "d_ff": c.d_ff,
        "num_layers": c.num_layers,
        "num_decoder_layers": c.num_decoder_layers or c.num_layers,
        "relative_attention_num_buckets": c.num_buckets,
        "relative_attention_max_distance": c.max_distance,
        "n_positions": c.max_len,
        "dropout_rate": c.dropout,
        "layer_norm_epsilon": 1e-6 if c.norm_eps is None else c.norm_eps,
        "is_encoder_decoder": True,
    }


def their_blocks(model: Any, parts: Parts) -> list[Weight]:
    """Return the entries of everything but the scores; ``parts`` names what is between two norms.

    A Switch has the same names, but for what stands there.
    """
    c = model.config
    table = [Weight(_SHARED, ("embedding.weight",))]
    counts = {"encoder": c.num_layers, "decoder": c.num_decoder_layers or c.num_layers}
    for stack, count in counts.items():
        bias = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        table.append(Weight(bias, (f"{stack}_positions.biased.table.weight",)))
        attentions = {"attention": "SelfAttention"}
        if stack == "decoder":
            attentions["cross_attention"] = "EncDecAttention"
        for i in range(count):
            theirs, ours = f"{stack}.block.{i}.layer", f"{stack}.layers.{i}"
            for j, (mine, name) in enumerate(attentions.items()):
                for letter, part in zip("qkvo", ("query", "key", "value", "output"), strict=True):
                    named = f"{theirs}.{j}.{name}.{letter}", f"{ours}.{mine}.{part}_proj"
                    table += linear(*named, bias=False)
                table += linear(f"{theirs}.{j}.layer_norm", f"{ours}.{mine}_norm", bias=False)
            last = f"{theirs}.{len(attentions)}"
            table += parts(stack, i, last, f"{ours}.feed_forward")
            table += linear(f"{last}.layer_norm", f"{ours}.feed_forward_norm", bias=False)
        table += linear(f"{stack}.final_layer_norm", f"{stack}.norm", bias=False)
    return table if c.tied_output else [*table, Weight(_HEAD, ("output.weight",))]


def _table(model: Model) -> list[Weight]:
    gated = {"wi_0": "gate_proj", "wi_1": "up_proj"}
    maps = {**(gated if model.config.activation in GATES else {"wi": "up_proj"}), "wo": "down_proj"}

    def dense(stack: str, layer: int, theirs: str, ours: str) -> list[Weight]:
        named = ((f"{theirs}.DenseReluDense.{a}", f"{ours}.{b}") for a, b in maps.items())
        return [entry for pair in named for entry in linear(*pair, bias=False)]

    return their_blocks(model, dense)


def twins(model: Any) -> Mapping[str, str]:
    """Return the names under which the embedding is stored again."""
    names = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"]
    return dict.fromkeys([*names, *([_HEAD] * model.config.tied_output)], _SHARED)


T5 = Family(
    model_type="t5",
    models=(Model,),
    read=_read,
    write=_write,
    table=_table,
    twins=twins,
    # stored by the first version's converter, and never used
    ignored=re.compile(r"layer\.1\.EncDecAttention\.relative_attention_bias\.weight$"),
)
"""T5's models."""
