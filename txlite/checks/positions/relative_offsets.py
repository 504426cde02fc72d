"""Exercise: how far every key stands from every query.

Sources
    Shaw et al. (2018), "Self-Attention with Relative Position Representations", section 3.1.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, as_given, swapped

__all__ = ["relative_offsets"]


def _from_the_end(num_queries: int, num_keys: int) -> int:
    return num_keys - num_queries


def _recipe(
    num_queries: int,
    num_keys: int,
    first: Step = _from_the_end,
    compare: Step = lambda i, j: j - i,
    finish: Step = as_given,
) -> object:
    i = torch.arange(num_queries)[:, None] + first(num_queries, num_keys)
    return finish(compare(i, torch.arange(num_keys)))


def _right(num_queries: int, num_keys: int) -> Tensor:
    i = torch.arange(num_keys - num_queries, num_keys)
    return torch.arange(num_keys) - i[:, None]


relative_offsets = Exercise(
    name="relative_offsets",
    signature="f(num_queries: int, num_keys: int) -> (T, S) int",
    task=(
        "Position of the key minus position of the query, j − i, for every pair. The last query "
        "stands at the last key."
    ),
    inputs=("num_queries", "num_keys"),
    reference=_right,
    cases=((1, 2), (2, 2), (1, 4), (2, 5), (4, 3)),
    bank=(
        swapped(
            _recipe,
            "counted from the first key",
            "The first query is taken to stand at the first key. With a cache there are fewer "
            "queries than keys, and the newest query stands at the newest key: its position is "
            "num_keys − num_queries + t.",
            first=lambda t, s: 0,
        ),
        swapped(
            _recipe,
            "shifted the wrong way",
            "The queries are shifted the wrong way: with more keys than queries they stand later, "
            "not earlier. Add num_keys − num_queries.",
            first=lambda t, s: t - s,
        ),
        swapped(
            _recipe,
            "one position late",
            "The last query stands one position behind the last key. Its distance to it is 0.",
            first=lambda t, s: s - t + 1,
        ),
        swapped(
            _recipe,
            "one position early",
            "The last query stands one position before the last key. Its distance to it is 0.",
            first=lambda t, s: s - t - 1,
        ),
        swapped(
            _recipe,
            "sign reversed",
            "This is i − j. Wanted is j − i: what lies in the past is negative.",
            compare=lambda i, j: i - j,
        ),
        swapped(
            _recipe,
            "sign lost",
            "This is the distance, without a sign. Before and behind have become the same.",
            compare=lambda i, j: (j - i).abs(),
        ),
        swapped(
            _recipe,
            "future cut off",
            "Keys ahead of the query are given offset 0. That is the mask's business, not the "
            "table's: an encoder wants to know how far ahead a key is.",
            compare=lambda i, j: (j - i).clamp(max=0),
        ),
        swapped(
            _recipe,
            "added",
            "The positions are added. Then the table depends on where the pair stands; the "
            "difference is what stays when both move.",
            compare=lambda i, j: i + j,
        ),
        swapped(
            _recipe,
            "rows and columns swapped",
            "Rows and columns are exchanged: rows are queries, columns are keys.",
            finish=lambda x: x.mT,
        ),
        Mistake(
            "square, of the keys",
            "The table is square, a row for each key. It should have a row for each query.",
            lambda num_queries, num_keys: _right(num_keys, num_keys),
        ),
        Mistake(
            "square, of the queries",
            "The table is square, a column for each query. It should have a column for each key.",
            lambda num_queries, num_keys: _right(num_queries, num_queries),
        ),
    ),
    praise="Move both by any number of positions: this table stays.",
)
