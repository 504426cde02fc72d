"""A model of ours beside its published twin: the same weights, numbers, and gradients.

A family's parity test is its name table and its configurations::

    table = [Pair("wte.weight", "embedding.weight"), *linear("ln_f", "norm")]
    parity(ours, theirs, table, lambda: (ours(tokens), theirs(tokens).logits))

``parity`` draws their weights anew in float64 with a spread of 0.5, where no network is almost
linear, copies them into ours by the table, refuses a table that leaves a weight of either side out,
and compares the way back, the outputs, and the gradients of the inputs and of every weight. Weights
that are tied count once, by the first of their names. All sizes of a test should differ, so that a
swapped axis cannot pass unseen.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.testing import assert_close

CLOSE: dict[str, float] = {"rtol": 1e-9, "atol": 1e-10}
CLOSE_GRADIENTS: dict[str, float] = {"rtol": 1e-8, "atol": 1e-9}
Named = dict[str, Tensor]
Change = Callable[[Tensor], Tensor]


def same(x: Tensor) -> Tensor:
    return x


class Transform(NamedTuple):
    """How a weight of theirs becomes ours, how it goes back, and what its gradient becomes.

    The gradient of a weight that only changes places goes the way of the weight.
    """

    there: Change = same
    back: Change = same
    gradient: Change = same


SAME = Transform()
TRANSPOSED = Transform(*(lambda x: x.mT,) * 3)  # GPT-2 keeps its linear maps as (in, out)


def scaled(factor: float) -> Transform:
    """They multiply by ``factor`` elsewhere: ours holds it, so its gradient is divided by it."""
    return Transform(lambda x: x * factor, lambda x: x / factor, lambda x: x / factor)


def reordered(order: Tensor, axis: int) -> Transform:
    """Renumber: our place i is their place ``order[i]``."""

    def there(x: Tensor) -> Tensor:
        return x.index_select(axis, order)

    return Transform(there, lambda x: x.index_select(axis, order.argsort()), there)


@dataclass(frozen=True)
class Pair:
    """A weight of theirs and the one or several of ours that hold it.

    Several of ours are its equal parts along ``axis``, in this order: a fused query, key and value.
    """

    theirs: str
    ours: str | tuple[str, ...]
    transform: Transform = SAME
    axis: int = 0

    @property
    def parts(self) -> tuple[str, ...]:
        return (self.ours,) if isinstance(self.ours, str) else self.ours

    def split(self, change: Change, theirs: Tensor) -> Named:
        """Return what becomes of a tensor of theirs, by our names."""
        pieces = change(theirs).chunk(len(self.parts), self.axis)
        return dict(zip(self.parts, pieces, strict=True))

    def join(self, ours: Named) -> Tensor:
        """Return a tensor of theirs from those of ours."""
        return self.transform.back(torch.cat([ours[name] for name in self.parts], self.axis))


def linear(theirs: str, ours: str, *, bias: bool = True) -> list[Pair]:
    """A linear map or a norm: its weight, and its bias where it has one."""
    return [Pair(f"{theirs}.{n}", f"{ours}.{n}") for n in ("weight", "bias")[: 1 + bias]]


def redraw(model: nn.Module) -> nn.Module:
    """Draw the weights anew with a spread of 0.5, a norm's around one, in float64."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.requires_grad:
                nn.init.normal_(p, std=0.5)
                if "norm" in name and name.endswith("weight"):
                    p.add_(1.0)
    return model.double().eval()


def trained(model: nn.Module) -> Named:
    """Return the weights that a training moves, each once, by the first of its names."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def refuse(table: Iterable[Pair], ours: nn.Module, theirs: nn.Module) -> None:
    """Raise a ValueError that lists what the table leaves out, names twice or invents."""
    table = list(table)
    sides = {
        "theirs": ([pair.theirs for pair in table], trained(theirs)),
        "ours": ([name for pair in table for name in pair.parts], trained(ours)),
    }
    for side, (named, there) in sides.items():
        found = {
            "leaves out": sorted(there.keys() - {*named}),
            "names twice": sorted({name for name in named if named.count(name) > 1}),
            "invents": sorted({*named} - there.keys()),
        }
        for fault, names in found.items():
            if names:
                raise ValueError(
                    f"table should name each weight once: of {side} it {fault} {names}"
                )


@torch.no_grad()
def copy(table: Iterable[Pair], ours: nn.Module, theirs: nn.Module) -> None:
    """Copy their weights into ours."""
    mine, other = trained(ours), trained(theirs)
    for pair in table:
        for name, p in pair.split(pair.transform.there, other[pair.theirs]).items():
            if p.shape != mine[name].shape:
                raise ValueError(
                    f"{pair.theirs} should have shape {tuple(mine[name].shape)} to become {name}, "
                    f"got {tuple(p.shape)}"
                )
            mine[name].copy_(p)


def back(table: Iterable[Pair], ours: nn.Module) -> Named:
    """Return our weights by their names."""
    return {pair.theirs: pair.join(trained(ours)) for pair in table}


def compare_gradients(table: Iterable[Pair], ours: nn.Module, theirs: nn.Module) -> None:
    """Compare the gradient of every weight; each must reach the loss on both sides."""
    mine, other = trained(ours), trained(theirs)
    for pair in table:
        there = other[pair.theirs].grad
        assert there is not None, f"{pair.theirs} has no gradient"
        assert there.abs().max() > 0, f"the gradient of {pair.theirs} is zero: it tells nothing"
        for name, wanted in pair.split(pair.transform.gradient, there).items():
            got = mine[name].grad
            assert got is not None, f"{name} has no gradient"
            assert_close(got, wanted, msg=lambda m, n=name: f"{n}: {m}", **CLOSE_GRADIENTS)


def parity(
    ours: nn.Module,
    theirs: nn.Module,
    table: Iterable[Pair],
    outputs: Callable[[], tuple[Tensor, Tensor]],
    inputs: tuple[Tensor, ...] = (),
    other_inputs: tuple[Tensor, ...] = (),
) -> None:
    """Hold a model to its twin.

    Parameters
    ----------
    ours, theirs : nn.Module
        The models; their weights are drawn anew, ours follow.
    table : iterable of Pair
        Every weight of theirs and of ours, each once.
    outputs : callable
        Runs both and returns what should be equal: ours, theirs.
    inputs, other_inputs : tuple of Tensor
        Leaves that ``outputs`` reads, for ours and for theirs; their gradients are compared.
    """
    table = list(table)
    redraw(theirs)
    ours.double().eval()
    refuse(table, ours, theirs)
    copy(table, ours, theirs)
    returned = back(table, ours)
    for name, p in trained(theirs).items():
        assert_close(
            returned[name], p.data, rtol=1e-15, atol=0.0, msg=lambda m, n=name: f"{n}: {m}"
        )
    got, want = outputs()
    assert_close(got, want, **CLOSE)
    for out in (got, want):
        out.sin().sum().backward()  # sin: no output's gradient equals another's
    compare_gradients(table, ours, theirs)
    for mine, other in zip(inputs, other_inputs, strict=True):
        assert mine.grad is not None
        assert_close(mine.grad, other.grad, **CLOSE_GRADIENTS)
