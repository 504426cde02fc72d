"""Exercise: what it costs that a prediction answers for an object.

Sources
    Carion et al. (2020), "End-to-End Object Detection with Transformers", section 3.1 and appendix
    A.2. Rezatofighi et al. (2019), "Generalized Intersection over Union".
"""

import torch

from txlite.checks.detr._boxes import corners_of, drawn_boxes, generalised, overlap
from txlite.checks.detr._cost import apart, cost_recipe
from txlite.checks.framework import Exercise, normal, swapped

__all__ = ["matching_cost"]


def _drawn(seed: int, queries: int, classes: int, *labels: int) -> tuple[object, ...]:
    names = torch.tensor(labels, device="cpu")
    logits = 2 * normal(seed, queries, classes + 1)
    return logits, drawn_boxes(seed + 1, queries), names, drawn_boxes(seed + 2, len(labels))


matching_cost = Exercise(
    name="matching_cost",
    signature="f(logits: (Q, K), boxes: (Q, 4), labels: (N,) int, objects: (N, 4)) -> (Q, N)",
    task=(
        "Q predictions, each with scores of K classes, of which the last is that there is no "
        "object, and a box; N objects with labels and boxes. Boxes are centre x, centre y, width, "
        "height, as shares of the picture. Return what DETR's matching takes each pair to cost: "
        "-1 times the probability of the object's class, 5 times the sum of the four distances, "
        "-2 times the generalised IoU."
    ),
    inputs=("logits", "boxes", "labels", "objects"),
    reference=cost_recipe,
    cases=(
        _drawn(1, 2, 2, 1),
        _drawn(2, 3, 2, 0, 1),
        _drawn(43, 4, 3, 2, 0, 0),
        _drawn(4, 3, 4, 1, 3, 0, 2),
    ),
    bank=(
        swapped(
            cost_recipe,
            "class cost without softmax",
            "The class is paid for with its logit, which has no bounds and no zero: a prediction "
            "whose logits are all large is cheap for every class.",
            of_class=lambda logits, labels: -logits[:, labels],
        ),
        swapped(
            cost_recipe,
            "the logarithm of the probability",
            "The matching takes the probability itself, so that it is of the size of the boxes' "
            "costs; the logarithm is in the loss. It has no bound, and a class that is unlikely "
            "at first would decide everything.",
            of_class=lambda logits, labels: -logits.log_softmax(-1)[:, labels],
        ),
        swapped(
            cost_recipe,
            "one minus the probability",
            "Every pair costs one more. The cheapest matching stays the same, but here the "
            "constant was to be left out.",
            of_class=lambda logits, labels: 1 - logits.softmax(-1)[:, labels],
        ),
        swapped(
            cost_recipe,
            "no object left out of the softmax",
            "The softmax runs over the classes without “no object”: a prediction that is sure of "
            "seeing nothing then costs as little as one that is sure of the class.",
            of_class=lambda logits, labels: -logits[:, :-1].softmax(-1)[:, labels],
        ),
        swapped(
            cost_recipe,
            "softmax over the predictions",
            "The softmax runs over the predictions. Each prediction chooses among classes: the "
            "last axis.",
            of_class=lambda logits, labels: -logits.softmax(0)[:, labels],
        ),
        swapped(
            cost_recipe,
            "a sigmoid for each class",
            "Each class is judged by itself. DETR's classes share one softmax, with “no object” "
            "among them.",
            of_class=lambda logits, labels: -logits.sigmoid()[:, labels],
        ),
        swapped(
            cost_recipe,
            "the likeliest class",
            "Every prediction pays with its likeliest class, whatever the object is: the label "
            "does not enter.",
            of_class=lambda logits, labels: (
                -logits.softmax(-1).amax(-1, True).expand(-1, len(labels))
            ),
        ),
        swapped(
            cost_recipe,
            "the class with a plus",
            "The more likely the class, the dearer is the pair. A likely class makes it cheaper.",
            of_class=lambda logits, labels: logits.softmax(-1)[:, labels],
        ),
        swapped(
            cost_recipe,
            "distance of the corners",
            "The distances are those of the corners. In DETR they are those of what is predicted: "
            "centre, width and height.",
            of_box=lambda boxes, objects: apart(corners_of(boxes), corners_of(objects)),
        ),
        swapped(
            cost_recipe,
            "mean of the four distances",
            "The four distances are averaged, which weighs them at a quarter. Their sum is meant.",
            of_box=lambda boxes, objects: apart(boxes, objects) / 4,
        ),
        swapped(
            cost_recipe,
            "squared distances",
            "The distances are squared. DETR takes their absolute values.",
            of_box=lambda boxes, objects: (boxes[:, None] - objects).square().sum(-1),
        ),
        swapped(
            cost_recipe,
            "the straight line",
            "This is the Euclidean length of the difference. The sum of the absolute values is "
            "meant.",
            of_box=lambda boxes, objects: (boxes[:, None] - objects).norm(dim=-1),
        ),
        swapped(
            cost_recipe,
            "boxes not in cxcywh",
            "The four numbers are taken for corners. They are centre x, centre y, width and "
            "height: make corners of them before areas are compared.",
            of_iou=lambda boxes, objects: -generalised(boxes[:, None], objects, torch.clone),
        ),
        swapped(
            cost_recipe,
            "the size for half of it",
            "The corners are a whole width and height away from the centre. It is half of them.",
            of_iou=lambda boxes, objects: (
                -generalised(
                    boxes[:, None] * torch.tensor([1, 1, 2, 2], device="cpu"),
                    objects * torch.tensor([1, 1, 2, 2], device="cpu"),
                )
            ),
        ),
        swapped(
            cost_recipe,
            "plain IoU",
            "The IoU of boxes that do not touch is 0, however far away they are. The generalised "
            "one falls below zero.",
            of_iou=lambda boxes, objects: -overlap(boxes[:, None], objects),
        ),
        swapped(
            cost_recipe,
            "the overlap with a plus",
            "The more two boxes have in common, the dearer is the pair.",
            of_iou=lambda boxes, objects: generalised(boxes[:, None], objects),
        ),
        swapped(
            cost_recipe,
            "no weights",
            "All three parts count once. The weights are 1, 5 and 2.",
            weights=lambda: (1.0, 1.0, 1.0),
        ),
        swapped(
            cost_recipe,
            "weights exchanged",
            "The distances are weighed by 2, and the overlap by 5. It is the other way round.",
            weights=lambda: (1.0, 2.0, 5.0),
        ),
        swapped(
            cost_recipe,
            "no class cost",
            "Only the boxes count, so that an object may be given to a prediction of another "
            "class.",
            weights=lambda: (0.0, 5.0, 2.0),
        ),
        swapped(
            cost_recipe,
            "a row for each object",
            "The table lies on its side: it has a row for each object. Wanted is one for each "
            "prediction.",
            shape=lambda table: table.T,
        ),
    ),
    praise="It is the probability that is paid with here; its logarithm is for the loss.",
    differentiable=False,
)
