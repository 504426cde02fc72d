"""Exercise: how large a router's scores have become.

Sources
    Zoph et al. (2022), "ST-MoE: Designing Stable and Transferable Sparse Expert Models", equation
    (5).
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, as_given, halves, swapped

__all__ = ["router_z_loss"]


def _log_of_sum(scores: Tensor) -> Tensor:
    return scores.logsumexp(-1)


def _mean(losses: Tensor, keep: Tensor) -> Tensor:
    return losses[keep].mean()


def _z_recipe(
    logits: Tensor,
    keep: Tensor,
    read: Step = as_given,
    size: Step = _log_of_sum,
    square: Step = torch.square,
    counted: Step = as_given,
    reduce: Step = _mean,
) -> Tensor:
    found: Tensor = reduce(square(size(read(logits))), counted(keep))
    return found


def _case(seed: int, experts: int, *keep: int) -> tuple[object, ...]:
    real = torch.tensor(keep, dtype=torch.bool, device="cpu")
    return halves(seed, len(keep), experts), real


router_z_loss = Exercise(
    name="router_z_loss",
    signature="f(logits: (T, N), keep: (T,) bool) -> float",
    task=(
        "Given a router's scores of N experts for T tokens, before the softmax, return the mean "
        "over the tokens that are kept of (log Σ exp(score))², where the sum goes over the "
        "experts. The other tokens are padding."
    ),
    inputs=("logits", "keep"),
    reference=_z_recipe,
    cases=(
        _case(1, 2, 1),
        _case(2, 2, 1, 1, 0),
        _case(3, 3, 0, 1, 1, 1, 0),
        _case(4, 5, 1, 0, 1, 1, 0, 1, 1),
    ),
    bank=(
        swapped(
            _z_recipe,
            "of the probabilities",
            "The softmax came first. Probabilities sum to one whatever the scores are, so the "
            "loss does not see how large they grow.",
            read=lambda logits: logits.softmax(-1),
        ),
        swapped(
            _z_recipe,
            "not squared",
            "The square is missing: minimising it makes the scores ever more negative. With it "
            "they are drawn to where their exponentials sum to one.",
            square=as_given,
        ),
        swapped(
            _z_recipe,
            "the mean over the experts",
            "The exponentials are averaged over the experts. Wanted is the logarithm of their sum, "
            "which is log N larger.",
            size=lambda scores: scores.exp().mean(-1).log(),
        ),
        swapped(
            _z_recipe,
            "without the logarithm",
            "This is the square of the sum of exponentials. Wanted is the square of its logarithm.",
            size=lambda scores: scores.exp().sum(-1),
        ),
        swapped(
            _z_recipe,
            "the largest score",
            "Only each token's largest score counts. The logarithm of the sum is a little larger, "
            "and has a gradient for all of them.",
            size=lambda scores: scores.amax(-1),
        ),
        swapped(
            _z_recipe,
            "the squares of the scores",
            "This is the mean of the squared scores. The logarithm of a sum of exponentials asks "
            "for less: a very negative score costs nothing.",
            size=lambda scores: scores.square().mean(-1),
            square=as_given,
        ),
        swapped(
            _z_recipe,
            "the sum over the tokens",
            "This is the sum over the tokens: it grows with the text. Divide by their number.",
            reduce=lambda losses, keep: losses[keep].sum(),
        ),
        swapped(
            _z_recipe,
            "squared after the mean",
            "The mean is taken first, and squared. Then tokens with too large and too small scores "
            "hide each other.",
            square=as_given,
            reduce=lambda losses, keep: losses[keep].mean().square(),
        ),
        swapped(
            _z_recipe,
            "padding counted",
            "Padding is counted too. Its scores are nobody's.",
            counted=torch.ones_like,
        ),
        swapped(
            _z_recipe,
            "the mask inverted",
            "Only the padding is counted. True means that a token is kept.",
            counted=torch.logical_not,
        ),
        swapped(
            _z_recipe,
            "divided by all tokens",
            "The sum over the kept tokens is divided by the number of all, padding too.",
            reduce=lambda losses, keep: (losses * keep).mean(),
        ),
        Mistake(
            "the sign",
            "The loss is negative: minimising it makes the scores as large as they can be.",
            lambda logits, keep: -_z_recipe(logits, keep),
        ),
    ),
    praise="Scores whose exponentials sum to one cost nothing; the softmax of others is the same.",
    differentiable=True,
)
