"""Exercise: gradients of a bounded length."""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, halves, normal, swapped

__all__ = ["clip_by_global_norm"]


def _length(gradients: Tensor) -> Tensor:
    return gradients.square().sum().sqrt()


def _never_zero(length: Tensor) -> Tensor:
    return length.clamp(min=1e-12)


def _at_most(length: Tensor, max_norm: float) -> Tensor:
    return length.clamp(max=max_norm)


def _clip_recipe(
    gradients: Tensor,
    max_norm: float,
    length: Step = _length,
    divisor: Step = _never_zero,
    new_length: Step = _at_most,
) -> object:
    long = length(gradients)
    return gradients / divisor(long) * new_length(long, max_norm)


def _by_value(gradients: Tensor, max_norm: float) -> Tensor:
    return gradients.clamp(-max_norm, max_norm)


clip_by_global_norm = Exercise(
    name="clip_by_global_norm",
    signature="f(gradients: (P, N), max_norm: float) -> (P, N)",
    task=(
        "Each row is the gradient of one parameter. Shorten all of them by one common factor so "
        "that together, as one long vector, they are no longer than max_norm; leave them as they "
        "are if they are short enough."
    ),
    inputs=("gradients", "max_norm"),
    reference=_clip_recipe,
    cases=(
        (torch.tensor([[3.0, 4.0]]), 1.0),
        (torch.tensor([[3.0], [4.0]]), 2.5),
        (torch.tensor([[0.6, 0.0], [0.0, 0.8]]), 2.0),
        (torch.tensor([[0.5, 0.0], [0.0, 3.0]]), 2.0),
        (halves(3, 3, 4), 1.5),
        (torch.zeros(2, 3), 1.0),
        (10 * normal(6, 4, 5), 0.5),
    ),
    bank=(
        swapped(
            _clip_recipe,
            "each parameter by itself",
            "Every row is shortened by itself. That turns the direction of the whole step; one "
            "common factor keeps it.",
            length=lambda g: g.square().sum(1, keepdim=True).sqrt(),
        ),
        swapped(
            _clip_recipe,
            "each column by itself",
            "Every column is shortened by itself. All gradients together are one long vector.",
            length=lambda g: g.square().sum(0, keepdim=True).sqrt(),
        ),
        Mistake(
            "each entry by itself",
            "Every entry is cut off at ±max_norm. That turns the direction, and the whole can "
            "still be long.",
            _by_value,
        ),
        swapped(
            _clip_recipe,
            "stretches short gradients too",
            "Short gradients are stretched to max_norm. Near the goal the steps must be allowed "
            "to become small: the factor is at most 1.",
            new_length=lambda n, m: m,
        ),
        swapped(
            _clip_recipe,
            "always to length one",
            "The result has length 1, whatever max_norm says.",
            new_length=lambda n, m: 1.0,
        ),
        swapped(
            _clip_recipe,
            "no root",
            "The root is missing: this is the square of the length.",
            length=lambda g: g.square().sum(),
        ),
        swapped(
            _clip_recipe,
            "sum of the lengths",
            "The rows' lengths are added. Lengths add like the sides of a right angle: the root of "
            "the sum of the squares.",
            length=lambda g: g.square().sum(1).sqrt().sum(),
        ),
        swapped(
            _clip_recipe,
            "longest row",
            "Only the longest row is measured. Together the others can be long as well.",
            length=lambda g: g.square().sum(1).sqrt().max(),
        ),
        swapped(
            _clip_recipe,
            "largest entry",
            "Only the largest entry is measured. The length is the root of the sum of all squares.",
            length=lambda g: g.abs().max(),
        ),
        swapped(
            _clip_recipe,
            "sum of the entries' sizes",
            "The entries' sizes are added, without squares and root.",
            length=lambda g: g.abs().sum(),
        ),
        swapped(
            _clip_recipe,
            "mean instead of sum",
            "This is the root of the mean square. It does not grow with the number of parameters; "
            "the length does.",
            length=lambda g: g.square().mean().sqrt(),
        ),
        swapped(
            _clip_recipe,
            "never clips",
            "Nothing is shortened.",
            new_length=lambda n, m: n,
        ),
        swapped(
            _clip_recipe,
            "zero when too long",
            "Gradients that are too long are thrown away. Shorten them: their direction is good.",
            new_length=lambda n, m: n * (n <= m),
        ),
        swapped(
            _clip_recipe,
            "zero divided by zero",
            "A gradient of zeros becomes NaN: it is divided by its length, which is zero. Where "
            "the gradients are short enough, nothing needs to be done.",
            divisor=lambda n: n,
        ),
    ),
    praise="However steep the slope, the step is short and the direction kept.",
)
