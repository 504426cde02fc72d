"""Exercise: attention that obeys a mask, rows that may see nothing included.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.2.3 (masking by −∞).
"""

import math

import torch
from torch import Tensor

from txlite.checks.dot_product._attention_steps import (
    by_root_width,
    dot,
    mistakes_of,
    softmax_over_keys,
)
from txlite.checks.framework import Exercise, Step, as_given, halves, normal, swapped
from txlite.nn import scaled_dot_product_attention

__all__ = ["masked_attention"]


def _hide(scores: Tensor, allowed: Tensor) -> Tensor:
    return scores.masked_fill(~allowed, -math.inf)


def _settle(weights: Tensor, allowed: Tensor) -> Tensor:
    return weights.nan_to_num(0.0)


def _masked_recipe(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    allowed: Tensor,
    score: Step = dot,
    scale: Step = by_root_width,
    hide: Step = _hide,
    normalise: Step = softmax_over_keys,
    settle: Step = _settle,
) -> object:
    scores = hide(scale(score(query, key), query, key), allowed)
    return settle(normalise(scores), allowed) @ value


def _zero_times_infinity(scores: Tensor, allowed: Tensor) -> Tensor:
    return scores + ~allowed * -math.inf


def _renormalise(weights: Tensor, allowed: Tensor) -> Tensor:
    kept = weights * allowed
    return kept / kept.sum(-1, keepdim=True).clamp(min=1e-9)


_MASK_BANK = (
    swapped(
        _masked_recipe,
        "mask ignored",
        "The mask is not used: every query sees every key.",
        hide=as_given,
    ),
    swapped(
        _masked_recipe,
        "mask inverted",
        "The mask is used the wrong way round. True means “may attend”: it is the scores where "
        "allowed is False that become −∞.",
        hide=lambda s, a: s.masked_fill(a, -math.inf),
    ),
    swapped(
        _masked_recipe,
        "mask after the softmax",
        "The mask comes after the softmax. The forbidden keys have then taken their share "
        "already, and what is left of a row no longer sums to one. Put −∞ into the scores before.",
        hide=as_given,
        settle=lambda w, a: w * a,
    ),
    swapped(
        _masked_recipe,
        "renormalised after the softmax",
        "The mask comes after the softmax, and the rows are scaled up again. On paper that is "
        "the same; but where a forbidden score is far the largest, the allowed weights have "
        "already been rounded to zero. Put −∞ into the scores before the softmax.",
        hide=as_given,
        settle=_renormalise,
    ),
    swapped(
        _masked_recipe,
        "renormalised by zero",
        "The mask comes after the softmax, and the rows are divided by what is left of them. "
        "Where nothing is left, because nothing is allowed or because a forbidden score was far "
        "the largest, that is 0/0. Put −∞ into the scores before the softmax.",
        hide=as_given,
        settle=lambda w, a: w * a / (w * a).sum(-1, keepdim=True),
    ),
    swapped(
        _masked_recipe,
        "scores multiplied by the mask",
        "The forbidden scores become 0. That is a score like any other, and exp(0) = 1; the "
        "softmax gives no weight only to −∞.",
        hide=lambda s, a: s * a,
    ),
    swapped(
        _masked_recipe,
        "ones and zeros added",
        "The mask is added to the scores as ones and zeros. That favours the allowed keys a "
        "little and forbids nothing: the forbidden scores should become −∞.",
        hide=lambda s, a: s + a,
    ),
    swapped(
        _masked_recipe,
        "zero times infinity",
        "The mask is multiplied by −∞, and 0 × ∞ is NaN, just where the keys are allowed. "
        "Choose instead of multiplying: masked_fill(~allowed, −∞).",
        hide=_zero_times_infinity,
        settle=as_given,
    ),
    swapped(
        _masked_recipe,
        "zero times infinity, painted over",
        "The mask is multiplied by −∞, and 0 × ∞ is NaN, just where the keys are allowed. "
        "Every weight that is NaN then becomes zero, so that nothing is left. Choose instead of "
        "multiplying: masked_fill(~allowed, −∞).",
        hide=_zero_times_infinity,
    ),
    swapped(
        _masked_recipe,
        "masks queries, not keys",
        "The mask is transposed, so it blinds queries where it should hide keys. Rows of "
        "allowed are queries, columns are keys, as in the scores.",
        hide=lambda s, a: _hide(s, a.mT),
    ),
    swapped(
        _masked_recipe,
        "one mask for all",
        "Every sequence of the batch gets the mask of the first one.",
        hide=lambda s, a: _hide(s, a[(0,) * (a.ndim - 2)]),
    ),
    swapped(
        _masked_recipe,
        "blind rows are NaN",
        "A query that may attend to nothing gets NaN: the softmax of a row of −∞ only is 0/0, "
        "and one NaN spoils the whole batch in the backward pass. Such a row should be zero.",
        settle=as_given,
    ),
    swapped(
        _masked_recipe,
        "blind rows see everything",
        "A query that may attend to nothing gets the mean of all values, forbidden ones too: a "
        "row of equal large negative numbers is a uniform row. Such a row should be zero.",
        hide=lambda s, a: s.masked_fill(~a, torch.finfo(s.dtype).min),
    ),
)

_SHARED = (
    "no scale",
    "divides by d_k",
    "divides by √(number of keys)",
    "softmax over the queries",
    "softmax over axis 0",
    "softmax over axis 1",
    "query and key swapped",
    "transposes axes 0 and 1",
    "transposes axes 1 and 2",
)

_FAR = torch.tensor([[2.0, 0.0, 0.0, 0.0]])

masked_attention = Exercise(
    name="masked_attention",
    signature=(
        "f(query: (*B, T, E), key: (*B, S, E), value: (*B, S, V), allowed: (*B, T, S) bool) "
        "-> (*B, T, V)"
    ),
    task=(
        "Attention over the keys that allowed permits (True = may attend). A query that may "
        "attend to nothing gets zeros."
    ),
    inputs=("query", "key", "value", "allowed"),
    reference=scaled_dot_product_attention,
    cases=(
        (
            _FAR,
            torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 0]]),
            torch.tensor([[1.0], [3.0]]),
            torch.tensor([[True, False]]),
        ),
        (
            halves(1, 3, 4),
            halves(2, 3, 4),
            halves(3, 3, 2),
            torch.ones(3, 3, dtype=torch.bool).tril(),
        ),
        (
            halves(4, 2, 4),
            halves(5, 3, 4),
            halves(6, 3, 2),
            torch.tensor([[True, True, False], [False, False, False]]),
        ),
        (
            _FAR,
            torch.tensor([[200.0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]),
            torch.tensor([[5.0], [1.0], [3.0]]),
            torch.tensor([[False, True, True]]),
        ),
        (
            halves(7, 2, 1, 4),
            halves(8, 2, 3, 4),
            halves(9, 2, 3, 2),
            torch.tensor([[[True, True, False]], [[True, False, True]]]),
        ),
        (
            normal(10, 2, 3, 4, 6),
            normal(11, 2, 3, 5, 6),
            normal(12, 2, 3, 5, 7),
            normal(13, 2, 3, 4, 5) > 0,
        ),
    ),
    bank=_MASK_BANK + mistakes_of(_masked_recipe, *_SHARED),
    praise="What is masked changes nothing, and a query that may see nothing gets zeros.",
    differentiable=True,
)
