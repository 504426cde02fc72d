"""Exercise: query heads that share their keys and values.

Sources
    Ainslie et al. (2023), "GQA", section 2.2.
"""

from torch import Tensor

from txlite.checks.dot_product._attention_steps import (
    by_root_width,
    dot,
    mistakes_of,
    softmax_over_keys,
)
from txlite.checks.framework import Exercise, Step, halves, normal, swapped
from txlite.checks.heads._score_mistakes import OVER_HEADS, ROOT_D_MODEL, by_root_d_model
from txlite.nn import scaled_dot_product_attention

__all__ = ["grouped_query_attention"]


def _interleave(x: Tensor, num_heads: int) -> Tensor:
    return x.repeat_interleave(num_heads // x.shape[1], 1)


def _tile(x: Tensor, num_heads: int) -> Tensor:
    return x.repeat(1, num_heads // x.shape[1], 1, 1)


def _first(x: Tensor, num_heads: int) -> Tensor:
    return x[:, :1]


def _mean(x: Tensor, num_heads: int) -> Tensor:
    return x.mean(1, keepdim=True)


def _untouched(query: Tensor, num_groups: int) -> Tensor:
    return query


def _grouped_recipe(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    ask: Step = _untouched,
    share_key: Step = _interleave,
    share_value: Step = _interleave,
    score: Step = dot,
    scale: Step = by_root_width,
    normalise: Step = softmax_over_keys,
    answer: Step = _untouched,
) -> object:
    groups = key.shape[1]
    q = ask(query, groups)
    k, v = share_key(key, q.shape[1]), share_value(value, q.shape[1])
    return answer(normalise(scale(score(q, k), q, k)) @ v, groups)


def _group_mean(x: Tensor, num_groups: int) -> Tensor:
    return x.reshape(len(x), num_groups, -1, *x.shape[2:]).mean(2)


def _right_grouped(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    k, v = (_interleave(x, query.shape[1]) for x in (key, value))
    return scaled_dot_product_attention(query, k, v)


grouped_query_attention = Exercise(
    name="grouped_query_attention",
    signature=("f(query: (B, H, T, E), key: (B, G, S, E), value: (B, G, S, E)) -> (B, H, T, E)"),
    task=(
        "Attention with H query heads but only G key and value heads: neighbouring query heads "
        "share one, head h uses group h // (H/G)."
    ),
    inputs=("query", "key", "value"),
    reference=_right_grouped,
    cases=(
        (halves(1, 1, 2, 1, 2), halves(2, 1, 1, 2, 2), halves(3, 1, 1, 2, 2)),
        (halves(4, 1, 2, 1, 4), halves(5, 1, 2, 3, 4), halves(6, 1, 2, 3, 4)),
        (halves(7, 1, 4, 1, 3), halves(8, 1, 2, 2, 3), halves(9, 1, 2, 2, 3)),
        (normal(10, 2, 6, 3, 5), normal(11, 2, 2, 4, 5), normal(12, 2, 2, 4, 5)),
        (normal(13, 2, 6, 4, 5), normal(14, 2, 3, 7, 5), normal(15, 2, 3, 7, 5)),
    ),
    bank=(
        swapped(
            _grouped_recipe,
            "groups dealt in turn",
            "The groups are dealt in turn, 0 1 0 1, as repeat does. Neighbouring heads should "
            "share a group, 0 0 1 1: repeat_interleave.",
            share_key=_tile,
            share_value=_tile,
        ),
        swapped(
            _grouped_recipe,
            "values dealt in turn",
            "The values are dealt in turn, 0 1 0 1, but the keys are not: each head finds a "
            "word in one group and takes its value from another. repeat_interleave for both.",
            share_value=_tile,
        ),
        swapped(
            _grouped_recipe,
            "keys dealt in turn",
            "The keys are dealt in turn, 0 1 0 1, but the values are not: each head finds a "
            "word in one group and takes its value from another. repeat_interleave for both.",
            share_key=_tile,
        ),
        swapped(
            _grouped_recipe,
            "one group for all",
            "All heads use the first group. That is multi-query attention, G = 1; here there "
            "are G groups.",
            share_key=_first,
            share_value=_first,
        ),
        swapped(
            _grouped_recipe,
            "groups averaged",
            "The groups are averaged into one. Each group should serve heads of its own.",
            share_key=_mean,
            share_value=_mean,
        ),
        swapped(
            _grouped_recipe,
            "groups not shared out",
            "The keys and values are not shared out among the heads, so the head axes H and G "
            "do not fit: repeat each group H/G times.",
            share_key=_untouched,
            share_value=_untouched,
        ),
        swapped(
            _grouped_recipe,
            "queries averaged",
            "The queries of a group are averaged first. It is keys and values that are shared; "
            "each query head keeps its own question.",
            ask=_group_mean,
        ),
        swapped(
            _grouped_recipe,
            "answers averaged",
            "The answers of a group's heads are averaged. Sharing keys and values does not "
            "merge the heads: the result has H of them.",
            answer=_group_mean,
        ),
        swapped(_grouped_recipe, *ROOT_D_MODEL, scale=by_root_d_model),
        swapped(_grouped_recipe, *OVER_HEADS, normalise=lambda s: s.softmax(1)),
        *mistakes_of(
            _grouped_recipe,
            "no scale",
            "divides by d_k",
            "divides by √(number of keys)",
            "softmax over the queries",
        ),
    ),
    praise="The same questions, with a smaller memory to carry.",
    differentiable=True,
)
