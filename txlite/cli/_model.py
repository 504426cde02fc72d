"""The rows of ``txlite info`` that describe a model, whatever its family."""

from typing import Any

from torch import nn

from txlite.cli._cost import cost_rows, group_rows
from txlite.counting import build_on_meta, count_parameters

__all__ = ["model_rows", "preset_rows"]

MANY = 8  # experts; a model with more is counted and not built


def model_rows(model: nn.Module) -> dict[str, str]:
    """Say how large a model is, what it chose, and what it costs.

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
    parts = {f"parameters in {name}": _count(part) for name, part in model.named_children()}
    counted = count_parameters(model)
    rows = _choices(config) | parts | group_rows(counted)
    return rows | cost_rows(config, counted.total, type(model))


def preset_rows(config: Any, kind: type[nn.Module] | None = None) -> dict[str, str]:
    """Say the same of sizes that nobody has trained here.

    Parameters
    ----------
    config : config of :mod:`txlite.models`
        The sizes.
    kind : type, optional
        Which of its models; the default is the body.

    Returns
    -------
    dict of str to str
        What is said, and its value.
    """
    if getattr(config, "num_experts", 0) <= MANY:
        return model_rows(build_on_meta(config, kind=kind))
    counted = count_parameters(config, kind=kind)
    return _choices(config) | group_rows(counted) | cost_rows(config, counted.total, kind)


def _choices(config: Any) -> dict[str, str]:
    """Say what a config chose."""
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
    if hasattr(config, "num_experts"):
        rows["experts"] = f"{config.num_experts}, of which a token passes {config.top_k}"
    if hasattr(config, "positions"):
        rows["positions"] = config.positions
    return rows


def _count(module: nn.Module) -> str:
    return f"{sum(p.numel() for p in module.parameters()):,}"
