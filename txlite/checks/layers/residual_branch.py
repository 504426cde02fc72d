"""Exercise: a sublayer in its residual branch, in both orders of normalisation.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.1 (post-norm).
    Xiong et al. (2020), "On Layer Normalization in the Transformer Architecture", section 3.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, halves, normal, swapped
from txlite.nn import layer_norm

__all__ = ["residual_branch"]


@dataclass(frozen=True, repr=False)
class Shown:
    """A function that shows itself as text.

    Parameters
    ----------
    text : str
        The function as code.
    function : callable
        The function.
    """

    text: str
    function: Step

    def __call__(self, x: Tensor) -> Tensor:
        """Return the function's value."""
        y: Tensor = self.function(x)
        return y

    def __repr__(self) -> str:
        return self.text


_DOUBLE = Shown("lambda x: 2 * x + 1", lambda x: 2 * x + 1)
_TENTH = Shown("lambda x: x / 10", lambda x: x / 10)
_TURN = Shown(
    "lambda x: x.flip(-1).relu() + 0.5 * x * x", lambda x: x.flip(-1).relu() + 0.5 * x * x
)
_NORM = Shown("txlite.nn.layer_norm", layer_norm)


def _pre(x: Tensor, sublayer: Step, norm: Step) -> object:
    return x + sublayer(norm(x))


def _post(x: Tensor, sublayer: Step, norm: Step) -> object:
    return norm(x + sublayer(x))


def _recipe(
    x: Tensor,
    sublayer: Step,
    norm: Step,
    norm_first: bool,
    pre: Step = _pre,
    post: Step = _post,
) -> object:
    return pre(x, sublayer, norm) if norm_first else post(x, sublayer, norm)


residual_branch = Exercise(
    name="residual_branch",
    signature="f(x: (*B, D), sublayer, norm, norm_first: bool) -> (*B, D)",
    task="A sublayer in a residual branch: with norm_first it is sublayer's input that is "
    "normalised (pre-norm), without it the sum (post-norm, the paper's).",
    inputs=("x", "sublayer", "norm", "norm_first"),
    reference=_recipe,
    cases=(
        (torch.tensor([10.0, 20.0]), _DOUBLE, _TENTH, True),
        (torch.tensor([10.0, 20.0]), _DOUBLE, _TENTH, False),
        (halves(1, 2, 3), _TURN, _NORM, True),
        (halves(2, 2, 3), _TURN, _NORM, False),
        (normal(3, 2, 3, 5), _TURN, _NORM, True),
        (normal(4, 2, 3, 5), _TURN, _NORM, False),
    ),
    bank=(
        swapped(
            _recipe,
            "residual forgotten",
            "The input is never added back. With it, the gradient has a path past the sublayer; "
            "without it, there is only the one through it.",
            pre=lambda x, f, n: f(n(x)),
            post=lambda x, f, n: n(f(x)),
        ),
        swapped(
            _recipe,
            "orders exchanged",
            "The two orders have changed places. norm_first=True is x + sublayer(norm(x)).",
            pre=_post,
            post=_pre,
        ),
        swapped(
            _recipe,
            "always pre-norm",
            "The argument norm_first is not looked at: this is pre-norm in both cases. Without "
            "it, the sum is normalised: norm(x + sublayer(x)).",
            post=_pre,
        ),
        swapped(
            _recipe,
            "always post-norm",
            "The argument norm_first is not looked at: this is post-norm in both cases. With it, "
            "it is the sublayer's input that is normalised: x + sublayer(norm(x)).",
            pre=_post,
        ),
        swapped(
            _recipe,
            "adds to the normalised input",
            "With norm_first, the sublayer's output is added to the normalised input. Add it to "
            "x itself.",
            pre=lambda x, f, n: n(x) + f(n(x)),
        ),
        swapped(
            _recipe,
            "normalises the sublayer's output",
            "Without norm_first, only the sublayer's output is normalised. It should be the whole "
            "sum: norm(x + sublayer(x)).",
            post=lambda x, f, n: x + n(f(x)),
        ),
        swapped(
            _recipe,
            "norm forgotten",
            "Nothing is normalised, so the sums grow from layer to layer.",
            pre=lambda x, f, n: x + f(x),
            post=lambda x, f, n: x + f(x),
        ),
        swapped(
            _recipe,
            "normalises twice",
            "With norm_first, the sum is normalised as well. Pre-norm leaves the sum alone; it "
            "is at the end of the whole stack that one norm more is needed.",
            pre=lambda x, f, n: n(x + f(n(x))),
        ),
        swapped(
            _recipe,
            "normalises before and after the sublayer",
            "With norm_first, the sublayer's output is normalised too. That is another design, "
            "known as sandwich norm.",
            pre=lambda x, f, n: x + n(f(n(x))),
        ),
        swapped(
            _recipe,
            "normalises the residual alone",
            "With norm_first, it is the residual that is normalised, and the sublayer sees x "
            "as it is. It is the other way round.",
            pre=lambda x, f, n: n(x) + f(x),
        ),
    ),
    praise="Two lines, one for each order of the norm.",
    differentiable=True,
)
