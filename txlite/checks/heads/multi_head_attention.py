"""Exercise: many attentions side by side.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.2.2.
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
from txlite.checks.heads._score_mistakes import OVER_HEADS, ROOT_D_MODEL, by_root_d_model
from txlite.checks.heads._split_and_merge import right_merge, right_split
from txlite.nn import scaled_dot_product_attention

__all__ = ["multi_head_attention"]


def _each(x: Tensor, w_query: Tensor, w_key: Tensor, w_value: Tensor) -> tuple[Tensor, ...]:
    return x @ w_query, x @ w_key, x @ w_value


def _heads_recipe(
    x: Tensor,
    w_query: Tensor,
    w_key: Tensor,
    w_value: Tensor,
    w_output: Tensor,
    num_heads: int,
    project: Step = _each,
    split: Step = right_split,
    score: Step = dot,
    scale: Step = by_root_width,
    normalise: Step = softmax_over_keys,
    merge: Step = right_merge,
    output: Step = torch.matmul,
) -> object:
    q, k, v = (split(y, num_heads) for y in project(x, w_query, w_key, w_value))
    z = normalise(scale(score(q, k), q, k)) @ v
    return output(merge(z), w_output)


def _right_heads(
    x: Tensor, w_query: Tensor, w_key: Tensor, w_value: Tensor, w_output: Tensor, num_heads: int
) -> Tensor:
    q, k, v = (right_split(x @ w, num_heads) for w in (w_query, w_key, w_value))
    return right_merge(scaled_dot_product_attention(q, k, v)) @ w_output


def _plain_cut(x: Tensor, num_heads: int) -> Tensor:
    return x.reshape(x.shape[0], num_heads, x.shape[1], -1)


_PROJECTION_BANK = (
    swapped(
        _heads_recipe,
        "matrices transposed",
        "The input is multiplied by the transposed matrices. Here it is x @ w; torch.nn.Linear "
        "is what stores its matrix transposed.",
        project=lambda x, q, k, v: (x @ q.T, x @ k.T, x @ v.T),
    ),
    swapped(
        _heads_recipe,
        "query and key matrices swapped",
        "W^Q and W^K are exchanged. W^Q makes the questions, W^K the signs that answer "
        "them: who asks whom is turned round.",
        project=lambda x, q, k, v: (x @ k, x @ q, x @ v),
    ),
    swapped(
        _heads_recipe,
        "key and value matrices swapped",
        "W^K and W^V are exchanged. W^K makes what a word is found by, W^V what it hands over.",
        project=lambda x, q, k, v: (x @ q, x @ v, x @ k),
    ),
    swapped(
        _heads_recipe,
        "keys handed over",
        "The keys are averaged where the values should be: W^V is never used.",
        project=lambda x, q, k, v: (x @ q, x @ k, x @ k),
    ),
    swapped(
        _heads_recipe,
        "input handed over",
        "The input itself is averaged, without W^V. A word is found by one thing and hands over "
        "another: x @ w_value.",
        project=lambda x, q, k, v: (x @ q, x @ k, x),
    ),
    swapped(
        _heads_recipe,
        "W^Q for the keys too",
        "The keys are made with W^Q. Then the scores are symmetric: each word scores another as "
        "the other scores it. W^K lets a word be found by something else than it looks for.",
        project=lambda x, q, k, v: (x @ q, x @ q, x @ v),
    ),
    swapped(
        _heads_recipe,
        "no projection",
        "Queries, keys and values are the input itself. It is W^Q, W^K and W^V that make them "
        "different.",
        project=lambda x, q, k, v: (x, x, x),
    ),
)

_SPLIT_BANK = (
    swapped(
        _heads_recipe,
        "split without transpose",
        "The vectors are reshaped straight into (B, H, T, E), so a head gets whole words "
        "instead of a piece of every word. Reshape to (B, T, H, E), then transpose.",
        split=_plain_cut,
    ),
    swapped(
        _heads_recipe,
        "merge without transpose",
        "The heads are merged without a transpose, which mixes the positions: from "
        "(B, H, T, E) go to (B, T, H, E) first, then flatten.",
        merge=lambda z: z.reshape(z.shape[0], z.shape[2], -1),
    ),
    swapped(
        _heads_recipe,
        "split and merge without transpose",
        "Splitting and merging both reshape without a transpose. The shapes fit, but the heads "
        "get whole words instead of pieces of every word.",
        split=_plain_cut,
        merge=lambda z: z.reshape(z.shape[0], z.shape[2], -1),
    ),
    swapped(
        _heads_recipe,
        "heads attend to each other",
        "The heads stand on the axis where the positions should be, (B, T, H, E), so the heads "
        "of one word attend to each other and no word to another. Transpose axes 1 and 2.",
        split=lambda x, n: x.unflatten(-1, (n, -1)),
        merge=lambda z: z.flatten(2),
    ),
    swapped(
        _heads_recipe,
        "heads interleaved",
        "Head h gets every H-th entry instead of the entries h·E to (h + 1)·E.",
        split=lambda x, n: x.unflatten(-1, (-1, n)).permute(0, 3, 1, 2),
    ),
    swapped(
        _heads_recipe,
        "one wide head",
        "There is one wide head, whatever num_heads says: a single softmax, a single pattern of "
        "attention.",
        split=lambda x, n: x[:, None],
    ),
    swapped(
        _heads_recipe,
        "first head in place of all",
        "All heads say what the first one says.",
        merge=lambda z: right_merge(z[:, :1].expand_as(z)),
    ),
    swapped(
        _heads_recipe,
        "heads averaged",
        "The heads are averaged where they should be put side by side. Then they share one voice.",
        merge=lambda z: z.mean(1),
    ),
    swapped(
        _heads_recipe,
        "mean of the heads for every head",
        "The columns of every head hold the mean of all heads. Put them side by side as they are.",
        merge=lambda z: right_merge(z.mean(1, keepdim=True).expand_as(z)),
    ),
)

_SCORE_BANK = (
    swapped(_heads_recipe, *ROOT_D_MODEL, scale=by_root_d_model),
    swapped(
        _heads_recipe,
        "divides by √(number of heads)",
        "The scores are divided by the root of the number of heads. It is the root of one "
        "head's width, E = D/H.",
        scale=lambda s, q, k: s / math.sqrt(q.shape[1]),
    ),
    swapped(_heads_recipe, *OVER_HEADS, normalise=lambda s: s.softmax(1)),
    swapped(
        _heads_recipe,
        "W^O forgotten",
        "The heads are side by side but never mixed: the last step, @ w_output, is missing.",
        output=as_given,
    ),
    swapped(
        _heads_recipe,
        "W^O transposed",
        "The output matrix is transposed: it is merged @ w_output.",
        output=lambda z, w: z @ w.T,
    ),
)

multi_head_attention = Exercise(
    name="multi_head_attention",
    signature=(
        "f(x: (B, T, D), w_query: (D, D), w_key: (D, D), w_value: (D, D), w_output: (D, D), "
        "num_heads: int) -> (B, T, D)"
    ),
    task=(
        "Multi-head self-attention: project by x @ w, split into heads, attend in each with "
        "the scale 1/√E, merge, multiply by w_output. Head h owns columns h·E to (h + 1)·E."
    ),
    inputs=("x", "w_query", "w_key", "w_value", "w_output", "num_heads"),
    reference=_right_heads,
    cases=(
        (*(halves(i, *((1, 2, 2) if i == 1 else (2, 2))) for i in range(1, 6)), 1),
        (*(halves(i, *((1, 2, 4) if i == 6 else (4, 4))) for i in range(6, 11)), 2),
        (*(normal(i, *((2, 3, 6) if i == 11 else (6, 6))) for i in range(11, 16)), 2),
        (*(normal(i, *((2, 5, 12) if i == 16 else (12, 12))) / 2 for i in range(16, 21)), 3),
    ),
    bank=(
        _SCORE_BANK
        + _SPLIT_BANK
        + _PROJECTION_BANK
        + mistakes_of(_heads_recipe, "no scale", "divides by d_k", "softmax over the queries")
    ),
    praise="Several questions asked at once, for the price of one.",
    differentiable=True,
)
