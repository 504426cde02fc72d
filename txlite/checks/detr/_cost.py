"""What it costs that a prediction answers for an object, in named steps."""

import torch
from torch import Tensor

from txlite.checks.detr._boxes import generalised
from txlite.checks.framework import Step

__all__ = ["apart", "cost_recipe"]


def _probability(logits: Tensor, labels: Tensor) -> Tensor:
    return -logits.softmax(-1)[:, labels]


def apart(boxes: Tensor, objects: Tensor) -> Tensor:
    return (boxes[:, None] - objects[None]).abs().sum(-1)


def _shared(boxes: Tensor, objects: Tensor) -> Tensor:
    return -generalised(boxes[:, None], objects[None])


def _weights() -> tuple[float, float, float]:
    return 1.0, 5.0, 2.0


def cost_recipe(
    logits: Tensor,
    boxes: Tensor,
    labels: Tensor,
    objects: Tensor,
    of_class: Step = _probability,
    of_box: Step = apart,
    of_iou: Step = _shared,
    weights: Step = _weights,
    shape: Step = torch.clone,
) -> Tensor:
    """Return the cost of every pair, a row for each prediction."""
    a, b, c = weights()
    costs = a * of_class(logits, labels), b * of_box(boxes, objects), c * of_iou(boxes, objects)
    table: Tensor = shape(costs[0] + costs[1] + costs[2])
    return table
