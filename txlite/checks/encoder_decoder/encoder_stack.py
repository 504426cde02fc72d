"""Exercise: layers on top of each other, each with weights of its own.

Sources
    Vaswani et al. (2017), section 3.1. Xiong et al. (2020), section 3 (the pre-norm stack).
"""

import math

from torch import Tensor

from txlite.checks.encoder_decoder._sublayers import attend, kept, keys_that, normed
from txlite.checks.framework import Exercise, Step, halves, normal, swapped

__all__ = ["encoder_stack"]


def _every(weights: Tensor) -> list[Tensor]:
    return list(weights)


def _rule(i: int, keep: Tensor) -> Tensor:
    return keys_that(keep)


def _before(x: Tensor) -> Tensor:
    return normed(x)


def _as_it_is(x: Tensor) -> Tensor:
    return x


def _add(x: Tensor, attended: Tensor) -> Tensor:
    return x + attended


def _latest(x: Tensor, first: Tensor) -> Tensor:
    return x


def _stack_recipe(
    x: Tensor,
    keep: Tensor,
    weights: Tensor,
    layers: Step = _every,
    rule: Step = _rule,
    before: Step = _before,
    add: Step = _add,
    reads: Step = _latest,
    after: Step = _as_it_is,
    finish: Step = _before,
    blind: float = 0.0,
) -> object:
    first = x
    for i, w in enumerate(layers(weights)):
        z = before(reads(x, first))
        x = after(add(x, attend(z, z, rule(i, keep), blind=blind) @ w))
    return finish(x)


_LAYERS_BANK = (
    swapped(
        _stack_recipe,
        "one layer several times",
        "Every layer has the weights of the first: that is what [layer] * N does, N names for "
        "one layer. Make a new one each time.",
        layers=lambda w: [w[0]] * len(w),
    ),
    swapped(
        _stack_recipe,
        "layers in reverse",
        "The layers run from the last to the first.",
        layers=lambda w: list(w.flip(0)),
    ),
    swapped(
        _stack_recipe,
        "last layer left out",
        "The last layer never runs: range(N - 1) stops one short.",
        layers=lambda w: list(w[:-1]),
    ),
    swapped(
        _stack_recipe,
        "only the last layer",
        "Only the last layer counts. Its input should be the output of the one below.",
        layers=lambda w: list(w[-1:]),
    ),
    swapped(
        _stack_recipe,
        "every layer reads the first input",
        "Every layer reads the words themselves, not what the layer below made of them: the "
        "layers stand side by side, not on top of each other.",
        reads=lambda x, first: first,
    ),
    swapped(
        _stack_recipe,
        "weights transposed",
        "The matrices are transposed: it is attended @ weights[i].",
        layers=lambda w: list(w.mT),
    ),
)

_MASK_BANK = (
    swapped(
        _stack_recipe,
        "mask in the first layer only",
        "Only the first layer gets the mask. From the second layer on, real words attend to the "
        "padding: every layer needs the mask.",
        rule=lambda i, keep: keys_that(keep | (i > 0)),
    ),
    swapped(
        _stack_recipe,
        "no mask",
        "The mask is not used: all words attend to the padding.",
        rule=lambda i, keep: keys_that(keep | True),
    ),
    swapped(
        _stack_recipe,
        "mask inverted",
        "The mask is the wrong way round: True means “a real word”, and those are hidden here.",
        rule=lambda i, keep: keys_that(~keep),
    ),
    swapped(
        _stack_recipe,
        "mask inverted, rows of NaN",
        "The mask is the wrong way round: True means “a real word”, and those are hidden here. In "
        "a sentence without padding no key is left, and a softmax over nothing is NaN.",
        rule=lambda i, keep: keys_that(~keep),
        blind=math.nan,
    ),
    swapped(
        _stack_recipe,
        "masks queries, not keys",
        "The mask stands on the queries' axis, so it hides all words from the padding; it should "
        "hide the padding from all words. It belongs to the keys: keep[:, None, :].",
        rule=lambda i, keep: keep[:, :, None],
    ),
    swapped(
        _stack_recipe,
        "masks queries, not keys, rows of NaN",
        "The mask stands on the queries' axis, so a query at the padding has no key at all, and a "
        "softmax over nothing is NaN. It belongs to the keys: keep[:, None, :].",
        rule=lambda i, keep: keep[:, :, None],
        blind=math.nan,
    ),
)

_NORM_BANK = (
    swapped(
        _stack_recipe,
        "final norm missing",
        "The last normalisation is missing. In a pre-norm stack nothing else brings the sum of "
        "all layers back to one scale.",
        finish=_as_it_is,
    ),
    swapped(
        _stack_recipe,
        "no norm before attention",
        "The words are not normalised before they attend, so long vectors get larger scores.",
        before=_as_it_is,
    ),
    swapped(
        _stack_recipe,
        "post-norm",
        "The sum is normalised, not what is read: that is the paper's order, post-norm. Here the "
        "norm comes before the attention.",
        before=_as_it_is,
        after=normed,
    ),
    swapped(
        _stack_recipe,
        "residual missing",
        "A layer's output replaces its input. It should be added: x = x + ….",
        add=lambda x, attended: attended,
    ),
)

encoder_stack = Exercise(
    name="encoder_stack",
    signature="f(x: (B, T, D), keep: (B, T) bool, weights: (N, D, D)) -> (B, T, D)",
    task=(
        "N layers x = x + attend(norm(x)) @ weights[i], then norm. attend is self-attention "
        "without projections over the real words, scale 1/√D; norm is layer norm without weights."
    ),
    inputs=("x", "keep", "weights"),
    reference=_stack_recipe,
    cases=(
        (halves(1, 1, 2, 3), kept(2, size=2), halves(2, 2, 3, 3)),
        (halves(3, 1, 3, 3), kept(2, size=3), halves(4, 2, 3, 3)),
        (normal(5, 2, 4, 5), kept(4, 2, size=4), normal(6, 3, 5, 5)),
        (normal(7, 3, 5, 4), kept(1, 5, 3, size=5), normal(8, 4, 4, 4)),
    ),
    bank=_LAYERS_BANK + _MASK_BANK + _NORM_BANK,
    praise="That loop is the whole of an encoder; what is in a layer can change.",
    differentiable=True,
)
