"""Exercise: the loss that brings a picture and its text together, and all other pairs apart.

Sources
    Radford et al. (2021), "Learning Transferable Visual Models From Natural Language Supervision",
    figure 3 for the loss in both directions, section 2.5 for the scale's clamp.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, normalize

from txlite.checks.framework import Exercise, Mistake, Step, normal, swapped

__all__ = ["contrastive_loss"]

_START, _MOST = math.log(1 / 0.07), math.log(100)


def _both_normalised(pictures: Tensor, texts: Tensor) -> tuple[Tensor, Tensor]:
    return normalize(pictures, dim=-1), normalize(texts, dim=-1)


def _clamped(log_scale: float) -> float:
    return math.exp(min(log_scale, _MOST))


def _own(batch: int) -> Tensor:
    return torch.arange(batch, device="cpu")


def _both_ways(scores: Tensor, wanted: Tensor, cost: Step) -> Tensor:
    both: Tensor = (cost(scores, wanted) + cost(scores.T, wanted)) / 2
    return both


def _contrastive_recipe(
    pictures: Tensor,
    texts: Tensor,
    log_scale: float,
    length: Step = _both_normalised,
    scale: Step = _clamped,
    wanted: Step = _own,
    ways: Step = _both_ways,
    cost: Step = cross_entropy,
) -> object:
    p, t = length(pictures, texts)
    return ways(scale(log_scale) * p @ t.T, wanted(len(pictures)), cost)


def _whole_table(scores: Tensor, wanted: Tensor, cost: Step) -> Tensor:
    return scores.flatten().logsumexp(0) - scores.diagonal().mean()


def _yes_or_no(scores: Tensor, wanted: Tensor, cost: Step) -> Tensor:
    return binary_cross_entropy_with_logits(scores, torch.eye(len(scores), device="cpu"))


def _without_its_own(scores: Tensor, wanted: Tensor) -> Tensor:
    others = scores.masked_fill(torch.eye(len(scores), device="cpu").bool(), -math.inf)
    return (others.logsumexp(1) - scores.diagonal()).mean()


contrastive_loss = Exercise(
    name="contrastive_loss",
    signature="f(pictures: (B, E), texts: (B, E), log_scale: float) -> float",
    task=(
        "Row i of both is a pair, as the two towers leave it: of any length. Return CLIP's loss. "
        "Cosines are multiplied by exp(log_scale), by 100 at most. Each picture has to find its "
        "text among the B texts, and each text its picture: the mean of both cross-entropies."
    ),
    inputs=("pictures", "texts", "log_scale"),
    reference=_contrastive_recipe,
    cases=(
        (normal(1, 2, 2), 2 * normal(2, 2, 2), _START),
        (normal(3, 3, 4), normal(4, 3, 4) / 2, 0.5),
        (3 * normal(5, 4, 3), normal(6, 4, 3), 5.2),
        (normal(7, 6, 5), 2 * normal(8, 6, 5), _START),
    ),
    bank=(
        swapped(
            _contrastive_recipe,
            "towers not normalised",
            "The scores are products of vectors of any length: the loss can be lowered by longer "
            "vectors, and a picture with a long vector is near to every text. Divide each vector "
            "by its length.",
            length=lambda pictures, texts: (pictures, texts),
        ),
        swapped(
            _contrastive_recipe,
            "texts not normalised",
            "The pictures have length one, the texts do not: a text with a long vector wins at "
            "every picture that it fits at all.",
            length=lambda pictures, texts: (normalize(pictures, dim=-1), texts),
        ),
        swapped(
            _contrastive_recipe,
            "pictures not normalised",
            "The texts have length one, the pictures do not: a picture with a long vector wins at "
            "every text that it fits at all.",
            length=lambda pictures, texts: (pictures, normalize(texts, dim=-1)),
        ),
        swapped(
            _contrastive_recipe,
            "normalised over the batch",
            "Each number of the space is divided by its length over the batch. It is the vector "
            "of a picture or text, a row, that gets length one.",
            length=lambda pictures, texts: (normalize(pictures, dim=0), normalize(texts, dim=0)),
        ),
        swapped(
            _contrastive_recipe,
            "temperature unclamped",
            "The scale may grow without bound. CLIP stops it at 100: above that, training became "
            "unstable.",
            scale=math.exp,
        ),
        swapped(
            _contrastive_recipe,
            "divided by the scale",
            "The cosines are divided by the scale. A cosine is at most one, so that all scores "
            "are almost alike and the loss stays near log B. It is the temperature that cosines "
            "are divided by, and the scale is one over it.",
            scale=lambda log_scale: 1 / _clamped(log_scale),
        ),
        swapped(
            _contrastive_recipe,
            "the logarithm for the scale",
            "The cosines are multiplied by the logarithm of the scale. What is learned is the "
            "logarithm; take exp of it.",
            scale=lambda log_scale: min(log_scale, _MOST),
        ),
        swapped(
            _contrastive_recipe,
            "a scale of 1",
            "There is no scale: the scores lie between -1 and 1, and the softmax of such scores "
            "is almost even.",
            scale=lambda log_scale: 1.0,
        ),
        swapped(
            _contrastive_recipe,
            "a scale that cannot learn",
            "The scale is 1/0.07 whatever log_scale is. That is where it starts.",
            scale=lambda log_scale: 1 / 0.07,
        ),
        swapped(
            _contrastive_recipe,
            "one direction only: pictures",
            "Each picture finds its text, and no text its picture. The other direction is the "
            "softmax over the columns, scores.T, and another number.",
            ways=lambda scores, wanted, cost: cost(scores, wanted),
        ),
        swapped(
            _contrastive_recipe,
            "one direction only: texts",
            "Each text finds its picture, and no picture its text. Where this was to be the "
            "pictures' direction, the softmax runs over the wrong axis.",
            ways=lambda scores, wanted, cost: cost(scores.T, wanted),
        ),
        swapped(
            _contrastive_recipe,
            "both directions added",
            "The two directions are added. Their mean is wanted, so that an even guess costs "
            "log B.",
            ways=lambda scores, wanted, cost: 2 * _both_ways(scores, wanted, cost),
        ),
        swapped(
            _contrastive_recipe,
            "one softmax over the whole table",
            "All B² pairs share one softmax. There each right pair competes with the other right "
            "pairs. A picture chooses among texts, in a softmax of its own.",
            ways=_whole_table,
        ),
        swapped(
            _contrastive_recipe,
            "a yes or no for each pair",
            "Every pair is judged by itself, by a sigmoid. That is another loss, SigLIP's; in "
            "CLIP's the texts of a batch compete.",
            ways=_yes_or_no,
        ),
        swapped(
            _contrastive_recipe,
            "the right pair left out",
            "The right pair is missing in the denominator, so this is no cross-entropy: it can "
            "fall below zero.",
            cost=_without_its_own,
        ),
        swapped(
            _contrastive_recipe,
            "softmax twice",
            "The softmax is part of cross_entropy, which gets probabilities here. They lie between "
            "0 and 1, so that the loss stays high, however good the towers are.",
            cost=lambda scores, wanted: cross_entropy(scores.softmax(-1), wanted),
        ),
        swapped(
            _contrastive_recipe,
            "summed over the batch",
            "The pairs are added up. With their mean the step does not grow with the batch.",
            cost=lambda scores, wanted: cross_entropy(scores, wanted, reduction="sum"),
        ),
        swapped(
            _contrastive_recipe,
            "the neighbour's text",
            "Each picture is to find the text of the next one. Row i of both is a pair: the right "
            "numbers stand on the diagonal.",
            wanted=lambda batch: (_own(batch) + 1) % batch,
        ),
        swapped(
            _contrastive_recipe,
            "targets in reverse",
            "The targets run from the last to the first. The pairs are on the main diagonal.",
            wanted=lambda batch: _own(batch).flip(0),
        ),
        swapped(
            _contrastive_recipe,
            "all to the first",
            "Every picture is to find the first text, and every text the first picture.",
            wanted=lambda batch: 0 * _own(batch),
        ),
        Mistake(
            "only the right pairs",
            "This is the mean cosine of the right pairs, scaled and with a minus. No other pair "
            "is pushed away: it is lowest where all vectors are one and the same.",
            lambda pictures, texts, log_scale: (
                -_clamped(log_scale)
                * torch.stack(_both_normalised(pictures, texts)).prod(0).sum(-1).mean()
            ),
        ),
    ),
    praise="Longer vectors change nothing, and both directions count alike.",
    differentiable=False,
)
