"""Exercise: the mask that hides what fills a batch (True = may attend).

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

__all__ = ["padding_mask"]


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
        swapped(_padding_recipe, *INVERTED, finish=flipped),
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
            finish=torch.ones_like,
        ),
        swapped(
            _padding_recipe,
            TRANSPOSED,
            "Rows and columns have changed places: a row for each sequence, a column for each "
            "key. lengths[:, None] turns the lengths into a column.",
            finish=lambda m: m.mT,
        ),
        swapped(_padding_recipe, *NUMBERS, finish=numbers),
        swapped(_padding_recipe, *ADDEND, finish=addend),
        swapped(_padding_recipe, *AXES, finish=lambda m: m[:, None, None]),
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
    praise="No query will attend to padding.",
)
