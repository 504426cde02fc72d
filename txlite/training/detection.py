r"""Average precision: how good a list of found objects is, as COCO counts it.

A detector says of many boxes that an object of a class is there, each with a score. Taken from the
highest score down, every one of them is right or wrong: right if it overlaps enough with an object
of its class that none before it has taken. So a second box on the same object is wrong. What share
of those taken so far is right, is the *precision*; what share of the objects is found, the
*recall*. The average precision of a class is the mean precision over 101 recalls from 0 to 1; at
each of them the best counts that this recall or a higher one has.

Shape letters
    N, M found boxes and objects of a picture    T thresholds    C classes

Sources
    Everingham et al. (2010), "The Pascal Visual Object Classes (VOC) Challenge", section 4.2; Lin
    et al. (2014), "Microsoft COCO". How ties are broken is that of ``pycocotools``.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from txlite._checks import check_dtype, check_floating, check_number, check_shape
from txlite.training.boxes import _area, _check_sizes, corners
from txlite.training.matching import Target

__all__ = [
    "THRESHOLDS",
    "AveragePrecision",
    "Found",
    "average_precision",
    "best_classes",
    "suppress",
]

THRESHOLDS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))
"""How much two boxes have to overlap, from .5 to .95: those of COCO."""


class Found(NamedTuple):
    """What a detector has found in a picture: N boxes, in any order."""

    labels: Int[Tensor, " N"]
    """Their classes."""
    scores: Float[Tensor, " N"]
    """How sure it is of each."""
    boxes: Float[Tensor, "N 4"]
    """Centre x, centre y, width, height."""


class AveragePrecision(NamedTuple):
    """The average precision of each class at each threshold, and the means of them."""

    table: Float[Tensor, "T C"]
    """For each threshold that of each class."""
    thresholds: tuple[float, ...]
    """The T thresholds."""
    classes: tuple[int, ...]
    """The C classes of which there is an object; others do not count."""

    @property
    def mean(self) -> float:
        """Over all classes and thresholds: COCO's AP."""
        return float(self.table.mean())

    @property
    def at_50(self) -> float:
        """Over the classes, where boxes have to overlap by half; NaN if .5 was not asked for."""
        return self._at(0.5)

    @property
    def at_75(self) -> float:
        """Over the classes, where they have to overlap by three quarters, or NaN."""
        return self._at(0.75)

    def _at(self, threshold: float) -> float:
        rows = [row for x, row in zip(self.thresholds, self.table, strict=True) if x == threshold]
        return float(rows[0].mean()) if rows else float("nan")


def best_classes(logits: Float[Tensor, "B Q K"], boxes: Float[Tensor, "B Q 4"]) -> list[Found]:
    """Return each prediction of a DETR as one found object: of its likeliest class.

    Its score is that class's probability. "No object", the last of K, is no class; a prediction of
    which it is the likeliest has a low score and stays.

    Parameters
    ----------
    logits : Tensor, shape (B, Q, K)
        Scores of the classes, the last that there is no object.
    boxes : Tensor, shape (B, Q, 4)
        The boxes.

    Returns
    -------
    list of Found
        One for each of B pictures, with Q boxes.

    Raises
    ------
    ValueError
        If a shape does not fit.

    References
    ----------
    Carion et al. (2020), appendix A.4: instead of "no object" the second best class is taken, as it
    raises the average precision.
    """
    sizes = check_shape("logits", logits, "B Q K")
    check_floating("logits", logits)
    if sizes["K"] < 2:
        raise ValueError(f"logits should have a last axis K of at least 2, got K={sizes['K']}")
    check_shape("boxes", boxes, "B Q E", B=sizes["B"], Q=sizes["Q"], E=4)
    scores, labels = logits.softmax(-1)[..., :-1].max(-1)
    return [Found(*one) for one in zip(labels, scores, boxes, strict=True)]


def suppress(found: Found, threshold: float = 0.5) -> Found:
    """Take away every box that overlaps with a better one of its class: non-maximum suppression.

    Parameters
    ----------
    found : Found
        What was found in one picture.
    threshold : float
        Boxes with an intersection over union above it are taken for the same object.

    Returns
    -------
    Found
        What is left, the highest score first.

    Raises
    ------
    ValueError
        If a shape does not fit, or ``threshold`` is not from 0 to 1.
    """
    limit = check_number("threshold", threshold, "a number in [0, 1]", lambda x: 0 <= x <= 1)
    labels, scores, boxes = _sorted(_checked("found", found))
    over = (_overlap(boxes, boxes) > limit) & (labels[:, None] == labels)
    keep = torch.ones(len(labels), dtype=torch.bool)
    for i, row in enumerate(over.cpu()):
        if keep[i]:
            keep[i + 1 :] &= ~row[i + 1 :]
    kept = keep.to(boxes.device)
    return Found(labels[kept], scores[kept], boxes[kept])


def average_precision(
    found: Sequence[Found],
    objects: Sequence[Target],
    *,
    thresholds: Sequence[float] = THRESHOLDS,
) -> AveragePrecision:
    """Return the average precision of what was found in pictures.

    Parameters
    ----------
    found : sequence of Found
        What was found in each picture, all that was found: no score is too low.
    objects : sequence of Objects
        What is there; a plain pair of labels and boxes will do.
    thresholds : sequence of float
        Intersections over union from which on a box is right.

    Returns
    -------
    AveragePrecision
        In float64, on the CPU.

    Raises
    ------
    ValueError
        If a shape or the number of pictures does not fit, there is no object in any picture, or a
        threshold is not above 0 and up to 1.

    Examples
    --------
    >>> there = (torch.tensor([0, 0]), torch.tensor([[0.2, 0.2, 0.2, 0.2], [0.7, 0.7, 0.2, 0.2]]))
    >>> once = Found(torch.tensor([0]), torch.tensor([0.9]), there[1][:1])
    >>> twice = Found(torch.tensor([0, 0]), torch.tensor([0.9, 0.8]), there[1][[0, 0]])
    >>> round(average_precision([once], [there]).at_50, 3)  # 51 of 101 recalls are reached
    0.505
    >>> average_precision([twice], [there]).at_50 == average_precision([once], [there]).at_50
    True
    """
    limits = [
        check_number("each threshold", x, "a number in (0, 1]", lambda x: 0 < x <= 1)
        for x in thresholds
    ]
    if len(found) != len(objects):
        raise ValueError(f"found should be {len(objects)}, one for each picture, got {len(found)}")
    levels = torch.tensor(limits, dtype=torch.double)
    lists = [_sorted(_checked(f"found[{i}]", one)) for i, one in enumerate(found)]
    right = [
        _right(one, labels.cpu(), boxes.cpu().double(), levels)
        for one, (labels, boxes) in zip(lists, objects, strict=True)
    ]
    there = (
        torch.cat([labels.cpu() for labels, _ in objects])
        if objects
        else torch.zeros(0, dtype=torch.long)
    )
    if not len(there):
        raise ValueError("objects should hold at least one object, got none in all pictures")
    labels, scores = (torch.cat([one[i] for one in lists]) for i in (0, 1))
    order = scores.argsort(descending=True, stable=True)
    labels, marks = labels[order], torch.cat(right, dim=1)[:, order]  # (T, N)
    counts = there.bincount()
    classes = counts.nonzero()[:, 0]
    table = torch.stack(
        [_area_under(marks[:, labels == c], int(counts[c])) for c in classes],
        dim=1,
    )
    return AveragePrecision(table, tuple(limits), tuple(classes.tolist()))


def _right(one: Found, labels: Tensor, boxes: Tensor, levels: Tensor) -> Bool[Tensor, "T N"]:
    """Return which of the found boxes are right, the highest score first, at each threshold."""
    overlap = _overlap(one.boxes, boxes).where(one.labels[:, None] == labels, -1.0)  # (N, M)
    free = torch.ones(len(levels), len(labels), dtype=torch.bool)
    right = torch.zeros(len(levels), len(one.labels), dtype=torch.bool)
    if not len(labels):
        return right
    rows = torch.arange(len(levels))
    for i, row in enumerate(overlap):
        left = torch.where(free & (row >= levels[:, None]), row, -1.0).flip(1)  # (T, M)
        best, at = left.max(1)  # of equal ones the last
        right[:, i] = best >= 0
        free[rows[right[:, i]], len(labels) - 1 - at[right[:, i]]] = False
    return right


def _area_under(right: Bool[Tensor, "T N"], count: int) -> Float[Tensor, " T"]:
    """Return the mean precision over 101 recalls of one class, of which there are ``count``."""
    hits = right.double().cumsum(1)
    precision = hits / torch.arange(1, right.shape[1] + 1)
    best = precision.flip(1).cummax(1).values.flip(1) if right.shape[1] else precision
    wanted = torch.linspace(0, 1, 101, dtype=torch.double).expand(len(right), -1).contiguous()
    first = torch.searchsorted(hits / count, wanted)  # the first box that reaches this recall
    best = torch.cat([best, best.new_zeros(len(best), 1)], dim=1)
    return best.gather(1, first).mean(1)


def _overlap(boxes: Tensor, others: Tensor) -> Float[Tensor, "N M"]:
    """Return the intersection over union of all pairs."""
    a, b = corners(boxes)[:, None], corners(others)[None]
    both = _area(a[..., :2].maximum(b[..., :2]), a[..., 2:].minimum(b[..., 2:]))
    either = boxes[:, None, 2:].prod(-1) + others[None, :, 2:].prod(-1) - both
    return both / either.clamp(min=torch.finfo(boxes.dtype).tiny)


def _sorted(found: Found) -> Found:
    """Return what was found with the highest score first, those that are equal as they came."""
    order = found.scores.argsort(descending=True, stable=True)
    return Found(*(x[order] for x in found))


def _checked(name: str, found: Found) -> Found:
    """Return what was found in float64, on the CPU."""
    labels, scores, boxes = found
    count = check_shape(f"{name}.labels", labels, "N")["N"]
    check_shape(f"{name}.scores", scores, "N", N=count)
    check_floating(f"{name}.scores", scores)
    check_shape(f"{name}.boxes", boxes, "N E", N=count, E=4)
    check_dtype(f"{name}.boxes", boxes, "the scores", scores)
    _check_sizes(f"{name}.boxes", boxes, positive=False)
    return Found(labels.cpu(), scores.detach().cpu().double(), boxes.detach().cpu().double())
