"""Exercise: the label-smoothed loss over real tokens."""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, halves, normal, swapped

__all__ = ["label_smoothed_loss"]


def _log_softmax(logits: Tensor) -> Tensor:
    return logits.log_softmax(-1)


def _certain(log_p: Tensor, targets: Tensor) -> Tensor:
    """Surprise at the target."""
    return -log_p.gather(-1, targets[..., None])[..., 0]


def _even(log_p: Tensor, targets: Tensor) -> Tensor:
    """Mean surprise over the vocabulary."""
    return -log_p.mean(-1)


def _mix(certain: Tensor, even: Tensor, epsilon: float) -> Tensor:
    return (1 - epsilon) * certain + epsilon * even


def _real_mean(losses: Tensor, keep: Tensor) -> Tensor:
    return (losses * keep).sum() / keep.sum()


def _loss_recipe(
    logits: Tensor,
    targets: Tensor,
    keep: Tensor,
    epsilon: float,
    log: Step = _log_softmax,
    certain: Step = _certain,
    even: Step = _even,
    mix: Step = _mix,
    mean: Step = _real_mean,
) -> object:
    log_p = log(logits)
    return mean(mix(certain(log_p, targets), even(log_p, targets), epsilon), keep)


def _others(log_p: Tensor, targets: Tensor) -> Tensor:
    """Mean surprise over the vocabulary without the target."""
    return (-log_p.sum(-1) - _certain(log_p, targets)) / (log_p.shape[-1] - 1)


def _kept_rows(losses: Tensor, keep: Tensor) -> Tensor:
    return ((losses * keep).sum(1) / keep.sum(1)).mean()


label_smoothed_loss = Exercise(
    name="label_smoothed_loss",
    signature=(
        "f(logits: (B, T, V), targets: (B, T) int, keep: (B, T) bool, epsilon: float) -> float"
    ),
    task=(
        "Cross-entropy with a target that gives 1 − ε to the right token and shares ε out evenly "
        "among all V tokens, averaged over the real tokens."
    ),
    inputs=("logits", "targets", "keep", "epsilon"),
    reference=_loss_recipe,
    cases=(
        (torch.tensor([[[0.0, 2.0]]]), torch.tensor([[1]]), torch.tensor([[True]]), 0.5),
        (
            halves(1, 1, 2, 3),
            torch.tensor([[2, 0]]),
            torch.tensor([[True, False]]),
            0.1,
        ),
        (
            halves(2, 2, 3, 4),
            torch.tensor([[2, 0, 3], [1, 1, 0]]),
            torch.tensor([[True, True, True], [True, False, False]]),
            0.2,
        ),
        (normal(3, 3, 4, 6) * 3, torch.arange(12).reshape(3, 4) % 6, normal(4, 3, 4) > -0.5, 0.0),
        (
            200 * normal(5, 2, 3, 5),
            torch.tensor([[4, 2, 0], [3, 3, 1]]),
            torch.ones(2, 3, dtype=torch.bool),  # an infinite loss at the padding would be 0 · ∞
            0.1,
        ),
    ),
    bank=(
        swapped(
            _loss_recipe,
            "ε shared among the wrong tokens only",
            "The share ε goes to the V − 1 wrong tokens. In Szegedy's definition, which the paper "
            "and torch use, the right token gets its ε/V too.",
            even=_others,
        ),
        swapped(
            _loss_recipe,
            "no smoothing",
            "This is the plain cross-entropy: ε plays no part.",
            mix=lambda c, e, epsilon: c,
        ),
        swapped(
            _loss_recipe,
            "the right token keeps everything",
            "The right token's surprise still counts fully, and ε of the others comes on top. What "
            "they get it must give: (1 − ε) of the one, ε of the other.",
            mix=lambda c, e, epsilon: c + epsilon * e,
        ),
        swapped(
            _loss_recipe,
            "ε and 1 − ε swapped",
            "The shares ε and 1 − ε have changed places: now the target is nearly even.",
            mix=lambda c, e, epsilon: epsilon * c + (1 - epsilon) * e,
        ),
        swapped(
            _loss_recipe,
            "sum over the vocabulary",
            "Every token of the vocabulary gets the whole ε: its surprise is summed over V. "
            "Together they get ε, so it is the mean.",
            even=lambda p, y: -p.sum(-1),
        ),
        swapped(
            _loss_recipe,
            "padding counted",
            "The mean runs over all positions, padding too. A long sentence in the batch would "
            "then change what the short ones teach.",
            mean=lambda x, keep: x.mean(),
        ),
        swapped(
            _loss_recipe,
            "divides by all positions",
            "The sum leaves the padding out, but the division counts them. Divide by keep.sum().",
            mean=lambda x, keep: (x * keep).mean(),
        ),
        swapped(
            _loss_recipe,
            "only the padding",
            "The mask is used the wrong way round: these are the losses at the padding.",
            mean=lambda x, keep: (x * ~keep).sum() / (~keep).sum(),
        ),
        swapped(
            _loss_recipe,
            "mean of the sentences' means",
            "Each sentence is averaged first, and then the sentences. So a token of a short "
            "sentence weighs more. Every real token counts alike.",
            mean=_kept_rows,
        ),
        swapped(
            _loss_recipe,
            "sum instead of mean",
            "This is the sum over the real tokens. Divide by how many there are.",
            mean=lambda x, keep: (x * keep).sum(),
        ),
        swapped(
            _loss_recipe,
            "no log-softmax",
            "The logits are taken for log-probabilities. They become that by log_softmax.",
            log=lambda x: x,
        ),
        swapped(
            _loss_recipe,
            "softmax without the log",
            "These are probabilities, not their logarithms. A surprise is −log p.",
            log=lambda x: x.softmax(-1),
        ),
        swapped(
            _loss_recipe,
            "the logarithm of zero",
            "The softmax comes first and the logarithm after it. A probability that rounds to zero "
            "then gives an infinite loss; log_softmax does both at once and stays finite.",
            log=lambda x: x.softmax(-1).log(),
        ),
        swapped(
            _loss_recipe,
            "wrong sign",
            "The sign is turned round: a loss is a surprise, −log p, and never negative.",
            log=lambda x: -x.log_softmax(-1),
        ),
        swapped(
            _loss_recipe,
            "log-softmax over the positions",
            "The log-softmax runs over the positions. The candidates among which the model "
            "chooses, the vocabulary, are the last axis.",
            log=lambda x: x.log_softmax(1),
        ),
    ),
    praise="No token is quite certain any more, and the padding does not count.",
    differentiable=True,
)
