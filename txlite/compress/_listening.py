"""Hear what stands inside a model while it runs: states and attention maps, with their gradients.

:func:`txlite.inspect.record_attention` keeps maps to be looked at. A student is to learn from them,
so here they stay a part of the computation.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor, nn

from txlite.compress._attentions import attentions
from txlite.inspect._hooks import refuse_compiled
from txlite.nn import Attend, MultiHeadAttention, Stack
from txlite.nn._kernels import visible
from txlite.nn.masks._rules import as_rule

__all__ = ["Heard", "Maps", "listening", "stack_of"]

Maps = Literal["scores", "weights"]


@dataclass
class Heard:
    """What a run has said.

    Attributes
    ----------
    states : list of Tensor, shapes (B, T, D)
        What enters the first layer, then what each layer hands on.
    maps : list of Tensor, shapes (B, H, T, S)
        Of each layer's attention.
    seen : list of Tensor or None
        Which keys each query may see, as a table that broadcasts to a map; None for all.
    """

    states: list[Tensor] = field(default_factory=list)
    maps: list[Tensor] = field(default_factory=list)
    seen: list[Tensor | None] = field(default_factory=list)


def stack_of(name: str, model: nn.Module) -> Stack:
    """Return the one stack of layers that a model has.

    Raises
    ------
    ValueError
        If it has none or several, or is compiled: its layers are not called one by one then.
    """
    refuse_compiled(model)
    stacks = [module for module in model.modules() if isinstance(module, Stack)]
    if len(stacks) != 1:
        raise ValueError(
            f"{name} should hold one txlite.nn.Stack, whose layers are compared, got a "
            f"{type(model).__name__} with {len(stacks)}"
        )
    return stacks[0]


@contextmanager
def listening(stack: Stack, maps: Maps | None) -> Iterator[Heard]:
    """Hear the states of a stack's layers, and their maps if they are wanted, inside the block."""
    heard = Heard()

    def enters(module: nn.Module, given: tuple[Any, ...]) -> None:
        if not heard.states:
            heard.states.append(given[0])

    def leaves(module: nn.Module, given: tuple[Any, ...], out: Tensor) -> None:
        heard.states.append(out)

    layers = list(dict.fromkeys(stack.layers))  # ALBERT's one layer stands in many places
    handles = [layers[0].register_forward_pre_hook(enters)]
    handles += [layer.register_forward_hook(leaves) for layer in layers]
    try:
        for layer in layers if maps is not None else ():
            hears = _Scores(heard) if maps == "scores" else _Weights(heard)
            handles.append(_attend_of(layer).register_forward_pre_hook(hears))
        yield heard
    finally:
        for handle in handles:
            handle.remove()


def _attend_of(layer: nn.Module) -> Attend:
    """Return what attends in a layer that has one attention."""
    found: list[MultiHeadAttention] = list(attentions(layer).values())
    if len(found) != 1 or not isinstance(found[0].attend, Attend):
        raise ValueError(
            "attention should be 0 for layers that have not one attention with a txlite.nn.Attend,"
            f" got {len(found)} with {[type(a.attend).__name__ for a in found]}"
        )
    return found[0].attend


class _Scores:
    """A hook that keeps the scores before the softmax; those that nobody may see are zero."""

    def __init__(self, heard: Heard) -> None:
        self.heard = heard

    def __call__(self, attend: Attend, given: tuple[Any, ...]) -> None:
        query, key, _, mask, bias = given
        key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
        scale = query.shape[-1] ** -0.5 if attend.scale is None else attend.scale
        scores = query @ key.mT * scale
        seen = visible(as_rule(mask), bias, query, key.shape[-2])
        if bias is not None:
            scores = scores + bias
        self.heard.maps.append(scores if seen is None else scores.masked_fill(~seen, 0.0))
        self.heard.seen.append(seen)


class _Weights:
    """A hook that keeps the weights after the softmax."""

    def __init__(self, heard: Heard) -> None:
        self.heard = heard

    def __call__(self, attend: Attend, given: tuple[Any, ...]) -> None:
        query, key, _, mask, bias = given
        self.heard.maps.append(attend.weights(query, key, mask, bias))
        self.heard.seen.append(visible(as_rule(mask), bias, query, key.shape[-2]))
