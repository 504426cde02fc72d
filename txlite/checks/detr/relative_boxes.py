"""Exercise: from the corners of boxes, in pixels, to the numbers that a DETR predicts.

Sources
    Carion et al. (2020), "End-to-End Object Detection with Transformers", section 3.1: boxes are
    given by centre, height and width relative to the picture's size. The authors' code divides by
    the size of the picture without its padding.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, swapped

__all__ = ["relative_boxes"]

Size = tuple[int, int]


def _width_and_height(size: Size, padded: Size) -> tuple[float, float]:
    height, width = size
    return float(width), float(height)


def _centre(low: Tensor, high: Tensor) -> Tensor:
    return (low + high) / 2


def _between(low: Tensor, high: Tensor) -> Tensor:
    return high - low


def _boxes_recipe(
    corners: Tensor,
    size: Size,
    padded: Size,
    whole: Step = _width_and_height,
    first: Step = _centre,
    second: Step = _between,
) -> Tensor:
    low, high = corners[:, :2], corners[:, 2:]
    share = torch.tensor(whole(size, padded), device="cpu")
    return torch.cat([first(low, high) / share, second(low, high) / share], dim=1)


def _in_the_middle(corners: Tensor, size: Size, padded: Size) -> Tensor:
    top, left = ((b - a) / 2 for a, b in zip(size, padded, strict=True))
    return _boxes_recipe(corners - torch.tensor([left, top] * 2, device="cpu"), size, padded)


relative_boxes = Exercise(
    name="relative_boxes",
    signature="f(corners: (N, 4), size: (height, width), padded: (height, width)) -> (N, 4)",
    task=(
        "The corners of boxes are left, top, right and bottom in pixels. The picture has this size "
        "and was padded on the right and below, so that it fits into its batch. Return centre x, "
        "centre y, width and height, as shares of the picture's own width or height: the same "
        "numbers, however much padding there is."
    ),
    inputs=("corners", "size", "padded"),
    reference=_boxes_recipe,
    cases=(
        (torch.tensor([[2.0, 1.0, 6.0, 4.0]]), (5, 8), (10, 12)),
        (
            torch.tensor([[0.0, 0.0, 200.0, 100.0], [20.0, 30.0, 70.0, 90.0]]),
            (100, 200),
            (200, 250),
        ),
        (
            torch.tensor([[3.0, 5.0, 9.0, 30.0], [1.0, 2.0, 12.0, 40.0], [8.0, 11.0, 15.0, 20.0]]),
            (48, 16),
            (64, 40),
        ),
    ),
    bank=(
        swapped(
            _boxes_recipe,
            "height and width exchanged",
            "Here x is divided by the height, and y by the width. A size is (height, width), a box "
            "begins with x.",
            whole=lambda size, padded: size,
        ),
        swapped(
            _boxes_recipe,
            "shares of the padded picture",
            "They are shares of the padded picture. Then one and the same picture has other boxes "
            "in another batch, and the padding decides what the model is to say.",
            whole=lambda size, padded: padded[::-1],
        ),
        swapped(
            _boxes_recipe,
            "the padded picture, height and width exchanged",
            "They are shares of the padded picture, and its height is taken for its width.",
            whole=lambda size, padded: padded,
        ),
        swapped(
            _boxes_recipe,
            "shares of the longer side",
            "Both are shares of the longer side. The shorter one has its own.",
            whole=lambda size, padded: 2 * [max(size)],
        ),
        swapped(
            _boxes_recipe,
            "pixels",
            "The boxes are still in pixels.",
            whole=lambda size, padded: [1.0, 1.0],
        ),
        swapped(
            _boxes_recipe,
            "the corner for the centre",
            "The first two numbers are the corner on the left above. A DETR predicts the centre.",
            first=lambda low, high: low,
        ),
        swapped(
            _boxes_recipe,
            "corners",
            "These are still the corners, as shares. Wanted are centre, width and height.",
            first=lambda low, high: low,
            second=lambda low, high: high,
        ),
        swapped(
            _boxes_recipe,
            "half of the size",
            "The last two numbers are the way from the centre to an edge. The whole width and "
            "height are meant.",
            second=lambda low, high: (high - low) / 2,
        ),
        swapped(
            _boxes_recipe,
            "right and bottom for width and height",
            "What is given is taken for a corner with width and height, as COCO's files have it. "
            "Here it is two corners.",
            first=lambda low, high: low + high / 2,
            second=lambda low, high: high,
        ),
        swapped(
            _boxes_recipe,
            "a pixel more",
            "Width and height are one pixel too large. The corners are edges between pixels, not "
            "the last pixels within.",
            second=lambda low, high: high - low + 1,
        ),
        Mistake(
            "y before x",
            "The numbers are in the order y, x, height, width.",
            lambda *case: _boxes_recipe(*case)[:, [1, 0, 3, 2]],
        ),
        Mistake(
            "padding on all sides",
            "Half of the padding is taken off on the left and above, where there is none.",
            _in_the_middle,
        ),
    ),
    praise="The picture has the same boxes alone and in any batch.",
    differentiable=False,
)
