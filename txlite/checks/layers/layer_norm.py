"""Exercise: layer normalisation.

Sources
    Ba, Kiros and Hinton (2016), "Layer Normalization", equations (3) and (4).
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, as_given, halves, normal, swapped
from txlite.checks.layers._averages import AXES, mean_of, unbiased
from txlite.nn import layer_norm as right_layer_norm

__all__ = ["layer_norm"]

LAYER_EPS = 1e-5


def _scaled_and_shifted(y: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return y * weight + bias


def _layer_recipe(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    before: Step = as_given,
    mean: Step = mean_of,
    average: Step = mean_of,
    root: Step = lambda v: (v + LAYER_EPS).sqrt(),
    affine: Step = _scaled_and_shifted,
) -> object:
    x = before(x, weight)
    centred = x - mean(x)
    return affine(centred / root(average(centred.square())), weight, bias)


def _not_the_numerator(x: Tensor, weight: Tensor, bias: Tensor) -> object:
    return x / ((x - mean_of(x)).square().mean(-1, keepdim=True) + LAYER_EPS).sqrt() * weight + bias


layer_norm = Exercise(
    name="layer_norm",
    signature="f(x: (*B, D), weight: (D,), bias: (D,)) -> (*B, D)",
    task="Layer normalisation with eps = 1e-5: every vector to mean 0 and variance 1, then "
    "times weight, plus bias.",
    inputs=("x", "weight", "bias"),
    reference=lambda x, weight, bias: right_layer_norm(x, weight, bias, eps=LAYER_EPS),
    cases=(
        (torch.tensor([1.0, 3.0]), torch.tensor([1.0, 1.0]), torch.tensor([0.0, 0.0])),
        (torch.tensor([1.0, 2.0, 6.0]), torch.tensor([2.0, 1, -1]), torch.tensor([0.0, 1, 5])),
        (torch.tensor([[1.0, 3, 5], [4, 0, 5], [2, 7, 3]]), halves(1, 3), halves(2, 3)),
        (halves(3, 2, 3, 4), halves(4, 4), halves(5, 4)),
        (torch.full((4,), 2.0), torch.ones(4), halves(6, 4)),
        (0.003 * halves(7, 2, 5), torch.ones(5), torch.zeros(5)),
        (normal(8, 2, 3, 8) + 3, normal(9, 8), normal(10, 8)),
    ),
    bank=(
        *(
            swapped(_layer_recipe, name, sentence, mean=average, average=average)
            for name, sentence, average in AXES
        ),
        swapped(
            _layer_recipe,
            "unbiased variance",
            "The variance is divided by D − 1, which is what torch.var does unless told "
            "correction=0. Here the entries are all there is, not a sample: divide by D.",
            average=unbiased,
        ),
        swapped(
            _layer_recipe,
            "sum instead of mean",
            "The squares are summed and not averaged, so wider vectors come out smaller.",
            average=lambda s: s.sum(-1, keepdim=True),
        ),
        swapped(
            _layer_recipe,
            "eps outside the root",
            "The eps is added to the standard deviation. It belongs under the root, to the "
            "variance: √(variance + eps). For vectors that hardly vary, the two differ a lot.",
            root=lambda v: v.sqrt() + LAYER_EPS,
        ),
        swapped(
            _layer_recipe,
            "eps forgotten",
            "There is no eps. A vector whose entries are all equal then gives 0/0, which is NaN.",
            root=lambda v: v.sqrt(),
        ),
        swapped(
            _layer_recipe,
            "divides by the variance",
            "The vector is divided by the variance and not by its root: twice the input gives "
            "half the output, where it should make no difference.",
            root=lambda v: v + LAYER_EPS,
        ),
        swapped(
            _layer_recipe,
            "mean not subtracted",
            "The mean is never subtracted, neither above nor below the line. That is RMSNorm; "
            "layer normalisation centres the vector first.",
            mean=lambda x: 0.0,
        ),
        Mistake(
            "mean subtracted below the line only",
            "The variance is right, but what is divided by its root is x itself. Subtract the "
            "mean above the line too.",
            _not_the_numerator,
        ),
        swapped(
            _layer_recipe,
            "weight and bias forgotten",
            "The result is normalised but not scaled and shifted: times weight, plus bias.",
            affine=lambda y, w, b: y,
        ),
        swapped(
            _layer_recipe,
            "weight forgotten",
            "The weight is not used: times weight, then plus bias.",
            affine=lambda y, w, b: y + b,
        ),
        swapped(
            _layer_recipe,
            "bias forgotten",
            "The bias is not used: times weight, then plus bias.",
            affine=lambda y, w, b: y * w,
        ),
        swapped(
            _layer_recipe,
            "bias scaled too",
            "The bias is added before the weight multiplies, so it is scaled too. First times "
            "weight, then plus bias.",
            affine=lambda y, w, b: (y + b) * w,
        ),
        swapped(
            _layer_recipe,
            "weight before the norm",
            "The weight multiplies the input. There the normalisation undoes much of it; it "
            "belongs behind.",
            before=lambda x, w: x * w,
            affine=lambda y, w, b: y + b,
        ),
    ),
    praise="Shift the input or scale it: nothing changes.",
    differentiable=True,
)
