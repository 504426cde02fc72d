"""Exercise: the layer around the activation.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.3, equation (2).
"""

import torch
from torch import Tensor
from torch.nn import functional

from txlite.checks.framework import Exercise, Mistake, Step, as_given, halves, normal, swapped

__all__ = ["feed_forward"]


def _feed_recipe(
    x: Tensor,
    w_up: Tensor,
    b_up: Tensor,
    w_down: Tensor,
    b_down: Tensor,
    enter: Step = as_given,
    up: Step = lambda x, w, b: x @ w + b,
    activate: Step = torch.relu,
    down: Step = lambda h, w, b: h @ w + b,
    leave: Step = lambda y, x: y,
) -> object:
    return leave(down(activate(up(enter(x), w_up, b_up)), w_down, b_down), x)


def _half_of_the_input(
    x: Tensor, w_up: Tensor, b_up: Tensor, w_down: Tensor, b_down: Tensor
) -> Tensor:
    half = w_up.shape[0] // 2
    first, second = x[..., :half] @ w_up[:half], x[..., half:] @ w_up[half:]
    return ((first + b_up).relu() + second.relu()) @ w_down + b_down


def _mixed(x: Tensor) -> Tensor:
    return x.mean(-2, keepdim=True).expand_as(x)


feed_forward = Exercise(
    name="feed_forward",
    signature="f(x: (*B, T, D), w_up: (D, F), b_up: (F,), w_down: (F, D), b_down: (D,)) "
    "-> (*B, T, D)",
    task="The paper's feed-forward layer: relu(x @ w_up + b_up) @ w_down + b_down.",
    inputs=("x", "w_up", "b_up", "w_down", "b_down"),
    reference=_feed_recipe,
    cases=(
        (
            torch.tensor([[1.0, -1.0]]),
            torch.tensor([[1.0], [2.0]]),
            torch.tensor([2.0]),
            torch.tensor([[1.0, -2.0]]),
            torch.tensor([0.0, 1.0]),
        ),
        (halves(1, 3, 2), halves(2, 2, 3), halves(3, 3) + 0.1, halves(4, 3, 2), halves(5, 2)),
        (halves(6, 2, 3), halves(7, 3, 3), halves(8, 3) + 0.1, halves(9, 3, 3), halves(10, 3)),
        (
            normal(11, 2, 3, 4),
            normal(12, 4, 7),
            normal(13, 7),
            normal(14, 7, 4),
            normal(15, 4),
        ),
    ),
    bank=(
        swapped(
            _feed_recipe,
            "no activation",
            "There is no activation between the two maps. Two linear maps after one another are "
            "one linear map, and the hidden layer is for nothing.",
            activate=as_given,
        ),
        swapped(
            _feed_recipe,
            "activation after the second map",
            "The activation comes after the second map. The hidden layer is then linear, and the "
            "output can never be negative.",
            activate=as_given,
            leave=lambda y, x: y.relu(),
        ),
        swapped(
            _feed_recipe,
            "activation after both maps",
            "The activation comes after the second map too, so the output can never be "
            "negative. One, between the two, is enough.",
            leave=lambda y, x: y.relu(),
        ),
        swapped(
            _feed_recipe,
            "activation before the first map",
            "The activation is applied to the input. It belongs between the two maps.",
            enter=torch.relu,
            activate=as_given,
        ),
        swapped(
            _feed_recipe,
            "b_up forgotten",
            "The bias b_up is not used. It sets from where on each unit is active.",
            up=lambda x, w, b: x @ w,
        ),
        swapped(
            _feed_recipe,
            "b_down forgotten",
            "The bias b_down is not used.",
            down=lambda h, w, b: h @ w,
        ),
        swapped(
            _feed_recipe,
            "b_down twice",
            "The bias b_down is added twice. Where the hidden units are computed in two parts, it "
            "belongs to the sum of the parts, not to each.",
            down=lambda h, w, b: h @ w + 2 * b,
        ),
        Mistake(
            "bent before the sum",
            "ReLU is applied to two parts of a sum, each by itself. Split the hidden units, the "
            "columns of w_up, and not its rows: a unit has to know its whole sum before it bends.",
            _half_of_the_input,
        ),
        swapped(
            _feed_recipe,
            "b_up after the activation",
            "The bias b_up is added after the activation. Before it, it moves the threshold of "
            "each unit; after it, it is one more constant.",
            up=lambda x, w, b: (x @ w).relu() + b,
            activate=as_given,
        ),
        swapped(
            _feed_recipe,
            "matrices transposed",
            "The input is multiplied by the transposed matrices. Here it is x @ w; "
            "torch.nn.Linear is what stores its matrix transposed.",
            up=lambda x, w, b: x @ w.T + b,
            down=lambda h, w, b: h @ w.T + b,
        ),
        swapped(
            _feed_recipe,
            "residual added",
            "The input is added. That is right for the whole layer, but it is the residual "
            "connection's business, not the feed-forward layer's.",
            leave=lambda y, x: y + x,
        ),
        swapped(
            _feed_recipe,
            "GELU",
            "The activation is GELU. It is a good choice; the paper's, asked for here, is ReLU.",
            activate=functional.gelu,
        ),
        swapped(
            _feed_recipe,
            "absolute value",
            "Negative hidden units are turned positive. ReLU sets them to zero: max(0, h).",
            activate=torch.abs,
        ),
        swapped(
            _feed_recipe,
            "softmax over the hidden units",
            "There is a softmax in the place of ReLU. Hidden units do not share: each "
            "responds to its own sum alone.",
            activate=lambda h: h.softmax(-1),
        ),
        swapped(
            _feed_recipe,
            "positions averaged",
            "The positions are averaged first. The feed-forward layer looks at each by itself.",
            enter=_mixed,
        ),
    ),
    praise="Every position, by itself, with the same two matrices.",
    differentiable=True,
)
