"""The rows of ``txlite info`` that say what a model costs: memory, and arithmetic for a token."""

from typing import Any

from torch import nn

from txlite.counting import (
    ParameterCount,
    active_parameters,
    kv_cache_bytes,
    predict_activations,
    predict_flops,
    state_memory,
    weight_bytes,
)

__all__ = ["cost_rows", "group_rows"]


def group_rows(count: ParameterCount) -> dict[str, str]:
    """Say how many parameters there are, and what for."""
    rows = {"parameters": f"{count.total:,}"}
    for name, number in count.groups.items():
        rows[f"… {name.replace('_', '-')}"] = f"{number:,}, {number / count.total:.1%}"
    return rows


def cost_rows(config: Any, total: int, kind: type[nn.Module] | None = None) -> dict[str, str]:
    """Say what a model needs to be used and to be trained, as far as there is a formula.

    Parameters
    ----------
    config : config of :mod:`txlite.models`
        Sizes and choices.
    total : int
        Its parameters.
    kind : type, optional
        Which of its models.

    Returns
    -------
    dict of str to str
        What is said, and its value.
    """
    rows = {}
    if hasattr(config, "num_experts"):
        rows["… that a token passes"] = f"{active_parameters(config):,}"
    full, half = (_size(weight_bytes(total, bits=bits)) for bits in (32, 16))
    rows["memory to use it"] = f"{full} in float32, {half} in 16 bits"
    cache = _known(kv_cache_bytes, config, length=1)
    if cache is not None:
        rows["memory of a token in the cache"] = f"{_size(cache)} in 16 bits"
    state = _size(state_memory(total).state)
    rows["memory to train it"] = f"{state} with Adam, in float32 or mixed precision"
    length: Any = getattr(config, "max_len", None)
    if length is not None and getattr(config, "sliding_window", None) is not None:
        length = min(length, config.sliding_window)
    kept = _known(predict_activations, config, batch=1, length=length)
    if kept is not None:
        rows[f"… and for each text of {length:,} tokens"] = f"{_size(kept)} of activations"
    cost = _known(predict_flops, config, kind=kind)
    if cost is not None:
        if hasattr(config, "image_size"):
            one, number, told = "a picture", 1, ""
        elif hasattr(config, "num_decoder_layers"):
            one, number, told = "a token of each side", length, f", in texts of {length:,}"
        else:
            one, number, told = "a token", length, f", in texts of {length:,}"
        forward, step = (_amount(flops / number) for flops in (cost.forward, cost.total))
        rows[f"arithmetic for {one}"] = f"{forward} forward, {step} in training{told}"
    return rows


def _known(formula: Any, config: Any, **sizes: Any) -> Any:
    """Return what a formula says, or None of a family that it does not know."""
    try:
        return formula(config, **sizes)
    except ValueError:
        return None


def _size(count: float) -> str:
    """Return bytes as one says them, in powers of ten."""
    return _scaled(count, ("bytes", "kB", "MB", "GB", "TB", "PB"))


def _amount(flops: float) -> str:
    return _scaled(flops, ("FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP"))


def _scaled(number: float, units: tuple[str, ...]) -> str:
    power = 0
    while number >= 999.5 and power < len(units) - 1:
        number, power = number / 1000, power + 1
    return f"{number:.3g} {units[power]}"
