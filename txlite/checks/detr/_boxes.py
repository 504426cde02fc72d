"""Boxes for the exercises: corners, overlap, and overlap with a penalty for what lies between."""

import torch
from torch import Tensor

from txlite.checks.framework import Step

__all__ = ["corners_of", "drawn_boxes", "generalised", "overlap"]


def corners_of(boxes: Tensor) -> Tensor:
    """Return left, top, right and bottom of boxes given by centre and size."""
    centre, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([centre - size / 2, centre + size / 2], dim=-1)


def _areas(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the areas of what two boxes share, of what they cover, and of what is around both."""
    both = (a[..., 2:].minimum(b[..., 2:]) - a[..., :2].maximum(b[..., :2])).clamp(min=0).prod(-1)
    hull = (a[..., 2:].maximum(b[..., 2:]) - a[..., :2].minimum(b[..., :2])).prod(-1)
    either = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - both
    return both, either, hull


def overlap(boxes: Tensor, objects: Tensor, corners: Step = corners_of) -> Tensor:
    """Return the intersection over union of pairs, shapes that can be broadcast."""
    both, either, _ = _areas(corners(boxes), corners(objects))
    return both / either


def generalised(boxes: Tensor, objects: Tensor, corners: Step = corners_of) -> Tensor:
    """Return the generalised intersection over union of pairs."""
    both, either, hull = _areas(corners(boxes), corners(objects))
    return both / either - (hull - either) / hull


def drawn_boxes(seed: int, *shape: int) -> Tensor:
    """Draw boxes that lie in the picture: centre x, centre y, width, height."""
    draw = torch.Generator().manual_seed(seed)
    size = 0.1 + 0.5 * torch.rand(*shape, 2, generator=draw, device="cpu")
    centre = size / 2 + (1 - size) * torch.rand(*shape, 2, generator=draw, device="cpu")
    return torch.cat([centre, size], dim=-1)
