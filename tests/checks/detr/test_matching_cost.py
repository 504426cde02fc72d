import math
from functools import partial

import pytest
import torch

from tests.checks.detr.boxes import edges, giou, iou
from tests.checks.written import earns
from txlite import checks
from txlite.training import Objects, match

check = checks.matching_cost


def shares(row):
    return [math.exp(x) / sum(map(math.exp, row)) for x in row]


def manhattan(a, b):
    return sum(abs(x - y) for x, y in zip(a, b, strict=True))


def of_class(row, label):
    return -shares(row)[label]


def cost(logits, boxes, labels, objects, of_class=of_class, way=manhattan, area=giou, w=(1, 5, 2)):
    return torch.tensor(
        [
            [
                w[0] * of_class(row, label) + w[1] * way(box, there) - w[2] * area(box, there)
                for label, there in zip(labels.tolist(), objects.tolist(), strict=True)
            ]
            for row, box in zip(logits.tolist(), boxes.tolist(), strict=True)
        ]
    )


def test_right_answers_in_other_words_pass():
    check(cost).require()

    def by_one_hot(logits, boxes, labels, objects):
        chosen = torch.nn.functional.one_hot(labels, logits.shape[1]).float()
        p = (logits - logits.logsumexp(1, keepdim=True)).exp() @ chosen.T
        areas = [[giou(a, b) for b in objects.tolist()] for a in boxes.tolist()]
        return 5 * torch.cdist(boxes, objects, p=1) - p - 2 * torch.tensor(areas)

    check(by_one_hot).require()


def classes(way):
    return partial(cost, of_class=way)


def over_predictions(logits, boxes, labels, objects):
    down = torch.tensor([shares(column) for column in logits.T.tolist()]).T
    return cost(down, boxes, labels, objects, of_class=lambda row, label: -row[label])


WRITTEN = {
    "class cost without softmax": classes(lambda row, c: -row[c]),
    "the logarithm of the probability": classes(lambda row, c: -math.log(shares(row)[c])),
    "one minus the probability": lambda *case: cost(*case) + 1,
    "no object left out of the softmax": classes(lambda row, c: -shares(row[:-1])[c]),
    "softmax over the predictions": over_predictions,
    "a sigmoid for each class": classes(lambda row, c: -1 / (1 + math.exp(-row[c]))),
    "the likeliest class": classes(lambda row, c: -max(shares(row))),
    "the class with a plus": classes(lambda row, c: shares(row)[c]),
    "distance of the corners": partial(cost, way=lambda a, b: manhattan(edges(a), edges(b))),
    "mean of the four distances": partial(cost, way=lambda a, b: manhattan(a, b) / 4),
    "squared distances": partial(cost, way=lambda a, b: math.dist(a, b) ** 2),
    "the straight line": partial(cost, way=math.dist),
    "boxes not in cxcywh": partial(cost, area=partial(giou, view=list)),
    "the size for half of it": partial(cost, area=partial(giou, view=partial(edges, half=1.0))),
    "plain IoU": partial(cost, area=iou),
    "the overlap with a plus": partial(cost, w=(1, 5, -2)),
    "no weights": partial(cost, w=(1, 1, 1)),
    "weights exchanged": partial(cost, w=(1, 2, 5)),
    "no class cost": partial(cost, w=(0, 5, 2)),
    "a row for each object": lambda *case: cost(*case).mT,
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


@pytest.mark.parametrize("case", check.cases, ids=len)
def test_the_packages_matching_is_the_cheapest_of_this_table(case):
    from scipy.optimize import linear_sum_assignment

    logits, boxes, labels, objects = case
    rows, columns = linear_sum_assignment(check.reference(*case).numpy())
    ((queries, found),) = match(logits[None], boxes[None], [Objects(labels, objects)])
    assert queries.tolist() == rows.tolist()
    assert found.tolist() == columns.tolist()


def test_a_constant_for_each_prediction_or_object_moves_no_matching():
    """Hence “one minus the probability” is another table and the same matching."""
    from scipy.optimize import linear_sum_assignment

    table = check.reference(*check.cases[-2])
    torch.manual_seed(0)
    square = table[:3]
    moved = square + torch.randn(3, 1) + torch.randn(3)
    assert (moved - square).std() > 0.1
    for x, y in zip(linear_sum_assignment(square), linear_sum_assignment(moved), strict=True):
        assert x.tolist() == y.tolist()
