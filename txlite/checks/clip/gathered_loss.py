"""Exercise: one batch of pairs, parted among processes.

Sources
    Radford et al. (2021), "Learning Transferable Visual Models From Natural Language Supervision",
    section 2.5: a batch of 32,768 pairs, for which the cosines are computed in parts, each process
    those that it needs for its own pairs.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from txlite.checks.framework import Exercise, Step, normal, swapped

__all__ = ["gathered_loss"]


def _all(own: Tensor, every: Tensor) -> Tensor:
    return every.flatten(0, 1)


def _after_the_others(rank: int, pairs: int) -> int:
    return rank * pairs


def _times(cosines: Tensor, scale: float) -> Tensor:
    return scale * cosines


def _mean_of_both(pictures: Tensor, texts: Tensor) -> Tensor:
    return (pictures + texts) / 2


def _gathered_recipe(
    pictures: Tensor,
    texts: Tensor,
    scale: float,
    of_texts: Step = _all,
    of_pictures: Step = _all,
    first: Step = _after_the_others,
    score: Step = _times,
    ways: Step = _mean_of_both,
    mean: Step = torch.stack,
) -> Tensor:
    losses, pairs = [], pictures.shape[1]
    for rank, (p, t) in enumerate(zip(pictures, texts, strict=True)):
        own = first(rank, pairs) + torch.arange(pairs, device="cpu")
        sides = (p, of_texts(t, texts)), (t, of_pictures(p, pictures))
        costs = []
        for x, y in sides:
            one = own if len(y) > pairs else torch.arange(pairs, device="cpu")
            costs.append(cross_entropy(score(x @ y.T, scale), one))
        losses.append(ways(*costs))
    loss: Tensor = mean(losses)
    return loss


def _only_its_own(own: Tensor, every: Tensor) -> Tensor:
    return own


def _case(seed: int, ranks: int, pairs: int, width: int, scale: float) -> tuple[object, ...]:
    sides = (normalize(normal(s, ranks, pairs, width), dim=-1) for s in (seed, seed + 1))
    return *sides, scale


gathered_loss = Exercise(
    name="gathered_loss",
    signature="f(pictures: (P, B, E), texts: (P, B, E), scale: float) -> (P,)",
    task=(
        "P processes hold B pairs each, as vectors of length one, and together they are one batch. "
        "Return the loss of each process: its own pictures look for their texts among those of all "
        "processes, in order of the processes, and its own texts for their pictures; the mean of "
        "both directions. The mean over the processes is then the loss of the whole batch."
    ),
    inputs=("pictures", "texts", "scale"),
    reference=_gathered_recipe,
    cases=(
        _case(1, 2, 2, 3, 2.0),
        _case(3, 3, 2, 4, 5.0),
        _case(5, 2, 4, 3, 14.0),
    ),
    bank=(
        swapped(
            _gathered_recipe,
            "nothing gathered",
            "Each process compares its own pairs only. A picture then chooses among B texts, not "
            "among P·B, and with many processes the task stays as easy as with one.",
            of_texts=_only_its_own,
            of_pictures=_only_its_own,
        ),
        swapped(
            _gathered_recipe,
            "pictures not gathered",
            "Pictures look among all texts, but texts look among the pictures of their own process "
            "only.",
            of_pictures=_only_its_own,
        ),
        swapped(
            _gathered_recipe,
            "texts not gathered",
            "Texts look among all pictures, but pictures look among the texts of their own process "
            "only.",
            of_texts=_only_its_own,
        ),
        swapped(
            _gathered_recipe,
            "the first process's targets",
            "Every process looks for the pairs of the first one. Among all texts its own begin at "
            "its rank times B.",
            first=lambda rank, pairs: 0,
        ),
        swapped(
            _gathered_recipe,
            "moved by the rank",
            "The targets are moved by the rank. They are moved by the pairs of all processes "
            "before: rank times B.",
            first=lambda rank, pairs: rank,
        ),
        swapped(
            _gathered_recipe,
            "the loss of the whole batch",
            "Each process returns the loss of all pairs. Its mean over the processes is right, and "
            "each of them has done all of the work.",
            mean=lambda losses: torch.stack(losses).mean().expand(len(losses)),
        ),
        swapped(
            _gathered_recipe,
            "divided by the processes",
            "The losses are divided by the number of processes, which takes the mean over them "
            "once more: the gradient becomes smaller the more there are.",
            mean=lambda losses: torch.stack(losses) / len(losses),
        ),
        swapped(
            _gathered_recipe,
            "multiplied by the processes",
            "The losses are multiplied by the number of processes. DDP takes the mean of the "
            "gradients, and a mean of P losses needs no factor.",
            mean=lambda losses: torch.stack(losses) * len(losses),
        ),
        swapped(
            _gathered_recipe,
            "pictures only",
            "Only the pictures look for their texts.",
            ways=lambda pictures, texts: pictures,
        ),
        swapped(
            _gathered_recipe,
            "texts only",
            "Only the texts look for their pictures.",
            ways=lambda pictures, texts: texts,
        ),
        swapped(
            _gathered_recipe,
            "both directions added",
            "The directions are added. Their mean is wanted.",
            ways=lambda pictures, texts: pictures + texts,
        ),
        swapped(
            _gathered_recipe,
            "divided by the scale",
            "The cosines are divided by the scale, which makes all scores almost alike.",
            score=lambda cosines, scale: cosines / scale,
        ),
    ),
    praise="Two processes are one process with twice the batch, in their gradients too.",
    differentiable=True,
)
