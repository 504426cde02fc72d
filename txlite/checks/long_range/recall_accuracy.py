"""Exercise: how to score recall, counting what was asked and nothing else."""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, normal, swapped

__all__ = ["recall_accuracy"]


def _hits(logits: Tensor, targets: Tensor) -> Tensor:
    return logits.argmax(-1) == targets


def _share(hits: Tensor, asked: Tensor) -> Tensor:
    return (hits & asked).sum() / asked.sum()


def _recall_recipe(
    logits: Tensor,
    targets: Tensor,
    asked: Tensor,
    hits: Step = _hits,
    share: Step = _share,
) -> object:
    return share(hits(logits, targets), asked)


def _per_sequence(hits: Tensor, asked: Tensor) -> Tensor:
    return ((hits & asked).sum(1) / asked.sum(1)).mean()


recall_accuracy = Exercise(
    name="recall_accuracy",
    signature="f(logits: (B, T, V), targets: (B, T) int, asked: (B, T) bool) -> float",
    task="The share of the asked positions at which the largest logit is the target's.",
    inputs=("logits", "targets", "asked"),
    reference=_recall_recipe,
    cases=(
        (
            torch.tensor([[[2.0, 0.0], [1.0, 0.0]]]),
            torch.tensor([[0, 1]]),
            torch.tensor([[True, False]]),
        ),
        (
            torch.tensor([[[3.0, 1, 0], [0, 1, 2], [4, 2, 1]]]),
            torch.tensor([[0, 1, 0]]),
            torch.tensor([[True, True, False]]),
        ),
        (
            torch.tensor([[[1.0, 0], [0, 1], [3, 2]], [[0, 2], [1, 0], [0, 1]]]),
            torch.tensor([[0, 1, 1], [0, 0, 1]]),
            torch.tensor([[True, True, True], [False, True, False]]),
        ),
        (
            normal(1, 4, 6, 3),
            torch.arange(24).reshape(4, 6) % 3,
            normal(2, 4, 6) > 0,
        ),
    ),
    bank=(
        swapped(
            _recall_recipe,
            "counts every position",
            "Positions that were not asked are counted too. What the model says there is not "
            "the question, and lucky hits among the fillers blur the score.",
            share=lambda h, a: h.float().mean(),
        ),
        swapped(
            _recall_recipe,
            "divides by all positions",
            "The hits at asked positions are divided by the number of all positions. Divide by "
            "the number of asked ones, asked.sum().",
            share=lambda h, a: (h & a).float().mean(),
        ),
        swapped(
            _recall_recipe,
            "unasked positions count as right",
            "Every position that was not asked counts as a hit, which flatters the model.",
            share=lambda h, a: (h | ~a).float().mean(),
        ),
        swapped(
            _recall_recipe,
            "looks where nothing was asked",
            "The mask is used the wrong way round: these are the hits at positions that were "
            "not asked.",
            share=lambda h, a: (h & ~a).sum() / (~a).sum(),
        ),
        swapped(
            _recall_recipe,
            "averages per sequence",
            "The share is taken in each sequence and then averaged, so a sequence with one "
            "question weighs as much as one with ten. Count over the whole batch at once.",
            share=_per_sequence,
        ),
        swapped(
            _recall_recipe,
            "all or nothing",
            "A sequence counts only if all its questions are answered. Each asked position "
            "should count by itself.",
            share=lambda h, a: (h | ~a).all(1).float().mean(),
        ),
        swapped(
            _recall_recipe,
            "a number, not a share",
            "This is the number of hits. Divide it by the number of asked positions.",
            share=lambda h, a: (h & a).sum().float(),
        ),
        swapped(
            _recall_recipe,
            "error rate",
            "This is the share of wrong answers: one minus the accuracy.",
            hits=lambda x, y: x.argmax(-1) != y,
        ),
        swapped(
            _recall_recipe,
            "per cent",
            "This is in per cent. The accuracy is a share between 0 and 1.",
            share=lambda h, a: 100 * _share(h, a),
        ),
        swapped(
            _recall_recipe,
            "only the last position",
            "Only the last position of each sequence is looked at. The mask says where to look.",
            share=lambda h, a: h[:, -1].float().mean(),
        ),
        swapped(
            _recall_recipe,
            "argmax over positions",
            "The argmax runs over axis 1, the positions. The candidates among which the model "
            "chooses, the vocabulary, are the last axis, −1.",
            hits=lambda x, y: x.argmax(1) == y,
        ),
        swapped(
            _recall_recipe,
            "smallest logit",
            "The smallest logit is taken for the answer. The model's choice is the largest.",
            hits=lambda x, y: x.argmin(-1) == y,
        ),
        swapped(
            _recall_recipe,
            "probability instead of hits",
            "These are probabilities of the targets, averaged. The accuracy counts: an answer "
            "is right or it is not.",
            hits=lambda x, y: x.softmax(-1).gather(-1, y[..., None])[..., 0],
            share=lambda p, a: (p * a).sum() / a.sum(),
        ),
    ),
    praise="It scores what was asked and nothing else.",
)
