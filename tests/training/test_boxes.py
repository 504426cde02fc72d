"""Boxes: what two have in common, by counting and by what it must not depend on."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from txlite.training import corners, generalised_iou

pytestmark = pytest.mark.usefixtures("in_float64")


def boxes(*shape: int) -> Tensor:
    return torch.cat([torch.rand(*shape, 2), 0.05 + 0.4 * torch.rand(*shape, 2)], -1)


def box(*numbers: float) -> Tensor:
    return torch.tensor([numbers])


def test_equal_boxes_have_all_in_common_and_far_ones_less_than_nothing() -> None:
    some = boxes(5)
    assert_close(generalised_iou(some, some).diagonal(), torch.ones(5))
    near = generalised_iou(box(0.2, 0.5, 0.2, 0.2), box(0.5, 0.5, 0.2, 0.2)).item()
    far = generalised_iou(box(0.1, 0.5, 0.2, 0.2), box(0.9, 0.5, 0.2, 0.2)).item()
    assert -1 < far < near < 0
    assert near == pytest.approx(0 - (0.1 - 0.08) / 0.1)  # hull .5 × .2, together .08


@pytest.mark.kills(
    "boxes: a hull as small as what both have",
    "training/boxes.py",
    "a[..., 2:].maximum(b[..., 2:]))",
    "a[..., 2:].minimum(b[..., 2:]))",
)
def test_overlap_by_counting_points() -> None:
    """On a fine grid; every share is a number of points."""
    a, b = box(0.4, 0.5, 0.4, 0.6), box(0.55, 0.35, 0.5, 0.3)
    n = 800
    axis = (torch.arange(n) + 0.5) / n
    y, x = torch.meshgrid(axis, axis, indexing="ij")

    def inside(c: Tensor) -> Tensor:
        return (x > c[0]) & (x < c[2]) & (y > c[1]) & (y < c[3])

    one, other = corners(a)[0], corners(b)[0]
    around = torch.cat([one[:2].minimum(other[:2]), one[2:].maximum(other[2:])])
    both, either = (inside(one) & inside(other)).sum(), (inside(one) | inside(other)).sum()
    hull = inside(around).sum()
    want = both / either - (hull - either) / hull
    assert generalised_iou(a, b).item() == pytest.approx(want.item(), abs=0.01)


def test_overlap_knows_no_order_no_place_and_no_unit() -> None:
    a, b = boxes(4), boxes(7)
    got = generalised_iou(a, b)
    assert_close(generalised_iou(b, a).T, got)
    moved = torch.tensor([0.3, -0.2, 0.0, 0.0])
    assert_close(generalised_iou(a + moved, b + moved), got)
    assert_close(generalised_iou(640 * a, 640 * b), got)
    assert got.max() <= 1
    assert got.min() > -1


def test_a_point_is_no_trouble() -> None:
    """Theirs has NaN here, and a gradient of NaN."""
    for size in (0.0, 1e-9):
        point = box(0.6, 0.5, size, size).requires_grad_()
        value = generalised_iou(point, box(0.6, 0.5, 0.0, 0.0))
        value.sum().backward()
        assert value.isfinite().all()
        assert point.grad is not None
        assert point.grad.isfinite().all()


def test_corners_go_around_the_centre() -> None:
    assert corners(box(0.5, 0.4, 0.2, 0.6)).tolist() == [pytest.approx([0.4, 0.1, 0.6, 0.7])]
