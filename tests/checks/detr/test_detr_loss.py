import itertools
import math
from functools import partial

import pytest
import torch

from tests.checks.detr.boxes import edges, giou
from tests.checks.detr.test_matching_cost import cost as pair_costs
from tests.checks.detr.test_matching_cost import manhattan, shares
from tests.checks.written import earns
from txlite import checks
from txlite.training import Objects, set_loss

check = checks.detr_loss


def cheapest(table, best=min):
    """Try every way; return the prediction of each object (there are enough predictions)."""
    queries, objects = table.shape

    def total(way):
        return sum(float(table[q, n]) for n, q in enumerate(way))

    return best(itertools.permutations(range(queries), objects), key=total)


def by_turns(table):
    free, way = list(range(len(table))), []
    for n in range(table.shape[1]):
        way.append(min(free, key=lambda q: float(table[q, n])))
        free.remove(way[-1])
    return way


def nll(row, label):
    return -math.log(shares(row)[label])


def by_weights(costs, weights):
    return sum(c * w for c, w in zip(costs, weights, strict=True)) / sum(weights)


def layer(
    logits, boxes, labels, objects, way, none=-1, w=0.1, nll=nll, mean=by_weights, count=None,
    far=manhattan, box=5, area=2,
):  # fmt: skip
    logits, boxes, labels, objects = (x.tolist() for x in (logits, boxes, labels, objects))
    owner = {q: n for n, q in enumerate(way)}
    costs = [nll(row, labels[owner[q]] if q in owner else none) for q, row in enumerate(logits)]
    loss = mean(costs, [1.0 if q in owner else w for q in range(len(logits))])
    number = (count or (lambda n, q: max(n, 1)))(len(labels), len(logits))
    for q, n in owner.items():
        part = box * far(boxes[q], objects[n]) + area * (1 - giou(boxes[q], objects[n]))
        loss += part / number
    return loss


def losses(logits, boxes, labels, objects, choose=cheapest, **how):
    return [
        layer(
            x, b, labels, objects, choose(pair_costs(x, b, labels, objects).view(len(x), -1)), **how
        )
        for x, b in zip(logits, boxes, strict=True)
    ]


def loss(*case, **how):
    return sum(losses(*case, **how))


def test_right_answers_in_other_words_pass():
    check(loss).require()

    def by_the_package(logits, boxes, labels, objects):
        earlier = {"earlier_logits": logits[:-1, None], "earlier_boxes": boxes[:-1, None]}
        earlier = earlier if len(logits) > 1 else {}
        there = [Objects(labels, objects)]
        return set_loss(logits[-1:], boxes[-1:], there, **earlier).total

    check(by_the_package).require()


def last_matching(logits, boxes, labels, objects):
    way = cheapest(pair_costs(logits[-1], boxes[-1], labels, objects).view(len(logits[-1]), -1))
    return loss(logits, boxes, labels, objects, choose=lambda table: way)


def of_matched(costs, weights):
    kept = [c for c, w in zip(costs, weights, strict=True) if w == 1]
    return sum(kept) / max(1, len(kept))


def added(costs, weights):
    return by_weights(costs, weights) * sum(weights)


def without_care(logits, boxes, labels, objects):
    return loss(logits, boxes, labels, objects) if len(labels) else math.nan


WRITTEN = {
    "matched by index": partial(loss, choose=lambda table: range(table.shape[1])),
    "one object after the other": partial(loss, choose=by_turns),
    "the last layer's matching for all": last_matching,
    "the dearest matching": partial(loss, choose=partial(cheapest, best=max)),
    "the last layer only": lambda *case: losses(*case)[-1],
    "the first layer only": lambda *case: losses(*case)[0],
    "mean of the layers": lambda *case: loss(*case) / len(case[0]),
    "no object is class 0": partial(loss, none=0),
    "no object weighs as much": partial(loss, w=1.0 + 1e-12),
    "only matched predictions": partial(loss, mean=of_matched),
    "divided by the predictions": partial(loss, mean=lambda c, w: added(c, w) / len(c)),
    "classes not averaged": partial(loss, mean=added),
    "the probability for its logarithm": partial(loss, nll=lambda row, c: -shares(row)[c]),
    "boxes divided by the predictions": partial(loss, count=lambda n, q: q),
    "nothing divided by nothing": without_care,
    "boxes not averaged": partial(loss, count=lambda n, q: 1),
    "mean of the four distances": partial(loss, box=1.25),
    "distance of the corners": partial(loss, far=lambda a, b: manhattan(edges(a), edges(b))),
    "no weights of boxes": partial(loss, box=1, area=1),
    "no overlap": partial(loss, area=0),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_a_picture_without_objects_costs_what_its_classes_cost():
    nothing = torch.zeros(0, dtype=torch.long), torch.zeros(0, 4)
    even = torch.zeros(1, 5, 4), torch.full((1, 5, 4), 0.5)
    assert float(check.reference(*even, *nothing)) == pytest.approx(math.log(4))
    one = torch.tensor([1]), torch.full((1, 4), 0.5)
    logits = torch.zeros(1, 5, 4)
    logits[0, 2, 1] = math.log(3)  # one half for the class
    wanted = (math.log(2) + 0.4 * math.log(4)) / 1.4
    assert float(check.reference(logits, even[1], *one)) == pytest.approx(wanted)


def test_the_order_of_the_objects_does_not_matter():
    logits, boxes, labels, objects = check.cases[-1]
    turned = logits, boxes, labels.flip(0), objects.flip(0)
    assert float(check.reference(*turned)) == pytest.approx(loss(logits, boxes, labels, objects))
    by_index = WRITTEN["matched by index"]
    assert by_index(*turned) != pytest.approx(by_index(logits, boxes, labels, objects))
