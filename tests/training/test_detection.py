"""Average precision: what it must be, by hand, and as pycocotools counts it."""

import contextlib
import io
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.training.test_boxes import boxes
from txlite.training import Objects, generalised_iou
from txlite.training.detection import (
    THRESHOLDS,
    Found,
    average_precision,
    best_classes,
    suppress,
)

SQUARE = torch.tensor([[0.5, 0.5, 0.2, 0.2]])
AWAY = torch.tensor([[0.2, 0.2, 0.2, 0.2]])
NONE = Found(torch.zeros(0, dtype=torch.long), torch.zeros(0), torch.zeros(0, 4))


def what(*labels: int) -> Tensor:
    return torch.tensor(labels, dtype=torch.long)


def at_half(found: list[Found], there: list[Objects]) -> float:
    return average_precision(found, there).at_50


# ------------------------------------------------------------------ by hand


def test_all_found_is_one_and_nothing_found_is_zero() -> None:
    there = [Objects(what(0, 1), torch.cat([SQUARE, AWAY])), Objects(what(1), SQUARE)]
    right = [Found(o.labels, torch.rand(len(o.labels)), o.boxes) for o in there]
    best = average_precision(right, there)
    assert (best.mean, best.at_50, best.at_75) == (1.0, 1.0, 1.0)
    assert best.table.shape == (10, 2)
    assert best.thresholds == THRESHOLDS == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
    assert average_precision([NONE, NONE], there).mean == 0


def test_the_class_counts_and_so_does_the_box() -> None:
    there = [Objects(what(0), SQUARE)]
    assert at_half([Found(what(1), torch.ones(1), SQUARE)], there) == 0
    assert at_half([Found(what(0), torch.ones(1), AWAY)], there) == 0


def test_a_second_box_on_the_same_object_is_wrong() -> None:
    there = [Objects(what(0), SQUARE), Objects(what(0), SQUARE)]
    one = Found(what(0), torch.tensor([0.5]), SQUARE)
    for first, second in ((0.9, 0.8), (0.8, 0.9)):
        two = Found(what(0, 0), torch.tensor([first, second]), SQUARE.expand(2, 4))
        # Right, wrong, right: precision 1 up to recall .5 (51 of 101), then 2/3.
        assert at_half([two, one], there) == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_a_wrong_box_costs_what_stands_below_it() -> None:
    """First wrong, then right: the precision is ½ at every recall. The other way round it is 1."""
    there = [Objects(what(0), SQUARE)]
    both = torch.cat([AWAY, SQUARE])
    assert at_half([Found(what(0, 0), torch.tensor([0.9, 0.8]), both)], there) == 0.5
    assert at_half([Found(what(0, 0), torch.tensor([0.8, 0.9]), both)], there) == 1


def test_scores_are_compared_over_all_pictures() -> None:
    there = [Objects(what(0), SQUARE), Objects(what(), torch.zeros(0, 4))]
    sure = Found(what(0), torch.tensor([0.9]), SQUARE)
    doubtful = Found(what(0), torch.tensor([0.3]), SQUARE)
    assert at_half([doubtful, sure], there) == 0.5
    assert at_half([sure, doubtful], there) == 1


def test_each_threshold_asks_for_its_overlap() -> None:
    """A box that is 0.72 of the object: right up to .70."""
    part = SQUARE * torch.tensor([1, 1, 0.72, 1])
    found = average_precision([Found(what(0), torch.ones(1), part)], [Objects(what(0), SQUARE)])
    assert found.table[:, 0].tolist() == [1.0] * 5 + [0.0] * 5
    assert (found.mean, found.at_50, found.at_75) == (0.5, 1.0, 0.0)


def test_other_thresholds() -> None:
    there = [Objects(what(0), SQUARE)]
    found = average_precision([Found(what(0), torch.ones(1), SQUARE)], there, thresholds=(0.3, 1.0))
    assert found.table.tolist() == [[1.0], [1.0]]
    assert math.isnan(found.at_50)
    assert math.isnan(found.at_75)


def test_a_class_that_is_nowhere_does_not_count() -> None:
    there = [Objects(what(2), SQUARE)]
    both = Found(what(0, 2), torch.tensor([0.9, 0.8]), SQUARE.expand(2, 4))
    found = average_precision([both], there)
    assert (found.mean, found.classes) == (1.0, (2,))


def test_the_order_of_what_is_found_does_not_matter() -> None:
    found, there = drawn(5)
    shuffled = []
    for one in found:
        order = torch.randperm(len(one.labels))
        shuffled.append(Found(*(x[order] for x in one)))
    assert average_precision(shuffled, there).mean == average_precision(found, there).mean


# ------------------------------------------------------------------ as pycocotools counts


def drawn(
    pictures: int, *, classes: int = 3, ties: bool = False
) -> tuple[list[Found], list[Objects]]:
    """Objects, and boxes near some of them, with wrong classes, doubles and inventions."""
    found, there = [], []
    for i in range(pictures):
        count = i % 5  # the first picture has none
        objects = Objects(torch.randint(classes, (count,)), boxes(count))
        near = objects.boxes.repeat(2, 1)
        near = near * (1 + 0.06 * torch.randn_like(near)).clamp(0.5, 1.5)
        labels = torch.where(torch.rand(2 * count) < 0.8, objects.labels.repeat(2), 0)
        more = i % 3
        labels = torch.cat([labels, torch.randint(classes, (more,))])
        scores = torch.rand(len(labels))
        if ties:
            scores = (4 * scores).round() / 4
        found.append(Found(labels, scores, torch.cat([near, boxes(more)])))
        there.append(objects)
    return found, there


def coco(found: list[Found], there: list[Objects], classes: int) -> tuple[Tensor, list[float]]:
    """Return pycocotools' table (T, C), −1 for a class that is nowhere, and its first three."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def corner(box: Tensor) -> list[float]:
        x, y, w, h = box.double().tolist()
        return [x - w / 2, y - h / 2, w, h]

    truth: dict[str, Any] = {
        "info": {},
        "images": [{"id": i} for i in range(len(there))],
        "categories": [{"id": c} for c in range(classes)],
        "annotations": [],
    }
    said = []
    for i, (one, objects) in enumerate(zip(found, there, strict=True)):
        for label, box in zip(objects.labels.tolist(), objects.boxes, strict=True):
            number = len(truth["annotations"]) + 1
            truth["annotations"].append(
                {
                    "id": number, "image_id": i, "category_id": label, "iscrowd": 0,
                    "bbox": corner(box), "area": 1.0,
                }
            )  # fmt: skip
        for label, score, box in zip(
            one.labels.tolist(), one.scores.tolist(), one.boxes, strict=True
        ):
            said.append({"image_id": i, "category_id": label, "score": score, "bbox": corner(box)})
    with contextlib.redirect_stdout(io.StringIO()):
        ground = COCO()
        ground.dataset = truth
        ground.createIndex()
        judge = COCOeval(ground, ground.loadRes(said), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    precision = judge.eval["precision"][:, :, :, 0, -1]  # thresholds, recalls, classes
    return torch.from_numpy(precision.mean(1)), list(judge.stats[:3])


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("pictures", [2, 9, 60])
def test_equals_pycocotools(pictures: int, ties: bool) -> None:
    found, there = drawn(pictures, ties=ties)
    ours = average_precision(found, there)
    table, stats = coco(found, there, 3)
    present = table[0] > -1
    assert tuple(present.nonzero()[:, 0].tolist()) == ours.classes
    np.testing.assert_allclose(ours.table, table[:, present], rtol=0, atol=1e-9)
    assert (ours.mean, ours.at_50, ours.at_75) == pytest.approx(stats, abs=1e-9)
    if pictures == 60:
        assert 0.1 < ours.mean < ours.at_50 < 0.9  # a test of middling detectors


# ------------------------------------------------------------------ what a DETR says


def test_no_object_is_no_class_but_lowers_the_score() -> None:
    logits = torch.log(torch.tensor([[[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]]]))
    (found,) = best_classes(logits, boxes(1, 2))
    assert found.labels.tolist() == [1, 0]
    torch.testing.assert_close(found.scores, torch.tensor([0.2, 0.6]))


# ------------------------------------------------------------------ suppression


def suppressed(found: Found, threshold: float) -> list[int]:
    """Return which boxes stay, by the rule: none that overlaps with a better one that stays."""
    kept: list[int] = []
    for i in sorted(range(len(found.labels)), key=lambda i: -float(found.scores[i])):
        overlap = [float(iou(found.boxes[i], found.boxes[j])) for j in kept]
        same = [bool(found.labels[i] == found.labels[j]) for j in kept]
        if not any(o > threshold and s for o, s in zip(overlap, same, strict=True)):
            kept.append(i)
    return kept


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Return the intersection over union, from areas."""
    low = torch.maximum(a[:2] - a[2:] / 2, b[:2] - b[2:] / 2)
    high = torch.minimum(a[:2] + a[2:] / 2, b[:2] + b[2:] / 2)
    both = (high - low).clamp(min=0).prod()
    return both / (a[2:].prod() + b[2:].prod() - both)


@pytest.mark.parametrize("threshold", [0.1, 0.5])
def test_suppression_keeps_what_no_better_one_covers(threshold: float) -> None:
    middle = 0.5 + 0.1 * torch.randn(40, 2)
    crowd = torch.cat([middle, 0.2 + 0.1 * torch.rand(40, 2)], dim=1)
    found = Found(torch.randint(2, (40,)), torch.rand(40), crowd)
    kept = suppressed(found, threshold)
    assert 2 < len(kept) < 40
    left = suppress(found, threshold)
    assert torch.equal(left.boxes, found.boxes[kept].double())
    assert torch.equal(left.labels, found.labels[kept])
    assert torch.equal(left.scores, found.scores[kept].double())


def test_a_box_that_was_taken_away_takes_none_away() -> None:
    """Three in a row: the middle one goes, and the last stays though the middle one covered it."""
    row = torch.tensor([[0.4, 0.5, 0.2, 0.2], [0.45, 0.5, 0.2, 0.2], [0.5, 0.5, 0.2, 0.2]])
    found = Found(what(0, 0, 0), torch.tensor([0.9, 0.8, 0.7]), row)
    assert suppress(found, 0.5).scores.tolist() == pytest.approx([0.9, 0.7])


def test_generalised_iou_and_iou_agree_where_there_is_no_hull_left() -> None:
    """Two boxes side by side in one row: nothing but them is in the smallest box around them."""
    a, b = torch.tensor([0.4, 0.5, 0.3, 0.2]), torch.tensor([0.5, 0.5, 0.3, 0.2])
    assert generalised_iou(a[None], b[None]).item() == pytest.approx(float(iou(a, b)))


# ------------------------------------------------------------------ errors


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    there = [Objects(what(0), SQUARE)]
    one = Found(what(0), torch.ones(1), SQUARE)
    cases: list[tuple[Any, str]] = [
        (lambda: average_precision([], there), r"found should be 1, one for each picture, got 0"),
        (
            lambda: average_precision([NONE], [Objects(what(), torch.zeros(0, 4))]),
            r"objects should hold at least one object, got none in all pictures",
        ),
        (
            lambda: average_precision([one._replace(scores=torch.ones(2))], there),
            r"found\[0\].scores should have shape \(N=1\), got \(2,\)",
        ),
        (
            lambda: average_precision([one._replace(boxes=-SQUARE)], there),
            r"found\[0\].boxes should have widths and heights of at least zero, got the box",
        ),
        (
            lambda: average_precision([one], there, thresholds=(0.0,)),
            r"each threshold should be a number in \(0, 1\], got 0.0",
        ),
        (lambda: suppress(one, 1.5), r"threshold should be a number in \[0, 1\], got 1.5"),
        (
            lambda: best_classes(torch.zeros(1, 2, 1), boxes(1, 2)),
            r"logits should have a last axis K of at least 2, got K=1",
        ),
    ]
    for ask, message in cases:
        with pytest.raises(ValueError, match=message):
            ask()
