"""Exercise: which of two sentences each token of a pair belongs to.

Sources
    Devlin et al. (2019), "BERT: Pre-training of Deep Bidirectional Transformers for Language
    Understanding", section 3 and figure 2.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, as_given, swapped

__all__ = ["segment_ids"]

SEP = 2  # [PAD], [CLS] and [SEP] are the tokens 0 to 2


def _separators(tokens: Tensor) -> Tensor:
    return (tokens == SEP).long()


def _ended_before(ends: Tensor) -> Tensor:
    return ends.cumsum(1) - ends


def _second(before: Tensor, tokens: Tensor) -> Tensor:
    return ((before > 0) & (tokens != 0)).long()


def _recipe(
    tokens: Tensor,
    count: Step = _ended_before,
    tell: Step = _second,
    finish: Step = as_given,
) -> object:
    return finish(tell(count(_separators(tokens)), tokens))


def _by_half(tokens: Tensor) -> Tensor:
    real = tokens != 0
    positions = torch.arange(tokens.shape[1])
    return (real & (2 * positions >= real.sum(1, keepdim=True))).long()


segment_ids = Exercise(
    name="segment_ids",
    signature="f(tokens: (B, T) int) -> (B, T) int",
    task=(
        "The segment of each token. A row is [CLS] first [SEP], in most rows second [SEP] after "
        "it, and then padding; tokens 0, 1 and 2 are padding, [CLS] and [SEP]. Segment 0 goes up "
        "to the first [SEP], with it. Segment 1 goes up to the second, with it. Padding has 0."
    ),
    inputs=("tokens",),
    reference=_recipe,
    cases=(
        (torch.tensor([[1, 5, 2, 7, 2]]),),
        (torch.tensor([[1, 5, 2, 7, 2, 0], [1, 6, 8, 2, 0, 0]]),),
        (torch.tensor([[1, 9, 4, 4, 2, 3, 2, 0], [1, 8, 2, 5, 6, 7, 3, 2]]),),
    ),
    bank=(
        swapped(
            _recipe,
            "the separator begins the second",
            "The first [SEP] is in segment 1. It ends the first sentence and belongs to it: count "
            "the separators *before* a token.",
            count=lambda ends: ends.cumsum(1),
        ),
        swapped(
            _recipe,
            "a third segment",
            "What follows the second [SEP] has a number that the table of segments has no row "
            "for. Two sentences have the segments 0 and 1, and padding has 0.",
            tell=lambda before, tokens: before,
        ),
        swapped(
            _recipe,
            "padding in the second",
            "Padding is in segment 1. It is hidden from the attention all the same, but wanted "
            "is 0, as the published models have been given it.",
            tell=lambda before, tokens: (before > 0).long(),
        ),
        swapped(
            _recipe,
            "padding after one sentence in the second",
            "One separator came before the padding of a row with one sentence, so it is in segment "
            "1. Padding has 0 in every row.",
            tell=lambda before, tokens: (before == 1).long(),
        ),
        swapped(
            _recipe,
            "the last separator in the first",
            "The second [SEP] is in segment 0. It ends the second sentence and belongs to it.",
            tell=lambda before, tokens: ((before > 0) & (tokens > SEP)).long(),
        ),
        swapped(
            _recipe,
            "counted from one",
            "The segments are 1 and 2. They are rows of a table: count from 0.",
            finish=lambda segments: segments + 1,
        ),
        swapped(
            _recipe,
            "the wrong way round",
            "The first sentence is in segment 1, and the second in 0.",
            finish=lambda segments: 1 - segments,
        ),
        swapped(
            _recipe,
            "all in one segment",
            "Everything is in segment 0. From where the second sentence begins it is 1.",
            finish=torch.zeros_like,
        ),
        swapped(
            _recipe,
            "true and false",
            "These are truth values, and a table of embeddings is asked by whole numbers: .long().",
            finish=lambda segments: segments == 1,
        ),
        Mistake(
            "cut in the middle",
            "The row is cut in the middle. Its sentences need not be of one length: look "
            "for [SEP].",
            _by_half,
        ),
        swapped(
            _recipe,
            "every row like the first",
            "Every row is cut where the first one is. Each has a [SEP] of its own.",
            count=lambda ends: _ended_before(ends)[:1],
        ),
    ),
    praise="The embedding's second row is added where the second sentence stands.",
)
