"""Exercise: how good a list of found boxes is.

Sources
    Everingham et al. (2010), "The Pascal Visual Object Classes (VOC) Challenge", section 4.2; Lin
    et al. (2014), "Microsoft COCO: Common Objects in Context", for 101 recalls.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, swapped

__all__ = ["average_precision"]


def _highest_first(scores: Tensor) -> Tensor:
    return scores.argsort(descending=True)


def _best_free(overlaps: Tensor, threshold: float) -> Tensor:
    left, right = overlaps.clone(), []
    for i in range(len(overlaps)):
        best = left[i].argmax()
        right.append(bool(left[i, best] >= threshold))
        if right[-1]:
            left[:, best] = -1.0
    return torch.tensor(right, device="cpu")


def _of_objects(right: Tensor, objects: int) -> Tensor:
    return right.cumsum(0) / objects


def _best_from_here(precision: Tensor) -> Tensor:
    return precision.flip(0).cummax(0).values.flip(0)


def _hundred_and_one() -> Tensor:
    return torch.linspace(0, 1, 101, dtype=torch.float64, device="cpu")


def _precision_recipe(
    scores: Tensor,
    overlaps: Tensor,
    threshold: float,
    order: Step = _highest_first,
    match: Step = _best_free,
    recall: Step = _of_objects,
    envelope: Step = _best_from_here,
    levels: Step = _hundred_and_one,
) -> object:
    right = match(overlaps[order(scores)], threshold).double()
    recalls = recall(right, overlaps.shape[1])
    best = envelope(right.cumsum(0) / torch.arange(1, len(right) + 1, device="cpu"))
    first = torch.searchsorted(recalls, levels() - 1e-9)
    return torch.cat([best, best.new_zeros(1)])[first].mean()


def _any_object(overlaps: Tensor, threshold: float) -> Tensor:
    return (overlaps >= threshold).any(1)


def _best_even_if_taken(overlaps: Tensor, threshold: float) -> Tensor:
    right, taken = [], set()
    for row in overlaps:
        best = int(row.argmax())
        right.append(bool(row[best] >= threshold) and best not in taken)
        taken |= {best} if right[-1] else set()
    return torch.tensor(right, device="cpu")


def _objects_choose(overlaps: Tensor, threshold: float) -> Tensor:
    chosen = overlaps.argmax(0)[overlaps.amax(0) >= threshold]
    return torch.zeros(len(overlaps), device="cpu").index_fill(0, chosen, 1.0).bool()


def _hits(scores: Tensor, overlaps: Tensor, threshold: float) -> Tensor:
    return _best_free(overlaps[_highest_first(scores)], threshold).double()


def _at_each_hit(scores: Tensor, overlaps: Tensor, threshold: float) -> object:
    right = _hits(scores, overlaps, threshold)
    precision = right.cumsum(0) / torch.arange(1, len(right) + 1, device="cpu")
    return (precision * right).sum() / overlaps.shape[1]


def _case(scores: list[float], overlaps: list[list[float]], threshold: float) -> tuple[object, ...]:
    return torch.tensor(scores), torch.tensor(overlaps), threshold


average_precision = Exercise(
    name="average_precision",
    signature="f(scores: (N,), overlaps: (N, M), threshold: float) -> float",
    task=(
        "N boxes were found in a picture, each with a score, and overlaps has the IoU of each with "
        "each of M objects of the class. Taken from the highest score down, a box is right if it "
        "overlaps by threshold or more with an object that none before it has taken; it takes the "
        "one with which it overlaps most. Return the average precision: the mean over the recalls "
        "0, 0.01, …, 1 of the best precision at this recall or a higher one, 0 where none is."
    ),
    inputs=("scores", "overlaps", "threshold"),
    reference=_precision_recipe,
    cases=(
        _case([0.6, 0.9, 0.8], [[0.1, 0.7], [0.8, 0.0], [0.6, 0.2]], 0.5),
        _case(
            [0.3, 0.95, 0.5, 0.7, 0.2],
            [[0.0, 0.6, 0.0], [0.1, 0.9, 0.65], [0.2, 0.1, 0.3], [0.0, 0.8, 0.7], [0.55, 0.0, 0.1]],
            0.5,
        ),
        _case(
            [0.4, 0.9, 0.8, 0.35, 0.1, 0.6],
            [
                [0.8, 0.1, 0.0, 0.2],
                [0.4, 0.1, 0.2, 0.0],
                [0.78, 0.0, 0.3, 0.1],
                [0.1, 0.9, 0.2, 0.76],
                [0.0, 0.85, 0.1, 0.3],
                [0.2, 0.0, 0.5, 0.6],
            ],
            0.75,
        ),
    ),
    bank=(
        swapped(
            _precision_recipe,
            "a second box of one object is right",
            "Every box that overlaps with an object is right, though another box has taken it "
            "before. A detector that says everything twice would lose nothing, and recall could "
            "rise above 1.",
            match=_any_object,
        ),
        swapped(
            _precision_recipe,
            "the best object, though it is taken",
            "A box asks only for the object with which it overlaps most, and is wrong if this one "
            "is taken. So VOC counts. COCO lets it take another one that it overlaps with enough.",
            match=_best_even_if_taken,
        ),
        swapped(
            _precision_recipe,
            "objects choose their boxes",
            "Each object takes the box with which it overlaps most, whatever its score. Boxes are "
            "taken from the highest score down, and the first one that fits is the right one.",
            match=_objects_choose,
        ),
        swapped(
            _precision_recipe,
            "any overlap will do",
            "The threshold is not looked at: a box is right as soon as it touches an object that "
            "is free.",
            match=lambda overlaps, threshold: _best_free(overlaps, 1e-6),
        ),
        swapped(
            _precision_recipe,
            "the order of the table",
            "The boxes are taken as they come. They have to be sorted by their scores.",
            order=lambda scores: torch.arange(len(scores), device="cpu"),
        ),
        swapped(
            _precision_recipe,
            "the lowest score first",
            "The boxes are taken from the lowest score up.",
            order=lambda scores: scores.argsort(),
        ),
        swapped(
            _precision_recipe,
            "a share of the boxes",
            "Recall is taken as a share of the boxes. It is the share of the objects that is "
            "found.",
            recall=lambda right, objects: right.cumsum(0) / len(right),
        ),
        swapped(
            _precision_recipe,
            "a share of what is found",
            "Recall is taken as a share of the objects that are found in the end, so that objects "
            "that were never found cost nothing.",
            recall=lambda right, objects: right.cumsum(0) / right.sum(),
        ),
        swapped(
            _precision_recipe,
            "the precision at each recall",
            "At each recall stands the precision just there. The best one from there on counts: "
            "a curve that never rises.",
            envelope=lambda precision: precision,
        ),
        swapped(
            _precision_recipe,
            "the best so far",
            "At each recall stands the best precision up to there. It is the best one from there "
            "on.",
            envelope=lambda precision: precision.cummax(0).values,
        ),
        swapped(
            _precision_recipe,
            "eleven recalls",
            "The mean is over eleven recalls, as in VOC's first years. COCO takes 101.",
            levels=lambda: _hundred_and_one()[::10],
        ),
        swapped(
            _precision_recipe,
            "recall 0 left out",
            "The mean runs over a hundred recalls. There are 101, with 0 among them.",
            levels=lambda: _hundred_and_one()[1:],
        ),
        Mistake(
            "the precision of each right box",
            "The precisions at the right boxes are added and divided by the objects: the average "
            "precision of search engines. Here it is the mean over recalls of the best precision "
            "from there on.",
            _at_each_hit,
        ),
        Mistake(
            "the precision of all",
            "This is the share of all boxes that is right: one point of the curve.",
            lambda *case: _hits(*case).mean(),
        ),
        Mistake(
            "the recall of all",
            "This is the share of the objects that is found: one point of the curve.",
            lambda scores, overlaps, threshold: (
                _hits(scores, overlaps, threshold).sum() / overlaps.shape[1]
            ),
        ),
    ),
    praise="To say a thing twice is wrong once.",
    differentiable=False,
)
