"""Exercise: teacher forcing, scores and words one step apart.

Sources
    Williams and Zipser (1989), "A Learning Algorithm for Continually Running Fully Recurrent Neural
    Networks", section 3 (teacher forcing).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, halves, normal, swapped

__all__ = ["teacher_forcing_loss"]


class Aligned(NamedTuple):
    """Scores, and the words that they are scores for, position by position."""

    logits: Tensor
    words: Tensor


def _next(logits: Tensor, target: Tensor) -> Aligned:
    return Aligned(logits[:, :-1], target[:, 1:])


def _real(words: Tensor) -> Tensor:
    return words != 0


def _of_words(scores: Tensor, words: Tensor) -> Tensor:
    return scores.gather(-1, words[..., None])[..., 0]


def _surprise(logits: Tensor, words: Tensor) -> Tensor:
    return -_of_words(logits.log_softmax(-1), words)


def _mean(losses: Tensor, asked: Tensor) -> Tensor:
    return losses[asked].mean()


def _teacher_recipe(
    logits: Tensor,
    target: Tensor,
    align: Step = _next,
    ask: Step = _real,
    surprise: Step = _surprise,
    average: Step = _mean,
) -> object:
    aligned = align(logits, target)
    return average(surprise(*aligned), ask(aligned.words))


def _sentence_by_sentence(losses: Tensor, asked: Tensor) -> Tensor:
    return ((losses * asked).sum(1) / asked.sum(1)).mean()


def _padded(*rows: tuple[int, ...]) -> Tensor:
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])


teacher_forcing_loss = Exercise(
    name="teacher_forcing_loss",
    signature="f(logits: (B, T, V), target: (B, T) int) -> float",
    task=(
        "The mean cross-entropy of the next word. The model read target and gave logits; "
        "logits[:, t] are its scores for target[:, t + 1]. Token 0 is padding: it is never asked "
        "for, and nothing follows the last word."
    ),
    inputs=("logits", "target"),
    reference=_teacher_recipe,
    cases=(
        (halves(1, 1, 3, 3), _padded((1, 2, 2))),
        (halves(2, 2, 4, 4), _padded((1, 3, 2, 2), (1, 2))),
        (normal(3, 3, 5, 7), _padded((1, 4, 6, 2), (1, 3, 5, 6, 2), (1, 2))),
    ),
    bank=(
        swapped(
            _teacher_recipe,
            "no shift",
            "The scores are compared with the word that was just read. A model that copies its "
            "input would be perfect: logits[:, :-1] belong to target[:, 1:].",
            align=Aligned,
        ),
        swapped(
            _teacher_recipe,
            "shifted the wrong way",
            "The shift goes backwards: the scores are compared with the word before.",
            align=lambda logits, target: Aligned(logits[:, 1:], target[:, :-1]),
        ),
        swapped(
            _teacher_recipe,
            "shifted twice",
            "The shift is made twice, so that one word is skipped: scores are compared with the "
            "word after the next.",
            align=lambda logits, target: Aligned(logits[:, :-2], target[:, 2:]),
        ),
        swapped(
            _teacher_recipe,
            "rolled round",
            "With torch.roll the first word comes round to the end: the last scores are compared "
            "with the begin mark.",
            align=lambda logits, target: Aligned(logits, target.roll(-1, 1)),
        ),
        swapped(
            _teacher_recipe,
            "padding asked for",
            "The padding is asked for too. It is easy to guess, so the mean is lower than that of "
            "the words.",
            ask=lambda words: torch.ones_like(words).bool(),
        ),
        swapped(
            _teacher_recipe,
            "padding in the divisor",
            "The padding is left out of the sum and counted in the divisor: divide by the number "
            "of words that were asked for.",
            average=lambda losses, asked: (losses * asked).mean(),
        ),
        swapped(
            _teacher_recipe,
            "averaged per sentence",
            "Every sentence is averaged, then the sentences. A word in a short sentence then "
            "counts more than one in a long sentence; wanted is the mean over all words.",
            average=_sentence_by_sentence,
        ),
        swapped(
            _teacher_recipe,
            "the sum",
            "This is the sum over all words, not the mean.",
            average=lambda losses, asked: losses[asked].sum(),
        ),
        swapped(
            _teacher_recipe,
            "no logarithm",
            "These are probabilities: the logarithm is missing.",
            surprise=lambda logits, words: -_of_words(logits.softmax(-1), words),
        ),
        swapped(
            _teacher_recipe,
            "no softmax",
            "The scores are taken as they are. They become probabilities through the softmax: "
            "log_softmax.",
            surprise=lambda logits, words: -_of_words(logits, words),
        ),
        swapped(
            _teacher_recipe,
            "sign forgotten",
            "The sign is missing: this is the log-likelihood, and it grows while the loss falls.",
            surprise=lambda logits, words: -_surprise(logits, words),
        ),
    ),
    praise="One pass gives the loss at every position of every sentence.",
    differentiable=True,
)
