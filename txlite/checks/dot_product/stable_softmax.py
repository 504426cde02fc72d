"""Exercise: a softmax that does not overflow.

Sources
    Goodfellow et al. (2016), "Deep Learning", section 4.1 (subtracting the maximum).
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, as_given, normal, swapped

__all__ = ["stable_softmax"]


def _softmax_recipe(
    scores: Tensor,
    shift: Step = lambda s: s - s.amax(-1, keepdim=True),
    raise_: Step = lambda s, shifted: shifted.exp(),
    total: Step = lambda e, s: e.sum(-1, keepdim=True),
) -> object:
    shifted = shift(scores)
    exponentials = raise_(scores, shifted)
    return exponentials / total(exponentials, scores)


_SOFTMAX_BANK = (
    swapped(
        _softmax_recipe,
        "nothing subtracted",
        "Nothing is subtracted before the exponential. In float32 exp(89) is already infinite, "
        "and ∞/∞ is NaN; subtract each row's maximum, and no exponent is above zero.",
        shift=as_given,
    ),
    swapped(
        _softmax_recipe,
        "subtracts the maximum of everything",
        "One maximum, that of the whole tensor, is subtracted from every row. A row far below "
        "it turns into zeros only, and 0/0 is NaN: each row needs a maximum of its own.",
        shift=lambda s: s - s.max(),
    ),
    swapped(
        _softmax_recipe,
        "maximum over axis 0",
        "The maximum is taken over axis 0. Each row, axis −1, needs a maximum of its own.",
        shift=lambda s: s - s.amax(0),
    ),
    swapped(
        _softmax_recipe,
        "maximum without keepdim",
        "The maxima have lost their axis, so they are subtracted from the columns and not from "
        "the rows. Say keepdim=True.",
        shift=lambda s: s - s.amax(-1),
    ),
    swapped(
        _softmax_recipe,
        "subtracts the mean",
        "The mean is subtracted. Scores above it can still overflow; only after subtracting the "
        "maximum is no exponent above zero.",
        shift=lambda s: s - s.mean(-1, keepdim=True),
    ),
    swapped(
        _softmax_recipe,
        "subtracts the minimum",
        "The minimum is subtracted, which makes all exponents positive: it is the maximum that "
        "keeps them at zero or below.",
        shift=lambda s: s - s.amin(-1, keepdim=True),
    ),
    swapped(
        _softmax_recipe,
        "divides by the maximum",
        "The scores are divided by their maximum. Subtracting a number from all scores leaves "
        "the softmax as it is; dividing changes the ratios, and with them the weights.",
        shift=lambda s: s / s.amax(-1, keepdim=True),
    ),
    swapped(
        _softmax_recipe,
        "clamps the scores",
        "Large scores are cut off. Two scores beyond the cut then get equal weights, whatever "
        "their difference; subtracting the maximum keeps it.",
        shift=lambda s: s.clamp(max=80.0),
    ),
    swapped(
        _softmax_recipe,
        "subtracts only below the line",
        "The maximum is subtracted in the sum but not in the numerator, which can still "
        "overflow. Shift the scores once, and use the shifted ones in both.",
        raise_=lambda s, shifted: s.exp(),
        total=lambda e, s: (s - s.amax(-1, keepdim=True)).exp().sum(-1, keepdim=True),
    ),
    swapped(
        _softmax_recipe,
        "subtracts only above the line",
        "The maximum is subtracted in the numerator but not in the sum, which can still "
        "overflow. Shift the scores once, and use the shifted ones in both.",
        total=lambda e, s: s.exp().sum(-1, keepdim=True),
    ),
    swapped(
        _softmax_recipe,
        "not divided by the sum",
        "The exponentials are not divided by their sum, so they are no distribution.",
        total=lambda e, s: torch.ones_like(e),
    ),
    swapped(
        _softmax_recipe,
        "divided by the sum of everything",
        "The exponentials are divided by the sum over the whole tensor. Each row, axis −1, "
        "should sum to one.",
        total=lambda e, s: e.sum(),
    ),
    swapped(
        _softmax_recipe,
        "sums over axis 0",
        "The sum runs over axis 0, so the columns sum to one. It should be the rows, axis −1.",
        total=lambda e, s: e.sum(0),
    ),
    swapped(
        _softmax_recipe,
        "sum without keepdim",
        "The sums have lost their axis, so they divide the columns and not the rows. Say "
        "keepdim=True.",
        total=lambda e, s: e.sum(-1),
    ),
)

stable_softmax = Exercise(
    name="stable_softmax",
    signature="f(scores: (*B, S)) -> (*B, S)",
    task="The softmax over the last axis, for scores of any size, without torch's own softmax.",
    inputs=("scores",),
    reference=lambda scores: scores.softmax(-1),
    cases=(
        (torch.tensor([0.0, 1.0]),),
        (torch.tensor([1000.0, 1001.0]),),
        (torch.tensor([-60.0, 0.0, 60.0]),),
        (torch.tensor([-1000.0, -1001.0, -1003.0]),),
        (torch.tensor([[0.0, 1.0], [2.0, 4.0]]),),
        (torch.tensor([[0.0, 1.0, 2.0], [-500.0, -500.0, -501.0]]),),
        (torch.tensor([[1000.0, 0.0], [0.0, 1000.0], [1000.0, 1001.0]]),),
        (normal(1, 2, 3, 4),),
    ),
    bank=_SOFTMAX_BANK,
    praise="Scores of a thousand are safe.",
    differentiable=True,
)
