"""Exact attention maps from a model that stays on the fused kernel.

The fused kernel never stores the weights, so they cannot be returned by it. But queries, keys and
mask determine them: a hook on each attention recomputes the map beside the kernel, only while
somebody is recording.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from txlite.inspect._hooks import refuse_compiled
from txlite.nn import Attend, MultiHeadAttention

__all__ = ["record_attention"]


@contextmanager
def record_attention(model: nn.Module) -> Iterator[dict[str, Float[Tensor, "B H T S"]]]:
    """Record the attention map of every multi-head attention that runs inside the ``with`` block.

    The model computes what it always computes, on the kernel that it always uses, and nothing
    remains of the recording afterwards.

    Parameters
    ----------
    model : Module
        A multi-head attention, or anything built from some.

    Yields
    ------
    dict of str to Tensor, shape (B, H, T, S)
        The path of each attention in the model (``"encoder.layers.0.attention"``, and ``""`` for
        a lone module), with the map of its last call, before dropout and without gradients. An
        attention that has not run is missing, and the error for it says which ones have.

    Raises
    ------
    ValueError
        If the model holds no multi-head attention, or is compiled: a compiled program cannot be
        listened to. Record on the model that was compiled, which shares its weights.

    Examples
    --------
    >>> attention = MultiHeadAttention(8, 2)
    >>> with record_attention(attention) as maps:
    ...     _ = attention(torch.randn(1, 5, 8))
    >>> tuple(maps[""].shape)
    (1, 2, 5, 5)
    """
    refuse_compiled(model)
    attentions = {
        path: module
        for path, module in model.named_modules()
        if isinstance(module, MultiHeadAttention)
    }
    if not attentions:
        raise ValueError(
            f"model should hold a txlite.nn.MultiHeadAttention, got a {type(model).__name__} "
            "without any"
        )
    for path, module in attentions.items():
        if not callable(getattr(module.attend, "weights", None)):
            raise ValueError(
                f"model should attend by weights that can be recomputed, got {path!r} with a "
                f"{type(module.attend).__name__} that has no weights(query, key, mask, bias)"
            )
    maps = _Maps()
    handles = [
        module.attend.register_forward_pre_hook(_listener(maps, path))
        for path, module in attentions.items()
    ]
    try:
        yield maps
    finally:
        for handle in handles:
            handle.remove()


class _Maps(dict[str, Tensor]):
    """Maps by path; a path without one says why."""

    def __missing__(self, path: str) -> Tensor:
        raise KeyError(
            f"no map of {path!r}: recorded are {sorted(self)}. A map is there once its attention "
            "has run inside the with block, uncompiled"
        )


def _listener(maps: dict[str, Tensor], path: str) -> Any:
    """A hook that writes the map of one attention under its path."""

    @torch.no_grad()
    def listen(module: Attend, args: tuple[Any, ...]) -> None:
        query, key, _, mask, bias = args
        maps[path] = module.weights(query, key, mask, bias)

    return listen
