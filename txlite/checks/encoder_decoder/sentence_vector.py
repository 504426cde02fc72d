"""Exercise: one vector for a sentence, whatever the padding behind it.

Sources
    Reimers and Gurevych (2019), "Sentence-BERT", section 3 (mean pooling over the real tokens).
"""

import torch
from torch import Tensor

from txlite.checks.encoder_decoder._sublayers import kept
from txlite.checks.framework import Exercise, Step, halves, normal, swapped

__all__ = ["sentence_vector"]


def _hide(x: Tensor, keep: Tensor) -> Tensor:
    return x * keep[..., None]


def _add(x: Tensor, keep: Tensor) -> Tensor:
    return x.sum(1)


def _share(total: Tensor, keep: Tensor) -> Tensor:
    return total / keep.sum(1, keepdim=True)


def _pool_recipe(
    x: Tensor, keep: Tensor, hide: Step = _hide, add: Step = _add, share: Step = _share
) -> object:
    return share(add(hide(x, keep), keep), keep)


def _last_real(x: Tensor, keep: Tensor) -> Tensor:
    after = keep.flip(1).cumsum(1).flip(1)  # how many real words come from here on
    return x[(after == 1) & keep]


def _at_the_count(x: Tensor, keep: Tensor) -> Tensor:
    return x[torch.arange(len(x)), keep.sum(1) - 1]


def _whole(total: Tensor, keep: Tensor) -> Tensor:
    return total


_SHOWN = {"hide": lambda x, keep: x}

sentence_vector = Exercise(
    name="sentence_vector",
    signature="f(x: (B, T, D), keep: (B, T) bool) -> (B, D)",
    task="The mean of the vectors of each sentence's real words; keep is False at the padding.",
    inputs=("x", "keep"),
    reference=_pool_recipe,
    cases=(
        (halves(1, 1, 2, 2), kept(1, size=2)),
        (halves(2, 2, 3, 3), kept(3, 2, size=3)),
        (normal(3, 3, 5, 4), kept(2, 5, 4, size=5)),
        (normal(4, 2, 4, 5), torch.tensor([[False, True, True, True], [True, False, True, False]])),
    ),
    bank=(
        swapped(
            _pool_recipe,
            "padding added and counted",
            "The mean runs over the padding too, in the sum and in the count: the same sentence in "
            "a longer batch becomes another vector.",
            hide=lambda x, keep: x,
            share=lambda total, keep: total / keep.shape[1],
        ),
        swapped(
            _pool_recipe,
            "divides by the padded length",
            "The padding is left out of the sum but counted: divide by keep.sum(1), the number of "
            "real words, not by T.",
            share=lambda total, keep: total / keep.shape[1],
        ),
        swapped(
            _pool_recipe,
            "padding added",
            "The padding is added to the sum, though not counted. Multiply x by keep first.",
            **_SHOWN,
        ),
        swapped(
            _pool_recipe,
            "the sum",
            "This is the sum of the real words, not their mean: long sentences get long vectors.",
            share=_whole,
        ),
        swapped(
            _pool_recipe,
            "the mean of the padding",
            "The mask is used the wrong way round: True is a real word, and here the padding is "
            "averaged.",
            hide=lambda x, keep: x * ~keep[..., None],
            share=lambda total, keep: total / (~keep).sum(1, keepdim=True),
        ),
        swapped(
            _pool_recipe,
            "divides by the count of the whole batch",
            "The divisor counts the real words of all sentences together. Each sentence has a "
            "count of its own: keep.sum(1).",
            share=lambda total, keep: total / keep.sum(),
        ),
        swapped(
            _pool_recipe,
            "the first word",
            "This is the vector of the first word. Some models take it; wanted is the mean.",
            **_SHOWN,
            add=lambda x, keep: x[:, 0],
            share=_whole,
        ),
        swapped(
            _pool_recipe,
            "the last position",
            "This is the vector of the last position, which is padding in a short sentence.",
            **_SHOWN,
            add=lambda x, keep: x[:, -1],
            share=_whole,
        ),
        swapped(
            _pool_recipe,
            "the last real word",
            "This is the vector of the last real word. Wanted is the mean.",
            **_SHOWN,
            add=_last_real,
            share=_whole,
        ),
        swapped(
            _pool_recipe,
            "the position that the count says",
            "This is the vector at position keep.sum(1) − 1: the last real word where all padding "
            "stands at the end, and any word elsewhere. Wanted is the mean.",
            **_SHOWN,
            add=_at_the_count,
            share=_whole,
        ),
        swapped(
            _pool_recipe,
            "the maximum",
            "This is the maximum over the positions, with zeros at the padding. Wanted is the "
            "mean.",
            add=lambda x, keep: x.amax(1),
            share=_whole,
        ),
    ),
    praise="The vector does not depend on the padding.",
    differentiable=True,
)
