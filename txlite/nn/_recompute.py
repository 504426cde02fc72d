"""The backward pass of reversible layers: each layer's input and gradient from its output's.

A layer is told by two functions: what its attention adds to the first stream, given the second,
and what its feed-forward layer then adds to the second, given the first.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.utils import _pytree as pytree

from txlite.nn._decided import deciding

__all__ = ["recomputed"]


def recomputed(layers: Sequence[nn.Module], x: Tensor, given: tuple[Any, ...]) -> Any:
    """Run reversible layers on two streams that are both ``x``, and keep their end only.

    Parameters
    ----------
    layers : sequence of Module
        Each has ``_attend(x, mask, positions)`` and ``_think(x, mask)``.
    x : Tensor, shape (B, T, D)
        Where both streams begin.
    given : tuple
        The mask and the positions. Their tensors have gradients, too.

    Returns
    -------
    first, second : Tensor, shape (B, T, D)
        The streams after the last layer.
    """
    inside = [t for t in pytree.tree_leaves(given) if isinstance(t, Tensor) and t.requires_grad]
    leaves = {id(t): t for t in inside}
    for layer in layers:
        leaves |= {id(p): p for p in layer.parameters() if p.requires_grad}
    program = _Program(layers, given, list(leaves), len(inside))
    run: Any = _Reversible.apply
    return run(program, x, x, *leaves.values())


class _Part:
    """One branch of a layer as it ran first: the random numbers before it, and its decisions."""

    def __init__(
        self, run: Callable[[Tensor], Tensor], leaves: list[int], device: torch.device
    ) -> None:
        self.run, self.leaves, self.device = run, leaves, device
        self.kept: list[Tensor] = []
        self.state = torch.get_rng_state()
        self.on_device = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def first(self, x: Tensor) -> Tensor:
        """Run, and keep what is decided."""
        with deciding(self.kept, again=False):
            return self.run(x)

    def again(self, x: Tensor) -> Tensor:
        """Run with the same random numbers and the same decisions."""
        devices = [] if self.on_device is None else [self.device]
        with torch.random.fork_rng(devices=devices), deciding(self.kept, again=True):
            torch.set_rng_state(self.state)
            if self.on_device is not None:
                torch.cuda.set_rng_state(self.on_device, self.device)
            return self.run(x)


class _Program:
    """Layers as pairs of branches, and the autocast under which they ran."""

    def __init__(
        self, layers: Sequence[nn.Module], given: tuple[Any, ...], ids: list[int], shared: int
    ) -> None:
        self.layers: Sequence[Any] = layers
        self.given, self.shared = given, shared
        self.places = {number: i for i, number in enumerate(ids)}
        self.parts: list[tuple[_Part, _Part]] = []
        self.cast: dict[str, Any] | None = None  # a device of shapes alone has none

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Run all layers."""
        device, (mask, positions) = first.device, self.given
        kind = device.type
        if torch.amp.is_autocast_available(kind):
            self.cast = {
                "device_type": kind,
                "enabled": torch.is_autocast_enabled(kind),
                "dtype": torch.get_autocast_dtype(kind),
                "cache_enabled": torch.is_autocast_cache_enabled(),
            }
        for layer in self.layers:
            used = [self.places[id(p)] for p in layer.parameters() if p.requires_grad]
            leaves = [*range(self.shared), *used]
            attend = _Part(partial(layer._attend, mask=mask, positions=positions), leaves, device)
            first = first + attend.first(second)
            think = _Part(partial(layer._think, mask=mask), leaves, device)
            second = second + think.first(first)
            self.parts.append((attend, think))
        return first, second

    @contextmanager
    def learning(self) -> Iterator[None]:
        """Compute as in the forward pass, with gradients."""
        cast = nullcontext() if self.cast is None else torch.autocast(**self.cast)
        with torch.enable_grad(), cast:
            yield


class _Reversible(torch.autograd.Function):
    """All layers as one function, which saves what comes out of it and nothing from within."""

    @staticmethod
    def forward(
        ctx: Any, program: _Program, first: Tensor, second: Tensor, *leaves: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Run the layers without a graph."""
        first, second = program.forward(first, second)
        ctx.program, ctx.leaves = program, leaves
        ctx.save_for_backward(first, second)
        return first, second

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_first: Tensor, grad_second: Tensor) -> tuple[Tensor | None, ...]:
        """Walk the layers back, each from its output."""
        (first, second), leaves = ctx.saved_tensors, ctx.leaves
        totals: list[Tensor | None] = [None] * len(leaves)

        def step(part: _Part, x: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
            """Return what a branch adds, and the slope at its input; add up the leaves' own."""
            x = x.detach().requires_grad_()
            with ctx.program.learning():
                out = part.again(x)
            inputs = [x, *(leaves[i] for i in part.leaves)]
            found = torch.autograd.grad(out, inputs, slope.to(out.dtype), allow_unused=True)
            for i, own in zip(part.leaves, found[1:], strict=True):
                if own is not None:
                    total = totals[i]
                    totals[i] = own if total is None else total + own
            at = torch.zeros_like(x) if found[0] is None else found[0]
            return out.detach(), at

        for attend, think in reversed(ctx.program.parts):
            added, slope = step(think, first, grad_second)
            second, grad_first = second - added, grad_first + slope
            added, slope = step(attend, second, grad_first)
            first, grad_second = first - added, grad_second + slope
        return None, grad_first, grad_second, *totals
