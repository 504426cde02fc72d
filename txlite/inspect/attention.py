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
        a lone module), with the map of its last call, before dropout and without gradients. One
        that stands in several places, as ALBERT's, has a map for each, in the order of its calls.
        An attention that has not run is missing, and the error for it says which ones have.

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
    attentions: dict[MultiHeadAttention, list[str]] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        if isinstance(module, MultiHeadAttention):
            attentions.setdefault(module, []).append(path)
    if not attentions:
        raise ValueError(
            f"model should hold a txlite.nn.MultiHeadAttention, got a {type(model).__name__} "
            "without any"
        )
    for module, paths in attentions.items():
        if not callable(getattr(module.attend, "weights", None)):
            raise ValueError(
                f"model should attend by weights that can be recomputed, got {paths[0]!r} with a "
                f"{type(module.attend).__name__} that has no weights(query, key, mask, bias)"
            )
    maps = _Maps()
    listeners = [_Listener(maps, paths) for paths in attentions.values()]

    def begin(*_: Any) -> None:
        for listener in listeners:
            listener.calls = 0

    handles = [model.register_forward_pre_hook(begin)] + [
        module.attend.register_forward_pre_hook(listener)
        for module, listener in zip(attentions, listeners, strict=True)
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


class _Listener:
    """A hook that writes the maps of one attention under its paths, one after the other."""

    def __init__(self, maps: dict[str, Tensor], paths: list[str]) -> None:
        self.maps, self.paths, self.calls = maps, paths, 0

    @torch.no_grad()
    def __call__(self, module: Attend, args: tuple[Any, ...]) -> None:
        query, key, _, mask, bias = args
        path = self.paths[self.calls % len(self.paths)]
        self.maps[path] = module.weights(query, key, mask, bias)
        self.calls += 1
