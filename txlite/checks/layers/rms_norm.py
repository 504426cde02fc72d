"""Exercise: layer normalisation's simpler sister.

Sources
    Zhang and Sennrich (2019), "Root Mean Square Layer Normalization", equation (4).
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, as_given, halves, normal, swapped
from txlite.checks.layers._averages import AXES, mean_of, unbiased
from txlite.nn import rms_norm as right_rms_norm

__all__ = ["rms_norm"]

RMS_EPS = 1e-6


def _rms_recipe(
    x: Tensor,
    weight: Tensor,
    centre: Step = as_given,
    size: Step = Tensor.square,
    average: Step = mean_of,
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
            for name, sentence, average in AXES
        ),
        swapped(
            _rms_recipe,
            "mean subtracted",
            "The mean is subtracted first. That is layer normalisation; this one leaves the "
            "mean where it is, which saves a pass over the numbers.",
            centre=lambda x: x - mean_of(x),
        ),
        swapped(
            _rms_recipe,
            "divides by D − 1",
            "The sum of squares is divided by D − 1. The mean square divides by D.",
            average=unbiased,
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
