"""Exercise: the gradient on its way down a tower of residual layers.

Sources
    He et al. (2016), "Identity Mappings in Deep Residual Networks", section 2, equation (5).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, halves, normal, swapped

__all__ = ["tower_gradient"]


def _back(gradient: Tensor, jacobian: Tensor) -> Tensor:
    return gradient + jacobian.mT @ gradient


def _from_the_top(jacobians: Tensor) -> Tensor:
    return jacobians.flip(0)


def _bottom_first(gradients: list[Tensor]) -> Tensor:
    return torch.stack(gradients[::-1])


def _recipe(
    gradient: Tensor,
    jacobians: Tensor,
    back: Step = _back,
    order: Callable[[Tensor], Tensor] = _from_the_top,
    found: Callable[[list[Tensor]], Tensor] = _bottom_first,
) -> object:
    gradients = [gradient]
    for jacobian in order(jacobians):
        gradients.append(back(gradients[-1], jacobian))
    return found(gradients)


def _one_branch_at_a_time(gradient: Tensor, jacobians: Tensor) -> object:
    shares = [gradient, *(jacobian.mT @ gradient for jacobian in jacobians.flip(0))]
    return torch.stack(shares).cumsum(0).flip(0)


tower_gradient = Exercise(
    name="tower_gradient",
    signature="f(gradient: (D,), jacobians: (L, D, D)) -> (L + 1, D)",
    task="The gradient at every state x_0 ... x_L of a residual tower x + f(x): jacobians[l] is "
    "the Jacobian of layer l's branch f, gradient is the loss's at the top, x_L.",
    inputs=("gradient", "jacobians"),
    reference=_recipe,
    cases=(
        (torch.tensor([1.0]), torch.tensor([[[2.0]]])),
        (torch.tensor([1.0]), torch.tensor([[[1.0]], [[2.0]]])),
        (torch.tensor([1.0, 0.0]), torch.tensor([[[0.0, 2.0], [0.0, 0.0]]])),
        (halves(1, 2), halves(2, 2, 2, 2)),
        (normal(3, 3), normal(4, 4, 3, 3)),
    ),
    bank=(
        swapped(
            _recipe,
            "residual forgotten",
            "The gradient goes through every branch and past none: a layer x + f(x) has the "
            "Jacobian I + J, not J. Add the gradient itself.",
            back=lambda g, j: j.mT @ g,
        ),
        swapped(
            _recipe,
            "not transposed",
            "The gradient is multiplied by J, which is how a change of x goes up. A gradient "
            "comes down by the transposed matrix.",
            back=lambda g, j: g + j @ g,
        ),
        swapped(
            _recipe,
            "branches ignored",
            "The gradient passes every layer unchanged. It also goes through the branches: add "
            "the transposed Jacobian times the gradient.",
            back=lambda g, j: g,
        ),
        swapped(
            _recipe,
            "from the bottom",
            "The layers are taken from the first to the last. A gradient begins at the top: the "
            "last layer is the first that it meets.",
            order=lambda jacobians: jacobians,
        ),
        swapped(
            _recipe,
            "top first",
            "The gradients are right, and in the order in which they were found. Return that at "
            "x_0 first and that at x_L last.",
            found=torch.stack,
        ),
        swapped(
            _recipe,
            "the top left out",
            "The gradient at x_L itself is missing: it was given, and is the last row.",
            found=lambda gradients: torch.stack(gradients[:0:-1]),
        ),
        swapped(
            _recipe,
            "the bottom alone",
            "This is the gradient at x_0 alone. Asked for is one row for every state.",
            found=lambda gradients: gradients[-1],
        ),
        swapped(
            _recipe,
            "subtracted",
            "What comes through the branch is subtracted. The Jacobian of x + f(x) is I + J.",
            back=lambda g, j: g - j.mT @ g,
        ),
        Mistake(
            "one branch at a time",
            "Every branch is given the gradient of the top. It gets what has arrived at its "
            "layer's output, so that paths through several branches count too.",
            _one_branch_at_a_time,
        ),
    ),
    praise="One line for each layer, and every path down the tower is in it.",
    differentiable=True,
)
