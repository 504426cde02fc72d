"""Exercise: attention from the target to the source, whose padding is hidden.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.2.3, first point.
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
from txlite.checks.encoder_decoder._sublayers import kept
from txlite.checks.framework import Exercise, Step, halves, normal, swapped

__all__ = ["cross_attention"]

Sides = tuple[Tensor, Tensor, Tensor]


def _ask(x: Tensor, memory: Tensor) -> Sides:
    return x, memory, memory


def _the_sources(target_keep: Tensor, source_keep: Tensor) -> Tensor:
    return source_keep[:, None, :]


def _hide(scores: Tensor, allowed: Tensor) -> Tensor:
    return scores.masked_fill(~allowed, -math.inf)


def _settle(weights: Tensor, allowed: Tensor) -> Tensor:
    return weights


def _each(sides: Sides, w_query: Tensor, w_key: Tensor, w_value: Tensor) -> Sides:
    return sides[0] @ w_query, sides[1] @ w_key, sides[2] @ w_value


def _cross_recipe(
    x: Tensor,
    memory: Tensor,
    target_keep: Tensor,
    source_keep: Tensor,
    w_query: Tensor,
    w_key: Tensor,
    w_value: Tensor,
    sides: Step = _ask,
    project: Step = _each,
    rule: Step = _the_sources,
    score: Step = dot,
    scale: Step = by_root_width,
    hide: Step = _hide,
    normalise: Step = softmax_over_keys,
    settle: Step = _settle,
) -> object:
    q, k, v = project(sides(x, memory), w_query, w_key, w_value)
    allowed = rule(target_keep, source_keep)
    return settle(normalise(hide(scale(score(q, k), q, k), allowed)), allowed) @ v


_SIDES_BANK = (
    swapped(
        _cross_recipe,
        "query and key swapped",
        "Queries and keys are exchanged: queries come from the target, x, keys and values from "
        "memory.",
        sides=lambda x, memory: (memory, x, x),
    ),
    swapped(
        _cross_recipe,
        "self-attention",
        "Keys and values come from x: the target attends to itself, and the source is not used.",
        sides=lambda x, memory: (x, x, x),
    ),
    swapped(
        _cross_recipe,
        "the source reads itself",
        "Queries, keys and values all come from the memory. The queries must come from x, "
        "or the target has no influence.",
        sides=lambda x, memory: (memory, memory, memory),
    ),
    swapped(
        _cross_recipe,
        "values from the target",
        "The weights are right, but the values are the target's own vectors. Values come from "
        "the memory, like the keys.",
        sides=lambda x, memory: (x, memory, x),
    ),
    swapped(
        _cross_recipe,
        "keys from the target",
        "The keys come from x, so the source is weighed by how well the target matches itself.",
        sides=lambda x, memory: (x, x, memory),
    ),
    swapped(
        _cross_recipe,
        "query and key matrices swapped",
        "W^Q and W^K are exchanged: W^Q belongs to the target, W^K to the source.",
        project=lambda s, q, k, v: _each(s, k, q, v),
    ),
    swapped(
        _cross_recipe,
        "input handed over",
        "The memory itself is averaged, without W^V.",
        project=lambda s, q, k, v: (s[0] @ q, s[1] @ k, s[2]),
    ),
)

_MASK_BANK = (
    swapped(
        _cross_recipe,
        "target mask used for the source",
        "This is the target's mask where the source's belongs. No error is raised while both are "
        "equally long; but it is the padding of the source that must be hidden.",
        rule=lambda target, source: target[:, None, :],
    ),
    swapped(
        _cross_recipe,
        "source mask ignored",
        "The padding of the source gets weight: source_keep is not used.",
        rule=lambda target, source: (source | True)[:, None, :],
    ),
    swapped(
        _cross_recipe,
        "source mask inverted",
        "The source's words are hidden and its padding is read: True means “a real word”.",
        rule=lambda target, source: ~source[:, None, :],
    ),
    swapped(
        _cross_recipe,
        "both masks at once",
        "Rows at the padding of the target are hidden too. No real word reads these rows, so they "
        "need no mask; but a row without any key gives NaN.",
        rule=lambda target, source: target[:, :, None] & source[:, None, :],
    ),
    swapped(
        _cross_recipe,
        "both masks at once, rows of zeros",
        "Rows at the padding of the target are hidden too, and come out as zeros. No real word "
        "reads these rows, so they need no mask: source_keep alone says what may be attended to.",
        rule=lambda target, source: target[:, :, None] & source[:, None, :],
        settle=lambda weights, allowed: weights.nan_to_num(0.0),
    ),
    swapped(
        _cross_recipe,
        "causal",
        "There is a causal mask. The source has been read to its end: the first target word may "
        "look at the last source word.",
        rule=lambda target, source: (
            source[:, None, :]
            & torch.ones(target.shape[1], source.shape[1], dtype=torch.bool).tril()
        ),
    ),
    swapped(
        _cross_recipe,
        "mask after the softmax",
        "The mask comes after the softmax, when the padding has its share already. Put "
        "−∞ into the scores before.",
        hide=lambda s, allowed: s,
        settle=lambda w, allowed: w * allowed,
    ),
)


def _case(
    seed: int, batch: int, width: int, keeps: tuple[Tensor, Tensor], draw: Step
) -> tuple[Tensor, ...]:
    target, source = keeps
    x, memory = (
        draw(seed, batch, target.shape[1], width),
        draw(seed + 1, batch, source.shape[1], width),
    )
    matrices = (draw(seed + i, width, width) for i in (2, 3, 4))
    return (x, memory, target, source, *matrices)


cross_attention = Exercise(
    name="cross_attention",
    signature=(
        "f(x: (B, T, D), memory: (B, S, D), target_keep: (B, T) bool, source_keep: (B, S) bool, "
        "w_query: (D, D), w_key: (D, D), w_value: (D, D)) -> (B, T, D)"
    ),
    task=(
        "Attention from the target x to the source's memory, one head, projections x @ w, scale "
        "1/√D, over the source's real words. (One of the two masks is not needed.)"
    ),
    inputs=("x", "memory", "target_keep", "source_keep", "w_query", "w_key", "w_value"),
    reference=_cross_recipe,
    cases=(
        _case(1, 1, 2, (kept(2, size=2), kept(1, size=2)), halves),
        _case(6, 1, 2, (kept(3, size=3), kept(2, size=3)), halves),
        _case(11, 2, 4, (kept(4, 2, size=4), kept(3, 1, size=4)), normal),
        _case(16, 3, 5, (kept(2, 3, 1, size=3), kept(4, 2, 3, size=5)), normal),
    ),
    bank=_MASK_BANK
    + _SIDES_BANK
    + mistakes_of(_cross_recipe, "no scale", "divides by d_k", "softmax over the queries"),
    praise="This is the only way from the source into the target.",
    differentiable=True,
)
