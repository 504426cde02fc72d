"""Exercise: where each token stands, whatever the padding.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.5, which pads nothing.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, as_given, swapped
from txlite.nn.positions import count_positions

__all__ = ["positions_from_keep"]


def _count(keep: Tensor) -> Tensor:
    return keep.long().cumsum(-1) - 1


def _not_below_zero(x: Tensor, keep: Tensor) -> Tensor:
    return x.clamp(min=0)


def _newest(x: Tensor, num_queries: int) -> Tensor:
    return x[:, x.shape[1] - num_queries :]


def _count_recipe(
    keep: Tensor,
    num_queries: int,
    count: Step = _count,
    settle: Step = _not_below_zero,
    choose: Step = _newest,
) -> object:
    return choose(settle(count(keep), keep), num_queries)


def _every_place(keep: Tensor) -> Tensor:
    return torch.arange(keep.shape[-1], device=keep.device).expand(keep.shape)


def _places_after_the_prompt(keep: Tensor, num_queries: int) -> object:
    whole = num_queries == keep.shape[1]
    return _count_recipe(keep, num_queries, **({} if whole else {"count": _every_place}))


def _anew(keep: Tensor, num_queries: int) -> object:
    return _count_recipe(_newest(keep, num_queries), num_queries)


def _rows(*rows: str) -> Tensor:
    return torch.tensor([[mark == "1" for mark in row] for row in rows])


positions_from_keep = Exercise(
    name="positions_from_keep",
    signature="f(keep: (B, S) bool, num_queries: int) -> (B, T) int",
    task=(
        "The positions of the newest T = num_queries tokens; keep tells also of those before, "
        "whose keys are in a cache. Real tokens count 0, 1, 2, … wherever the padding stands. "
        "Padding gets the position of the real token before it, or 0 if there is none."
    ),
    inputs=("keep", "num_queries"),
    reference=count_positions,
    cases=(
        (_rows("01"), 2),
        (_rows("01"), 1),
        (_rows("111", "110"), 3),
        (_rows("0011", "1101"), 4),
        (_rows("0011", "1101"), 1),
        (_rows("11000", "00111", "10101", "00000"), 5),
        (_rows("11011", "00111", "10110", "00001"), 2),
    ),
    bank=(
        swapped(
            _count_recipe,
            "padding counted",
            "Padding is counted like words. Where it stands in front, a sentence has other "
            "positions as soon as a longer one comes into its batch.",
            count=_every_place,
        ),
        Mistake(
            "padding counted once there is a cache",
            "The prompt is counted from the mask, and what follows by its place in the cache, "
            "padding and all. Then the newest token stands too far from every token before it.",
            _places_after_the_prompt,
        ),
        Mistake(
            "counted anew",
            "The newest tokens are counted from 0. The real tokens in the cache come before them.",
            _anew,
        ),
        swapped(
            _count_recipe,
            "the cache is counted too",
            "There is a position for every token. Those in the cache have theirs already: wanted "
            "are the newest num_queries.",
            choose=lambda x, num_queries: x,
        ),
        swapped(
            _count_recipe,
            "the oldest tokens",
            "These are the positions of the first tokens. The queries are the newest ones, at the "
            "end.",
            choose=lambda x, num_queries: x[:, :num_queries],
        ),
        swapped(
            _count_recipe,
            "from one",
            "The first word has position 1. Positions count from 0: subtract one.",
            count=lambda keep: keep.long().cumsum(1),
        ),
        swapped(
            _count_recipe,
            "below zero",
            "Padding in front gets −1, which is no row of any table (or, in Python, silently the "
            "last one). Clamp at 0.",
            settle=as_given,
        ),
        swapped(
            _count_recipe,
            "padding set to zero",
            "All padding gets 0. It is masked, so that would do no harm, but the task wants the "
            "position of the real token before it: clamp(min=0) alone does that.",
            settle=lambda x, keep: x.clamp(min=0) * keep,
        ),
        swapped(
            _count_recipe,
            "counts the words before",
            "Only words strictly before a slot are counted, so padding behind a sentence of n "
            "words gets n, which may be one more than a table has rows.",
            count=lambda keep: keep.long().cumsum(1) - keep.long(),
        ),
        swapped(
            _count_recipe,
            "counts down the batch",
            "The sum runs down the batch, from sentence to sentence. It runs along each "
            "sentence: axis −1.",
            count=lambda keep: keep.long().cumsum(0) - 1,
        ),
        swapped(
            _count_recipe,
            "all sentences alike",
            "Every sentence gets the positions of the first one.",
            count=lambda keep: _count(keep[:1]).expand(keep.shape),
        ),
        swapped(
            _count_recipe,
            "from the end",
            "The words are counted from the end of the sentence.",
            count=lambda keep: keep.long().flip(1).cumsum(1).flip(1) - 1,
        ),
        swapped(
            _count_recipe,
            "padding taken to be on the left",
            "This is right only while all padding stands in front. Count the real tokens up to "
            "each slot: a running sum of keep.",
            count=lambda keep: _every_place(keep) - (~keep).sum(1, keepdim=True),
        ),
        swapped(
            _count_recipe,
            "padding taken to be on the right",
            "This is right only while all padding stands behind. Count the real tokens up to "
            "each slot: a running sum of keep.",
            count=lambda keep: _every_place(keep).minimum(keep.sum(1, keepdim=True) - 1),
        ),
        swapped(
            _count_recipe,
            "the padding is counted, not the words",
            "The padding is counted, and the words are left out. True means a real token.",
            count=lambda keep: _count(~keep),
        ),
        Mistake(
            "not summed",
            "These are ones and zeros: keep as numbers. A position is how many ones there are up "
            "to it, a running sum.",
            lambda keep, num_queries: _newest(keep.long(), num_queries),
        ),
    ),
    praise="Padding may now stand anywhere: no position of a real token changes.",
)
