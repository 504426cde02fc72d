"""Exercise: the score of what a beam search finished.

Sources
    Wu et al. (2016), "Google's Neural Machine Translation System", section 7.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, normal, swapped

__all__ = ["finished_score"]


def _up_to_the_end(tokens: Tensor, eos: int) -> Tensor:
    ended = (tokens == eos).long()
    return ended.cumsum(1) - ended == 0  # no end before this token


def _sum(log_probs: Tensor, real: Tensor) -> Tensor:
    return (log_probs * real).sum(1)


def _length(real: Tensor, ends: Tensor) -> Tensor:
    return real.sum(1)


def _up_to_the_last_end(tokens: Tensor, eos: int) -> Tensor:
    ends = tokens == eos
    return (ends.flip(1).cumsum(1).flip(1) > 0) | ~ends.any(1, keepdim=True)


def _power(total: Tensor, length: Tensor, penalty: float) -> Tensor:
    return total / length.to(total.dtype) ** penalty


def _score_recipe(
    log_probs: Tensor,
    tokens: Tensor,
    eos: int,
    penalty: float,
    real: Step = _up_to_the_end,
    add: Step = _sum,
    count: Step = _length,
    normalise: Step = _power,
) -> object:
    mask = real(tokens, eos)
    return normalise(add(log_probs, mask), count(mask, tokens == eos), penalty)


def _sentences(seed: int, *rows: list[int]) -> tuple[Tensor, Tensor]:
    tokens = torch.tensor(rows)
    return -normal(seed, *tokens.shape).abs() - 0.1, tokens


finished_score = Exercise(
    name="finished_score",
    signature="f(log_probs: (B, T), tokens: (B, T) int, eos: int, penalty: float) -> (B,)",
    task=(
        "The score of each sentence: the sum of its tokens' log-probabilities, divided by its "
        "length to the power of the penalty. A sentence goes as far as its first end token eos, "
        "which counts; what follows is padding. Without an end token it is as long as the row."
    ),
    inputs=("log_probs", "tokens", "eos", "penalty"),
    reference=_score_recipe,
    cases=(
        (*_sentences(1, [5, 2, 0]), 2, 1.0),
        (*_sentences(2, [5, 4, 2, 0, 0], [3, 2, 0, 2, 0]), 2, 0.7),
        (*_sentences(3, [5, 4, 3, 6, 2, 0], [3, 6, 5, 5, 4, 3], [2, 0, 0, 0, 0, 0]), 2, 2.0),
    ),
    bank=(
        swapped(
            _score_recipe,
            "padding counted",
            "Padding is counted like tokens. The longer the longest sentence of the batch, the "
            "worse the others would become.",
            real=lambda tokens, eos: torch.ones_like(tokens),
        ),
        swapped(
            _score_recipe,
            "up to the last end",
            "The sentence goes on after its end: only the first end token counts.",
            real=_up_to_the_last_end,
        ),
        swapped(
            _score_recipe,
            "the end left out",
            "The end token is left out. Ending is a choice of the model too, with a probability "
            "of its own.",
            real=lambda tokens, eos: (tokens == eos).cumsum(1) == 0,
        ),
        swapped(
            _score_recipe,
            "the end not counted",
            "The end token's log-probability is in the sum, but the end is not counted in the "
            "length.",
            count=lambda real, ends: (real & ~ends).sum(1),
        ),
        swapped(
            _score_recipe,
            "divided by the width",
            "Every sum is divided by the width of the batch: then nothing is normalised at all.",
            count=lambda real, ends: (real | True).sum(1),
        ),
        swapped(
            _score_recipe,
            "not normalised",
            "The sums are not divided. Every token makes a sum smaller, so that short sentences "
            "win.",
            normalise=lambda total, length, penalty: total,
        ),
        swapped(
            _score_recipe,
            "the penalty ignored",
            "This is the mean, the score for a penalty of 1: raise the length to the power of the "
            "penalty.",
            normalise=lambda total, length, penalty: total / length,
        ),
        swapped(
            _score_recipe,
            "a factor, not a power",
            "The length is multiplied by the penalty. A factor that is the same for all sentences "
            "changes nothing among them; a power does.",
            normalise=lambda total, length, penalty: total / (length * penalty),
        ),
        swapped(
            _score_recipe,
            "multiplied by the length",
            "The sums are multiplied by the length to the power of the penalty. Scores are "
            "negative: that makes long sentences still worse.",
            normalise=lambda total, length, penalty: total * length**penalty,
        ),
        swapped(
            _score_recipe,
            "the translation system's formula",
            "This is the formula of Google's translation system, ((5 + length) / 6) to the power "
            "of the penalty. Wanted is the plain power of the length.",
            normalise=lambda total, length, penalty: total / ((5 + length) / 6) ** penalty,
        ),
    ),
    praise="Now a long sentence can win, if every token of it is probable.",
    differentiable=False,
)
