"""Exercise: the mask that hides the future (True = may attend).

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.2.3.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, as_given, swapped
from txlite.checks.masks._mask_mistakes import (
    ADDEND,
    AXES,
    INVERTED,
    NUMBERS,
    TRANSPOSED,
    addend,
    flipped,
    numbers,
)
from txlite.nn import masks

__all__ = ["causal_mask"]


def _diagonal(num_queries: int, num_keys: int) -> int:
    return num_keys - num_queries


def _causal_recipe(
    num_queries: int,
    num_keys: int,
    offset: Step = _diagonal,
    sees: Step = lambda i, j: j <= i,
    finish: Step = as_given,
) -> object:
    i = torch.arange(num_queries)[:, None] + offset(num_queries, num_keys)
    return finish(sees(i, torch.arange(num_keys)))


def _right_causal(num_queries: int, num_keys: int) -> Tensor:
    return masks.causal().to_tensor(num_queries, num_keys)


causal_mask = Exercise(
    name="causal_mask",
    signature="f(num_queries: int, num_keys: int) -> (T, S) bool",
    task=(
        "True where query i may attend to key j: keys up to its own position and none later. "
        "The last query stands at the last key."
    ),
    inputs=("num_queries", "num_keys"),
    reference=_right_causal,
    cases=((2, 2), (1, 3), (3, 3), (2, 5), (4, 2)),
    bank=(
        swapped(_causal_recipe, *INVERTED, finish=flipped),
        swapped(
            _causal_recipe,
            "cannot see itself",
            "A query may not attend to its own position. It may: only keys after it are the "
            "future. Without itself the first query has nothing to look at. Write ≤, not <.",
            sees=lambda i, j: j < i,
        ),
        swapped(
            _causal_recipe,
            "sees one step ahead",
            "Each query sees one key too many, the very one that it should predict. A model "
            "trained so has a wonderful loss and cannot write a word.",
            sees=lambda i, j: j <= i + 1,
        ),
        swapped(
            _causal_recipe,
            "aligned to the first key",
            "The first query stands at the first key. When there are more keys than queries, as "
            "with a cache, the newest query stands at the newest key: shift the diagonal by "
            "num_keys − num_queries.",
            offset=lambda t, s: 0,
        ),
        swapped(
            _causal_recipe,
            "shifted the wrong way",
            "The diagonal is shifted the wrong way. With more keys than queries each query sees "
            "more, not less: shift by num_keys − num_queries.",
            offset=lambda t, s: t - s,
        ),
        swapped(
            _causal_recipe,
            "upper triangle",
            "Each query sees itself and the future: the upper triangle. Wanted is the lower one, "
            "itself and the past.",
            sees=lambda i, j: j >= i,
        ),
        swapped(
            _causal_recipe,
            TRANSPOSED,
            "Rows and columns have changed places: rows are queries, columns are keys.",
            finish=lambda m: m.mT,
        ),
        swapped(
            _causal_recipe,
            "only itself",
            "Each query sees its own position only, and the past is lost too.",
            sees=lambda i, j: j == i,
        ),
        swapped(
            _causal_recipe,
            "everything allowed",
            "Everything is allowed, the future too.",
            finish=torch.ones_like,
        ),
        swapped(_causal_recipe, *NUMBERS, finish=numbers),
        swapped(_causal_recipe, *ADDEND, finish=addend),
        swapped(_causal_recipe, *AXES, finish=lambda m: m[None, None]),
        Mistake(
            "square, of the keys",
            "The mask is square, a row for each key. It should have a row for each query.",
            lambda num_queries, num_keys: _right_causal(num_keys, num_keys),
        ),
        Mistake(
            "square, of the queries",
            "The mask is square, a column for each query. It should have a column for each key.",
            lambda num_queries, num_keys: _right_causal(num_queries, num_queries),
        ),
    ),
    praise="No query will ever see its own future.",
)
