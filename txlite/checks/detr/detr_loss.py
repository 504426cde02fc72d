"""Exercise: the loss of a set of predictions, in every layer of the decoder.

Sources
    Carion et al. (2020), "End-to-End Object Detection with Transformers", equation 2, section 3.1
    with "Auxiliary decoding losses" in 3.2, and appendix A.2.
"""

import torch
from torch import Tensor

from txlite.checks.detr._boxes import corners_of, drawn_boxes, generalised
from txlite.checks.detr._cost import cost_recipe
from txlite.checks.framework import Exercise, Step, as_given, normal, swapped

__all__ = ["detr_loss"]

Pairs = tuple[Tensor, Tensor]  # predictions, and the object of each


def _cheapest(table: Tensor) -> Pairs:
    from scipy.optimize import linear_sum_assignment

    rows, columns = (torch.from_numpy(x) for x in linear_sum_assignment(table.numpy()))
    return rows, columns


def _each_its_own(logits: Tensor, boxes: Tensor, labels: Tensor, objects: Tensor) -> list[Pairs]:
    layers = zip(logits, boxes, strict=True)
    return [_cheapest(cost_recipe(x, b, labels, objects)) for x, b in layers]


def _all_layers(layers: list[Tensor]) -> Tensor:
    return torch.stack(layers).sum()


def _last_class(logits: Tensor) -> int:
    return logits.shape[-1] - 1


def _tenth() -> float:
    return 0.1


def _log(logits: Tensor, wanted: Tensor) -> Tensor:
    return -logits.log_softmax(-1).gather(1, wanted[:, None])[:, 0]


def _weighted(costs: Tensor, weights: Tensor, matched: Tensor) -> Tensor:
    return (costs * weights).sum() / weights.sum()


def _objects(labels: Tensor, queries: int) -> int:
    return max(1, len(labels))


def _apart(ours: Tensor, theirs: Tensor) -> Tensor:
    return (ours - theirs).abs().sum()


def _weights() -> tuple[float, float]:
    return 5.0, 2.0


def _loss_recipe(
    logits: Tensor,
    boxes: Tensor,
    labels: Tensor,
    objects: Tensor,
    match: Step = _each_its_own,
    layers: Step = _all_layers,
    nothing: Step = _last_class,
    weight: Step = _tenth,
    cost: Step = _log,
    mean: Step = _weighted,
    count: Step = _objects,
    apart: Step = _apart,
    weights: Step = _weights,
    view: Step = as_given,
) -> object:
    queries, none = logits.shape[1], nothing(logits)
    of_box, of_iou = weights()
    losses = []
    for x, b, (rows, columns) in zip(
        logits, boxes, match(logits, boxes, labels, objects), strict=True
    ):
        wanted = torch.full((queries,), none, device="cpu")
        wanted[rows] = labels[columns]
        matched = torch.zeros(queries, device="cpu").index_fill(0, rows, 1).bool()
        loss = mean(cost(x, wanted), torch.where(matched, 1.0, weight()), matched)
        ours, theirs = b[rows], objects[columns]
        loss = loss + of_box * apart(view(ours), view(theirs)) / count(labels, queries)
        loss = loss + of_iou * (1 - generalised(ours, theirs)).sum() / count(labels, queries)
        losses.append(loss)
    return layers(losses)


def _by_index(logits: Tensor, boxes: Tensor, labels: Tensor, objects: Tensor) -> list[Pairs]:
    each = torch.arange(min(logits.shape[1], len(labels)), device="cpu")
    return [(each, each)] * len(logits)


def _one_after_the_other(
    logits: Tensor, boxes: Tensor, labels: Tensor, objects: Tensor
) -> list[Pairs]:
    found = []
    for x, b in zip(logits, boxes, strict=True):
        table, rows = cost_recipe(x, b, labels, objects), []
        for n in range(min(table.shape)):
            rows.append(int(table[:, n].argmin()))
            table[rows[-1]] = torch.inf
        found.append((torch.tensor(rows).long(), torch.arange(len(rows), device="cpu")))
    return found


def _the_last_ones(logits: Tensor, boxes: Tensor, labels: Tensor, objects: Tensor) -> list[Pairs]:
    return len(logits) * _each_its_own(logits, boxes, labels, objects)[-1:]


def _dearest(logits: Tensor, boxes: Tensor, labels: Tensor, objects: Tensor) -> list[Pairs]:
    layers = zip(logits, boxes, strict=True)
    return [_cheapest(-cost_recipe(x, b, labels, objects)) for x, b in layers]


def _drawn(seed: int, layers: int, queries: int, classes: int, *labels: int) -> tuple[object, ...]:
    names = torch.tensor(labels, dtype=torch.long, device="cpu")
    logits = normal(seed, layers, queries, classes + 1)
    boxes = drawn_boxes(seed + 1, layers, queries)
    return logits, boxes, names, drawn_boxes(seed + 2, len(labels))


detr_loss = Exercise(
    name="detr_loss",
    signature="f(logits: (L, Q, K), boxes: (L, Q, 4), labels: (N,) int, objects: (N, 4)) -> float",
    task=(
        "L decoder layers predict Q classes and boxes of a picture with N objects; of K classes "
        "the last is that there is none. Match each layer's predictions with the objects, one to "
        "one and as cheaply as can be, and add the layers' losses. In each: the cross-entropy of "
        "all predictions, a mean in which one without an object weighs 0.1; and over the number "
        "of objects, or over 1 without any, 5 times the distances of matched boxes and 2 times "
        "what their generalised IoU lacks to 1."
    ),
    inputs=("logits", "boxes", "labels", "objects"),
    reference=_loss_recipe,
    cases=(
        _drawn(1, 1, 2, 1, 0),
        _drawn(21, 2, 3, 2),
        _drawn(10, 2, 4, 2, 1, 0),
        _drawn(14, 3, 5, 3, 2, 0, 1, 2),
    ),
    bank=(
        swapped(
            _loss_recipe,
            "matched by index",
            "Object i is given to prediction i. Objects have no order: in another order the same "
            "predictions would have another loss, and each of them learns the mean of all objects.",
            match=_by_index,
        ),
        swapped(
            _loss_recipe,
            "one object after the other",
            "Each object takes the cheapest prediction that is left. The first ones then take "
            "what later ones need more, and the order of the objects matters again. Minimise the "
            "sum: linear_sum_assignment.",
            match=_one_after_the_other,
        ),
        swapped(
            _loss_recipe,
            "the last layer's matching for all",
            "All layers are held to the matching of the last one. Each has its own.",
            match=_the_last_ones,
        ),
        swapped(
            _loss_recipe,
            "the dearest matching",
            "This is the matching that costs most: the sign is turned round.",
            match=_dearest,
        ),
        swapped(
            _loss_recipe,
            "the last layer only",
            "The auxiliary losses are forgotten: only the last layer is told what is right.",
            layers=lambda losses: losses[-1],
        ),
        swapped(
            _loss_recipe,
            "the first layer only",
            "Only the first layer has a loss.",
            layers=lambda losses: losses[0],
        ),
        swapped(
            _loss_recipe,
            "mean of the layers",
            "The layers are averaged. They are added.",
            layers=lambda losses: torch.stack(losses).mean(),
        ),
        swapped(
            _loss_recipe,
            "no object is class 0",
            "A prediction without an object is to say class 0, which is a class like the others. "
            "“No object” is the last.",
            nothing=lambda logits: 0,
        ),
        swapped(
            _loss_recipe,
            "no object weighs as much",
            "A prediction without an object counts as much as one with. Most have none: they "
            "would outweigh the few that have found something.",
            weight=lambda: 1.0,
        ),
        swapped(
            _loss_recipe,
            "only matched predictions",
            "The others have no loss at all: nothing tells them to say that there is no object.",
            mean=lambda costs, weights, matched: (
                costs[matched].mean() if matched.any() else 0 * costs.sum()
            ),
        ),
        swapped(
            _loss_recipe,
            "divided by the predictions",
            "The weighted costs are divided by the number of predictions. In a weighted mean they "
            "are divided by the sum of the weights.",
            mean=lambda costs, weights, matched: (costs * weights).mean(),
        ),
        swapped(
            _loss_recipe,
            "classes not averaged",
            "The weighted costs of the predictions are added, not averaged.",
            mean=lambda costs, weights, matched: (costs * weights).sum(),
        ),
        swapped(
            _loss_recipe,
            "the probability for its logarithm",
            "The loss takes the probability, as the matching does. Its gradient vanishes where a "
            "prediction is quite wrong; the loss needs the logarithm.",
            cost=lambda logits, wanted: -logits.softmax(-1).gather(1, wanted[:, None])[:, 0],
        ),
        swapped(
            _loss_recipe,
            "boxes divided by the predictions",
            "The losses of boxes are divided by the number of predictions, of which most have no "
            "object. Divide by the number of objects.",
            count=lambda labels, queries: queries,
        ),
        swapped(
            _loss_recipe,
            "nothing divided by nothing",
            "Without objects the losses of boxes are 0/0, and the whole batch is lost with them. "
            "Divide by one then.",
            count=lambda labels, queries: torch.tensor(len(labels), device="cpu"),
        ),
        swapped(
            _loss_recipe,
            "boxes not averaged",
            "The losses of boxes are added over the objects. They are divided by their number.",
            count=lambda labels, queries: 1,
        ),
        swapped(
            _loss_recipe,
            "mean of the four distances",
            "The four distances of a box are averaged. Their sum is meant.",
            apart=lambda ours, theirs: (ours - theirs).abs().sum() / 4,
        ),
        swapped(
            _loss_recipe,
            "distance of the corners",
            "The distances are those of corners. They are those of centre, width and height.",
            view=corners_of,
        ),
        swapped(
            _loss_recipe,
            "no weights of boxes",
            "The losses of boxes count once. Their weights are 5 and 2.",
            weights=lambda: (1.0, 1.0),
        ),
        swapped(
            _loss_recipe,
            "no overlap",
            "Only distances count. A small box and a large one that miss by as much have one loss "
            "then; the overlap is relative to their size.",
            weights=lambda: (5.0, 0.0),
        ),
    ),
    praise="Neither the order of objects nor that of predictions matters, and no object is fine.",
    differentiable=False,
)
