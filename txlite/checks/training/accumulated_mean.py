"""Exercise: the mean over tokens when a batch comes in several pieces."""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, halves, normal, swapped

__all__ = ["accumulated_mean"]


def _real(losses: Tensor, keep: Tensor) -> Tensor:
    return losses * keep


def _all_over_all(losses: Tensor, keep: Tensor) -> Tensor:
    return losses.sum() / keep.sum()


def _mean_recipe(
    losses: Tensor, keep: Tensor, real: Step = _real, mean: Step = _all_over_all
) -> object:
    return mean(real(losses, keep), keep)


def _mean_of_means(losses: Tensor, keep: Tensor) -> Tensor:
    counts = keep.sum(1)
    return (losses.sum(1) / counts).mean()


def _means_of_some(losses: Tensor, keep: Tensor) -> Tensor:
    counts = keep.sum(1)
    return (losses.sum(1) / counts.clamp(min=1)).sum() / (counts > 0).sum()


accumulated_mean = Exercise(
    name="accumulated_mean",
    signature="f(losses: (M, T), keep: (M, T) bool) -> float",
    task=(
        "A batch came in M pieces; row m holds the losses of the tokens of piece m, with padding. "
        "Return the mean loss of its real tokens, as if all had come at once."
    ),
    inputs=("losses", "keep"),
    reference=_mean_recipe,
    cases=(
        (torch.tensor([[1.0, 2.0]]), torch.tensor([[True, False]])),
        (torch.tensor([[1.0, 4.0], [7.0, 9.0]]), torch.tensor([[True, True], [True, False]])),
        (
            halves(1, 3, 4).abs() + 1,
            torch.tensor([[True] * 4, [True, False, False, False], [True, True, False, False]]),
        ),
        (
            halves(2, 3, 2).abs() + 1,
            torch.tensor([[True, True], [False, False], [True, False]]),
        ),
        (normal(3, 4, 6).abs(), normal(4, 4, 6) > 0),
    ),
    bank=(
        swapped(
            _mean_recipe,
            "mean of the means",
            "Each piece is averaged first, and then the pieces. A token in a piece with few of "
            "them then counts more. Add up sums and counts, and divide once at the end.",
            mean=_mean_of_means,
        ),
        swapped(
            _mean_recipe,
            "mean of the means that are there",
            "Each piece with tokens is averaged first, and then the pieces. A token in a piece "
            "with few of them then counts more. Add up sums and counts, and divide once.",
            mean=_means_of_some,
        ),
        swapped(
            _mean_recipe,
            "divides by all positions",
            "The padding is left out of the sum and counted in the division.",
            mean=lambda x, keep: x.mean(),
        ),
        swapped(
            _mean_recipe,
            "padding counted in the sum",
            "The losses at the padding are in the sum.",
            real=lambda x, keep: x,
        ),
        swapped(
            _mean_recipe,
            "only the padding",
            "The mask is used the wrong way round: these are the losses at the padding.",
            real=lambda x, keep: x * ~keep,
            mean=lambda x, keep: x.sum() / (~keep).sum(),
        ),
        swapped(
            _mean_recipe,
            "sum instead of mean",
            "This is the sum of the losses. Divide by the number of real tokens.",
            mean=lambda x, keep: x.sum(),
        ),
        swapped(
            _mean_recipe,
            "divides by the number of pieces",
            "The sum is divided by the number of pieces. What counts is tokens.",
            mean=lambda x, keep: x.sum() / len(keep),
        ),
        swapped(
            _mean_recipe,
            "divides twice",
            "The mean over tokens is divided by the number of pieces as well. Dividing by M is "
            "right only for means of equal pieces, and by the tokens it has been done already.",
            mean=lambda x, keep: _all_over_all(x, keep) / len(keep),
        ),
        swapped(
            _mean_recipe,
            "sum of the means",
            "The pieces' means are added and never averaged: with M pieces the gradient is M times "
            "too long.",
            mean=lambda x, keep: (x.sum(1) / keep.sum(1)).sum(),
        ),
        swapped(
            _mean_recipe,
            "only the last piece",
            "Only the last piece is left, as if the gradients had been cleared between the pieces.",
            mean=lambda x, keep: x[-1].sum() / keep[-1].sum(),
        ),
        swapped(
            _mean_recipe,
            "only the first piece",
            "Only the first piece counts.",
            mean=lambda x, keep: x[0].sum() / keep[0].sum(),
        ),
        swapped(
            _mean_recipe,
            "divides by the first piece's tokens",
            "All losses are added, but divided by the number of tokens of the first piece only.",
            mean=lambda x, keep: x.sum() / keep[0].sum(),
        ),
    ),
    praise="However it is cut, it is the same batch.",
    differentiable=True,
)
