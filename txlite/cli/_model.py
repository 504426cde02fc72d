"""The rows of ``txlite info`` that describe a model, whatever its family."""

from typing import Any

from torch import nn

__all__ = ["model_rows"]


def model_rows(model: nn.Module) -> dict[str, str]:
    """Say how large a model is, and what it chose.

    Parameters
    ----------
    model : Module
        One of :mod:`txlite.models`, with a ``config``; it may be on ``meta``.

    Returns
    -------
    dict of str to str
        What is said, and its value.
    """
    config: Any = model.config
    layers = str(config.num_layers)
    if hasattr(config, "num_decoder_layers"):
        layers += f" + {config.num_decoder_layers or config.num_layers}"
    heads = str(config.num_heads)
    if config.num_kv_heads not in (None, config.num_heads):
        heads += f", sharing {config.num_kv_heads} of keys and values"
    rows = {
        "layers": f"{layers}, {'pre' if config.norm_first else 'post'}-norm",
        "width": f"{config.d_model}, feed-forward {config.d_ff}",
        "heads": heads,
    }
    if hasattr(config, "positions"):
        rows["positions"] = config.positions
    parts = {f"parameters in {name}": _count(part) for name, part in model.named_children()}
    return rows | parts | {"parameters": _count(model)}


def _count(module: nn.Module) -> str:
    return f"{sum(p.numel() for p in module.parameters()):,}"
