"""Exercises of chapter 7: layer normalisation, and its simpler sister.

Sources
    Ba, Kiros and Hinton (2016), "Layer Normalization", equations (3) and (4).
    Zhang and Sennrich (2019), "Root Mean Square Layer Normalization", equation (4).
"""

import torch
from torch import Tensor

from txlite.checks._cases import halves, normal
from txlite.checks._steps import Step, as_given, swapped
from txlite.checks.exercise import Exercise, Mistake
from txlite.nn import layer_norm as right_layer_norm
from txlite.nn import rms_norm as right_rms_norm

__all__ = ["layer_norm", "rms_norm"]

LAYER_EPS, RMS_EPS = 1e-5, 1e-6


def _mean(x: Tensor) -> Tensor:
    return x.mean(-1, keepdim=True)


def _scaled_and_shifted(y: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return y * weight + bias


def _layer_recipe(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    before: Step = as_given,
    mean: Step = _mean,
    average: Step = _mean,
    root: Step = lambda v: (v + LAYER_EPS).sqrt(),
    affine: Step = _scaled_and_shifted,
) -> object:
    x = before(x, weight)
    centred = x - mean(x)
    return affine(centred / root(average(centred.square())), weight, bias)


def _not_the_numerator(x: Tensor, weight: Tensor, bias: Tensor) -> object:
    return x / ((x - _mean(x)).square().mean(-1, keepdim=True) + LAYER_EPS).sqrt() * weight + bias


# Where the average is taken over other entries, mean and mean square both are.
_AXES: tuple[tuple[str, str, Step], ...] = (
    (
        "over axis 0",
        "The averages run over axis 0. Each vector is normalised by itself, over its own "
        "entries: the last axis, −1, with keepdim=True.",
        lambda x: x.mean(0, keepdim=True),
    ),
    (
        "over the positions",
        "The averages run over axis −2, the positions. Then a word would change with its "
        "neighbours: average over the last axis, the entries of one vector.",
        lambda x: x.mean(-2, keepdim=True),
    ),
    (
        "over everything",
        "One average is taken over the whole tensor. Each vector needs its own: average over "
        "the last axis only.",
        lambda x: x.mean(),
    ),
    (
        "over positions and entries",
        "The averages run over the last two axes, so all positions of a sequence share one. "
        "Each vector is normalised by itself: the last axis alone.",
        lambda x: x.mean((-2, -1), keepdim=True),
    ),
    (
        "keepdim forgotten",
        "The averages have lost their axis, so they line up with the columns and not with the "
        "vectors. Say keepdim=True.",
        lambda x: x.mean(-1),
    ),
)


def _unbiased(square: Tensor) -> Tensor:
    return square.sum(-1, keepdim=True) / (square.shape[-1] - 1)


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
            for name, sentence, average in _AXES
        ),
        swapped(
            _layer_recipe,
            "unbiased variance",
            "The variance is divided by D − 1, which is what torch.var does unless told "
            "correction=0. Here the entries are all there is, not a sample: divide by D.",
            average=_unbiased,
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


def _rms_recipe(
    x: Tensor,
    weight: Tensor,
    centre: Step = as_given,
    size: Step = Tensor.square,
    average: Step = _mean,
    root: Step = lambda v: (v + RMS_EPS).sqrt(),
    scale: Step = torch.mul,
) -> object:
    x = centre(x)
    return scale(x / root(average(size(x))), weight)


rms_norm = Exercise(
    name="rms_norm",
    signature="f(x: (*B, D), weight: (D,)) -> (*B, D)",
    task="RMS normalisation with eps = 1e-6: every vector divided by the root of its mean "
    "square, then times weight.",
    inputs=("x", "weight"),
    reference=lambda x, weight: right_rms_norm(x, weight, eps=RMS_EPS),
    cases=(
        (torch.tensor([1.0, 7.0]), torch.tensor([1.0, 1.0])),
        (torch.tensor([1.0, 2.0, 6.0]), torch.tensor([2.0, 1.0, -1.0])),
        (torch.tensor([[1.0, 3, 5], [4, 0, 5], [2, 7, 3]]), halves(1, 3)),
        (halves(3, 2, 3, 4), halves(4, 4)),
        (torch.zeros(4), torch.ones(4)),
        (0.001 * halves(7, 2, 5), torch.ones(5)),
        (normal(8, 2, 3, 8) + 3, normal(9, 8)),
    ),
    bank=(
        *(
            swapped(_rms_recipe, name, sentence, average=average)
            for name, sentence, average in _AXES
        ),
        swapped(
            _rms_recipe,
            "mean subtracted",
            "The mean is subtracted first. That is layer normalisation; this one leaves the "
            "mean where it is, which saves a pass over the numbers.",
            centre=lambda x: x - _mean(x),
        ),
        swapped(
            _rms_recipe,
            "divides by D − 1",
            "The sum of squares is divided by D − 1. The mean square divides by D.",
            average=_unbiased,
        ),
        swapped(
            _rms_recipe,
            "sum instead of mean",
            "The vector is divided by its length, the root of the sum of squares. Divide by the "
            "root of the mean square, so that the entries are near one whatever the width.",
            average=lambda s: s.sum(-1, keepdim=True),
        ),
        swapped(
            _rms_recipe,
            "eps outside the root",
            "The eps is added to the root. It belongs under it, to the mean square.",
            root=lambda v: v.sqrt() + RMS_EPS,
        ),
        swapped(
            _rms_recipe,
            "eps forgotten",
            "There is no eps. A vector of zeros then gives 0/0, which is NaN.",
            root=lambda v: v.sqrt(),
        ),
        swapped(
            _rms_recipe,
            "root forgotten",
            "The vector is divided by the mean square and not by its root: twice the input "
            "gives half the output, where it should make no difference.",
            root=lambda v: v + RMS_EPS,
        ),
        swapped(
            _rms_recipe,
            "mean of the absolute values",
            "The size is taken to be the mean absolute value. It is the root of the mean square.",
            size=lambda x: x.abs(),
            root=lambda v: v + RMS_EPS,
        ),
        swapped(
            _rms_recipe,
            "weight forgotten",
            "The weight is not used: it multiplies what is normalised.",
            scale=lambda y, w: y,
        ),
    ),
    praise="One statistic less than layer normalisation, and large models do not miss it.",
    differentiable=True,
)
