"""Exercises of chapter 2: a softmax that does not overflow, the weights, and the weighted sum.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.2.1, equation (1).
"""

import torch
from torch import Tensor

from txlite.checks._cases import halves, normal
from txlite.checks._exercise import Exercise
from txlite.checks._steps import (
    Step,
    as_given,
    by_root_width,
    dot,
    mistakes_of,
    softmax_over_keys,
    swapped,
)
from txlite.nn import attention_weights as right_weights
from txlite.nn import scaled_dot_product_attention as right_attention

__all__ = ["attention", "attention_weights", "stable_softmax"]


def _softmax_recipe(
    scores: Tensor,
    shift: Step = lambda s: s - s.amax(-1, keepdim=True),
    raise_: Step = lambda s, shifted: shifted.exp(),
    total: Step = lambda e, s: e.sum(-1, keepdim=True),
) -> Tensor:
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
        shift=lambda s: s - s.amax(0, keepdim=True),
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
        "The maximum is subtracted in the sum but not in the numerator, or the other way round. "
        "Shift the scores once, and use the shifted ones in both.",
        raise_=lambda s, shifted: shifted.exp(),
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
        total=lambda e, s: e.sum(0, keepdim=True),
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
    praise="Scores of a thousand do not frighten it.",
    differentiable=True,
)


def _weights_recipe(
    query: Tensor,
    key: Tensor,
    score: Step = dot,
    scale: Step = by_root_width,
    normalise: Step = softmax_over_keys,
    finish: Step = as_given,
) -> Tensor:
    return finish(normalise(scale(score(query, key), query, key)), query)


attention_weights = Exercise(
    name="attention_weights",
    signature="f(query: (*B, T, E), key: (*B, S, E)) -> (*B, T, S)",
    task="How much each query attends to each key: softmax(QKᵀ/√E), each row summing to one.",
    inputs=("query", "key"),
    reference=right_weights,
    cases=(
        (torch.tensor([[2.0, 0.0, 0.0, 0.0]]), torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 0]])),
        (halves(1, 2, 4), halves(2, 3, 4)),
        (halves(3, 2, 3), halves(4, 3, 3)),
        (halves(5, 2, 1, 4), halves(6, 2, 3, 4)),
        (100 * halves(7, 2, 4), halves(8, 3, 4)),
        (normal(9, 2, 3, 4, 6), normal(10, 2, 3, 5, 6)),
    ),
    bank=mistakes_of(_weights_recipe),
    praise="Every query now knows whom to listen to.",
    differentiable=True,
)


def _weighted_sum(weights: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return weights @ value


def _attention_recipe(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    gather: Step = _weighted_sum,
    **steps: Step,
) -> Tensor:
    return gather(_weights_recipe(query, key, **steps), key, value)


_GATHER_BANK = (
    swapped(
        _attention_recipe,
        "averages the keys",
        "The weights are applied to the keys. The key says how to find something; what is handed "
        "over when it is found is the value.",
        gather=lambda w, k, v: w @ k,
    ),
    swapped(
        _attention_recipe,
        "returns the weights",
        "These are the weights. They still have to be used: weights @ value.",
        gather=lambda w, k, v: w,
    ),
    swapped(
        _attention_recipe,
        "weights transposed",
        "The weights are transposed before they meet the values. Row t of the weights says how "
        "much query t takes from each value: weights @ value.",
        gather=lambda w, k, v: w.mT @ v,
    ),
    swapped(
        _attention_recipe,
        "mean instead of sum",
        "The weighted values are averaged, not summed. The weights sum to one already, so "
        "dividing by the number of keys makes the result too small.",
        gather=lambda w, k, v: w @ v / v.shape[-2],
    ),
    swapped(
        _attention_recipe,
        "plain mean of the values",
        "Every query gets the plain mean of the values: the weights are computed but not used.",
        gather=lambda w, k, v: (w * 0 + 1 / v.shape[-2]) @ v,
    ),
)

attention = Exercise(
    name="attention",
    signature="f(query: (*B, T, E), key: (*B, S, E), value: (*B, S, V)) -> (*B, T, V)",
    task="Scaled dot-product attention: softmax(QKᵀ/√E)V, an average of the values per query.",
    inputs=("query", "key", "value"),
    reference=right_attention,
    cases=(
        (
            torch.tensor([[2.0, 0.0, 0.0, 0.0]]),
            torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 0]]),
            torch.tensor([[1.0], [0.0]]),
        ),
        (halves(1, 2, 4), halves(2, 3, 4), halves(3, 3, 2)),
        (halves(4, 3, 3), halves(5, 3, 3), halves(6, 3, 2)),
        (halves(7, 2, 1, 4), halves(8, 2, 3, 4), halves(9, 2, 3, 2)),
        (100 * halves(10, 2, 4), halves(11, 3, 4), halves(12, 3, 2)),
        (normal(13, 2, 3, 4, 6), normal(14, 2, 3, 5, 6), normal(15, 2, 3, 5, 7)),
    ),
    bank=mistakes_of(_attention_recipe) + _GATHER_BANK,
    praise="This one line is the heart of every Transformer.",
    differentiable=True,
)
