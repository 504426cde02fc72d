"""PatchTST that forecasts: a body under its prefix, and the head that says what comes.

A head with a distribution has a map for each of its parameters. What is left out: attention from
channel to channel, and heads of their own for channels, which their library cannot run for more
than one. Sines and cosines are stored as they were computed, and read as they are.

Source
    Nie et al. (2023), "A Time Series is Worth 64 Words: Long-term Forecasting with Transformers".
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from txlite.interop._family import ACTIVATIONS, Checkpoint, Family, require, their_activation
from txlite.interop._fields import Fields
from txlite.interop._names import Change, Weight, linear
from txlite.models import Forecaster, ForecasterConfig
from txlite.nn.instance_norm import usual_eps

__all__ = ["PATCHTST"]

_WORD = "PatchTSTForPrediction"
_PLACES: dict[str, Any] = {"sincos": "sinusoidal", "random": "learned"}
_POOLING = {"mean": "mean", "max": "max", None: "flatten"}
_HEADS = ("student_t", "normal")
_DROPOUTS: dict[str, str] = {
    "attention_dropout": "attention_dropout",
    "positional_dropout": "embedding_dropout",
    "path_dropout": "dropout",
    "ff_dropout": "ff_dropout",
    "head_dropout": "head_dropout",
}
"""Their names of what is dropped, and ours."""
_OF_OTHERS = (
    "do_mask_input", "mask_type", "random_mask_ratio", "num_forecast_mask_patches",
    "channel_consistent_masking", "unmasked_channel_indices", "mask_value", "num_targets",
    "output_range", "num_parallel_samples",
)  # fmt: skip
"""Fields of pretraining, of heads that do not forecast, and of sampling."""
_THRICE = Change(
    lambda x: x[0, 0, 0], lambda x: x[None, None, None], lambda shape: (1, 1, 1, *shape)
)
_MAPS = {"q": "query", "k": "key", "v": "value", "out": "output"}


def _or_null(f: Fields, name: str, default: Any) -> Any:
    """Return a field in which a null is a choice."""
    f.asked.add(name)
    return f.content.get(name, default)


def _scaling(f: Fields) -> dict[str, Any]:
    """Read how a window is scaled."""
    said = _or_null(f, "scaling", "std")
    if not (said is None or isinstance(said, bool) or said in ("std", "mean")):
        raise f.refuse("scaling", "std, mean, true, false or null", said)
    f.only("scaling_dim", 1)
    f.only("keepdim", True)
    f.only("default_scale")
    scaling = "mean" if said is True else said or "none"
    return {
        "scaling": scaling,
        "scale_eps": f.number("minimum_scale", usual_eps(scaling)),
        "gaps": "zero",
    }


def _head(f: Fields) -> dict[str, Any]:
    """Read what the head reads, and what it says."""
    loss = _or_null(f, "loss", "mse")
    if loss not in ("mse", "nll", None):
        raise f.refuse("loss", "mse, nll or null", loss)
    kind = f.choice("distribution_output", dict(zip(_HEADS, _HEADS, strict=True)), "student_t")
    pooling = _or_null(f, "pooling_type", "mean")
    if not (pooling is None or (isinstance(pooling, str) and pooling in _POOLING)):
        raise f.refuse("pooling_type", "mean, max or null", pooling)
    token = f.flag("use_cls_token", False)
    f.only("share_projection", True)
    return {
        "head": "point" if loss == "mse" else kind,
        "pooling": "class" if token else _POOLING[pooling],
    }


def _read(checkpoint: Checkpoint) -> Callable[[], Forecaster]:
    f = checkpoint.fields
    f.none_of(["channel_attention"])
    for name in _OF_OTHERS:
        f.get(name, None)
    own = not f.flag("share_embedding", True)
    norm = f.choice("norm_type", {"batchnorm": True, "layernorm": False}, "batchnorm")
    rest: dict[str, Any] = {**_scaling(f), **_head(f)}
    rest |= {mine: f.number(theirs, 0.0) for theirs, mine in _DROPOUTS.items()}
    config = ForecasterConfig(
        context_length=f.whole("context_length", 32),
        horizon=f.size("prediction_length", 24),
        patch_length=f.size("patch_length", 1),
        stride=f.whole("patch_stride", 1),
        repeat_last=False,
        d_model=f.size("d_model", 128),
        num_heads=f.size("num_attention_heads", 4),
        d_ff=f.size("ffn_dim", 512),
        num_layers=f.layers("num_hidden_layers", 3),
        norm_first=f.flag("pre_norm", True),
        batch_norm=norm,
        norm_eps=f.number("norm_eps", 1e-5),
        activation=f.choice("activation_function", ACTIVATIONS, "gelu"),
        ff_bias=f.flag("bias", True),
        positions=f.choice("positional_encoding_type", _PLACES, "sincos"),
        num_channels=(f.layers if own else f.size)("num_input_channels", 1),
        channel_maps=own,
        init_std=f.number("init_std", 0.02),
        **rest,
    )
    return partial(Forecaster, config)


def _write(model: Forecaster) -> dict[str, Any]:
    c = model.config
    require(
        c, _WORD, repeat_last=False, bias=True, num_kv_heads=None, head_dim=None,
        positions=tuple(_PLACES.values()), scaling=("std", "mean", "none"), gaps="zero",
        channel_scales=False, head=("point", *_HEADS),
    )  # fmt: skip
    if not c.batch_norm:
        require(c, _WORD, norm="layer")
    pooling = {ours: theirs for theirs, ours in _POOLING.items()}
    eps = {} if c.scale_eps == usual_eps(c.scaling) else {"minimum_scale": c.scale_eps}
    return {
        "architectures": [_WORD],
        "context_length": c.context_length,
        "prediction_length": c.horizon,
        "patch_length": c.patch_length,
        "patch_stride": c.stride,
        "d_model": c.d_model,
        "num_attention_heads": c.num_heads,
        "ffn_dim": c.d_ff,
        "num_hidden_layers": c.num_layers,
        **{theirs: getattr(c, mine) for theirs, mine in _DROPOUTS.items()},
        "pre_norm": c.norm_first,
        "norm_type": "batchnorm" if c.batch_norm else "layernorm",
        "norm_eps": 1e-5 if c.norm_eps is None else c.norm_eps,
        "activation_function": their_activation(c.activation, _WORD),
        "bias": c.ff_bias,
        "positional_encoding_type": {o: t for t, o in _PLACES.items()}[c.positions],
        "num_input_channels": c.num_channels or 1,
        "share_embedding": not c.channel_maps,
        "init_std": c.init_std,
        "scaling": None if c.scaling == "none" else c.scaling,
        **eps,
        "use_cls_token": c.pooling == "class",
        "pooling_type": pooling.get(c.pooling, "mean"),
        "loss": "mse" if c.head == "point" else "nll",
        "distribution_output": "student_t" if c.head == "point" else c.head,
    }


def _table(model: Forecaster) -> list[Weight]:
    c, body = model.config, "model.encoder"
    places = f"{body}.positional_encoder"
    table = [Weight(f"{places}.position_enc", ("positions.added.table.weight",))]
    if model.class_token is not None:
        table.append(Weight(f"{places}.cls_token", ("class_token",), _THRICE))
    for i in range(len(model.patches.maps)):
        number = f".{i}" if c.channel_maps else ""
        table += linear(f"{body}.embedder.input_embedding{number}", f"patches.maps.{i}")
    for i in range(c.num_layers):
        theirs, ours = f"{body}.layers.{i}", f"encoder.layers.{i}"
        for letter, part in _MAPS.items():
            table += linear(f"{theirs}.self_attn.{letter}_proj", f"{ours}.attention.{part}_proj")
        for place, part in ((0, "up_proj"), (3, "down_proj")):
            named = f"{theirs}.ff.{place}", f"{ours}.feed_forward.{part}"
            table += linear(*named, bias=c.ff_bias)
        for place, part in ((1, "attention_norm"), (3, "feed_forward_norm")):
            table += _norm(f"{theirs}.norm_sublayer{place}", f"{ours}.{part}", c.batch_norm)
    for i in range(len(model.head.maps)):
        number = "" if c.head == "point" else f".proj.{i}"
        table += linear(f"head.projection{number}", f"head.maps.{i}")
    return table


def _norm(theirs: str, ours: str, batch: bool) -> list[Weight]:
    """Return the names of a norm; a batch norm's statistics are stored with it."""
    if not batch:
        return linear(theirs, ours)
    kept = {"running_mean": "mean", "running_var": "variance"}
    table = linear(f"{theirs}.batchnorm", ours)
    return table + [Weight(f"{theirs}.batchnorm.{t}", (f"{ours}.{o}",)) for t, o in kept.items()]


PATCHTST = Family(
    model_type="patchtst",
    models=(Forecaster,),
    read=_read,
    write=_write,
    table=_table,
    prefix="model.",
    heads=re.compile(r"head\."),
    ignored=re.compile(r"\.num_batches_tracked$"),
)
"""PatchTST's models."""
