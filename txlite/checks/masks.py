"""Exercises of chapter 3: two masks (True = may attend).

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.2.3.
"""

import math

import torch
from torch import Tensor

from txlite.checks._steps import Step, as_given, swapped
from txlite.checks.exercise import Exercise, Mistake
from txlite.nn import masks

__all__ = ["causal_mask", "padding_mask"]


def _flipped(mask: Tensor) -> Tensor:
    return ~mask


def _numbers(mask: Tensor) -> Tensor:
    return mask.float()


def _addend(mask: Tensor) -> Tensor:
    return torch.zeros(mask.shape).masked_fill(~mask, -math.inf)


_INVERTED = (
    "inverted",
    "The mask is inverted: it is True where a query must not look. In this book, as in "
    "scaled_dot_product_attention, True means “may attend”.",
)
_NUMBERS = (
    "numbers",
    "The mask holds numbers, not True and False. Nobody can tell from a 1 whether it allows or "
    "forbids, so masks are bool here; compare with < or ≤, or call .bool().",
)
_ADDEND = (
    "made for adding",
    "This is the mask that is added to the scores, with 0 and −∞. Wanted is the question before "
    "it, who may attend to whom: a bool tensor.",
)
_TRANSPOSED = "rows and columns swapped"
_AXES = (
    "extra axes",
    "The mask is right but has extra axes of size one. They can be added where they are needed; "
    "broadcasting adds those in front by itself.",
)


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
        swapped(_causal_recipe, *_INVERTED, finish=_flipped),
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
            _TRANSPOSED,
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
            sees=lambda i, j: j >= i.new_zeros(()) * i,
        ),
        swapped(_causal_recipe, *_NUMBERS, finish=_numbers),
        swapped(_causal_recipe, *_ADDEND, finish=_addend),
        swapped(_causal_recipe, *_AXES, finish=lambda m: m[None, None]),
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


def _padding_recipe(
    lengths: Tensor,
    num_keys: int,
    real: Step = lambda j, n, s: j < n,
    finish: Step = as_given,
) -> object:
    positions = torch.arange(num_keys, device=lengths.device)
    return finish(real(positions, lengths[:, None], num_keys))


padding_mask = Exercise(
    name="padding_mask",
    signature="f(lengths: (B,) int, num_keys: int) -> (B, S) bool",
    task="True where a key is a real token: the first lengths[b] keys of sequence b.",
    inputs=("lengths", "num_keys"),
    reference=_padding_recipe,
    cases=(
        (torch.tensor([1]), 2),
        (torch.tensor([1, 3]), 3),
        (torch.tensor([2, 4, 1]), 5),
        (torch.tensor([0, 2]), 3),
    ),
    bank=(
        swapped(_padding_recipe, *_INVERTED, finish=_flipped),
        swapped(
            _padding_recipe,
            "one too many",
            "One padding key too many is allowed. Positions count from 0, so a sequence of "
            "length n has the positions 0 … n − 1: write <, not ≤.",
            real=lambda j, n, s: j <= n,
        ),
        swapped(
            _padding_recipe,
            "one too few",
            "The last real token is masked out. A sequence of length n has the positions "
            "0 … n − 1.",
            real=lambda j, n, s: j < n - 1,
        ),
        swapped(
            _padding_recipe,
            "padding on the left",
            "The real tokens are taken to be the last ones. Here the padding comes after them, "
            "on the right.",
            real=lambda j, n, s: j >= s - n,
        ),
        swapped(
            _padding_recipe,
            "only the last token",
            "Only the last real token is allowed. Every position below the length is real.",
            real=lambda j, n, s: j == n - 1,
        ),
        swapped(
            _padding_recipe,
            "everything allowed",
            "Everything is allowed, the padding too.",
            real=lambda j, n, s: j + n >= 0,
        ),
        swapped(
            _padding_recipe,
            _TRANSPOSED,
            "Rows and columns have changed places: a row for each sequence, a column for each "
            "key. lengths[:, None] turns the lengths into a column.",
            finish=lambda m: m.mT,
        ),
        swapped(_padding_recipe, *_NUMBERS, finish=_numbers),
        swapped(_padding_recipe, *_ADDEND, finish=_addend),
        swapped(_padding_recipe, *_AXES, finish=lambda m: m[:, None, None]),
        Mistake(
            "as wide as the longest",
            "The mask is as wide as the longest sequence. It should have num_keys columns: the "
            "batch may be padded further than its longest member.",
            lambda lengths, num_keys: _padding_recipe(lengths, int(lengths.max())),
        ),
        Mistake(
            "all sequences alike",
            "Every sequence gets the longest one's mask. Compare with each length by itself: "
            "lengths[:, None].",
            lambda lengths, num_keys: _padding_recipe(lengths.max().expand_as(lengths), num_keys),
        ),
    ),
    praise="Padding will stay unheard.",
)
