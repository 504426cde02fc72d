"""Exercise: where in attention the turn belongs.

Sources
    Su et al. (2024), "RoFormer", equation (16).
"""

import torch
from torch import Tensor

from txlite.checks.dot_product._attention_steps import by_root_width, softmax_over_keys
from txlite.checks.framework import Exercise, Step, as_given, halves, normal, swapped
from txlite.nn import scaled_dot_product_attention
from txlite.nn.positions import Rotary

__all__ = ["rotary_attention"]


def _turned(x: Tensor, positions: Tensor) -> Tensor:
    out: Tensor = Rotary(x.shape[-1])(positions).apply(x)
    return out


def _recipe(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    i: Tensor,
    j: Tensor,
    queries: Step = lambda q, i, j: _turned(q, i),
    keys: Step = lambda k, i, j: _turned(k, j),
    values: Step = lambda v, j: v,
    scale: Step = by_root_width,
    finish: Step = as_given,
) -> object:
    q, k = queries(query, i, j), keys(key, i, j)
    weights = softmax_over_keys(scale(q @ k.mT, q, k))
    return finish(weights @ values(value, j), i)


def _right(query: Tensor, key: Tensor, value: Tensor, i: Tensor, j: Tensor) -> Tensor:
    return scaled_dot_product_attention(_turned(query, i), _turned(key, j), value)


def _places(*numbers: int) -> Tensor:
    return torch.tensor(numbers)


rotary_attention = Exercise(
    name="rotary_attention",
    signature=(
        "f(query: (*B, T, E), key: (*B, S, E), value: (*B, S, E), query_positions: (T,), "
        "key_positions: (S,)) -> (*B, T, E)"
    ),
    task=(
        "Scaled dot-product attention with rotary positions. Rotary(E)(positions).apply(x) turns "
        "vectors; decide which."
    ),
    inputs=("query", "key", "value", "query_positions", "key_positions"),
    reference=_right,
    cases=(
        (
            torch.tensor([[2.0, 0.0]]),
            torch.tensor([[2.0, 0.0], [0.0, 2.0]]),
            torch.tensor([[1.0, 0.0], [0.0, 1.0]]),
            _places(3),
            _places(1, 2),
        ),
        (halves(1, 1, 4), halves(2, 3, 4), halves(3, 3, 4), _places(2), _places(0, 1, 2)),
        (
            halves(4, 2, 2, 4),
            halves(5, 2, 3, 4),
            halves(6, 2, 3, 4),
            _places(6, 7),
            _places(5, 6, 7),
        ),
        (
            normal(7, 2, 3, 4, 6),
            normal(8, 2, 3, 5, 6),
            normal(9, 2, 3, 5, 6),
            _places(20, 21, 22, 23),
            _places(0, 1, 21, 22, 23),
        ),
    ),
    bank=(
        swapped(
            _recipe,
            "turns the values too",
            "The values are turned as well. Positions enter the scores; the values "
            "are averaged as they are, wherever they stand.",
            values=_turned,
        ),
        swapped(
            _recipe,
            "keys left as they are",
            "Only the queries are turned, so a score sees where the query stands and nothing of "
            "the key's position. Turn both: then only the difference is left.",
            keys=lambda k, i, j: k,
        ),
        swapped(
            _recipe,
            "queries left as they are",
            "Only the keys are turned, so a score sees where the key stands and nothing of the "
            "query's position. Turn both: then only the difference is left.",
            queries=lambda q, i, j: q,
        ),
        swapped(
            _recipe,
            "keys turned backwards",
            "The keys turn the other way. Then the angle between the two grows with i + j. When "
            "both turn the same way it is i − j.",
            keys=lambda k, i, j: _turned(k, -j),
        ),
        swapped(
            _recipe,
            "queries turned backwards",
            "The queries turn the other way. Then the angle between the two grows with i + j. "
            "When both turn the same way it is i − j.",
            queries=lambda q, i, j: _turned(q, -i),
        ),
        swapped(
            _recipe,
            "queries counted from zero",
            "The queries are counted from 0. With a cache the new query stands after all the keys "
            "it has: use the positions that were given.",
            queries=lambda q, i, j: _turned(q, torch.arange(len(i))),
        ),
        swapped(
            _recipe,
            "keys counted from zero",
            "The keys are counted from 0 in the order in which they come. Use the positions that "
            "were given: keys may have been padded, or dropped from the cache.",
            keys=lambda k, i, j: _turned(k, torch.arange(len(j))),
        ),
        swapped(
            _recipe,
            "keys turned twice",
            "The keys are turned twice. If a cache holds turned keys, they are turned already.",
            keys=lambda k, i, j: _turned(_turned(k, j), j),
        ),
        swapped(
            _recipe,
            "output turned",
            "The output is turned. It comes after the softmax, where no score can change any "
            "more: queries and keys are what is turned.",
            finish=_turned,
        ),
        swapped(
            _recipe,
            "positions unused",
            "Nothing is turned: this is plain attention, which knows no order.",
            queries=lambda q, i, j: q,
            keys=lambda k, i, j: k,
        ),
        swapped(
            _recipe,
            "scale forgotten",
            "The scores are not divided by √E. Turning keeps lengths, so a dot product grows with "
            "the width as before, and so does the reason for dividing.",
            scale=as_given,
        ),
    ),
    praise="Shift every position by a million: the answer stays.",
    differentiable=True,
)
