"""CenterNet: its maps have twice the trunk's points, and each point is what is around it."""

import pytest
import torch
from torch.testing import assert_close

from txlite.models import CenterNet, ConvTrunk


def model() -> CenterNet:
    return CenterNet(ConvTrunk((4, 6), channels=1), 3, width=5).double().eval()


def test_maps_are_half_the_picture_with_a_trunk_of_a_quarter() -> None:
    maps = model()(torch.rand(2, 1, 32, 48, dtype=torch.double))
    assert maps.logits.shape == (2, 3, 16, 24)
    assert maps.sizes.shape == maps.offsets.shape == (2, 2, 16, 24)


def test_at_first_every_point_says_a_tenth() -> None:
    found = model()
    maps = found(torch.zeros(1, 1, 32, 32, dtype=torch.double))
    assert maps.logits.sigmoid().mean().item() == pytest.approx(0.1, abs=0.05)


def test_a_picture_that_moves_by_a_cell_of_the_trunk_moves_the_maps_by_two_points() -> None:
    pictures = torch.zeros(1, 1, 64, 64, dtype=torch.double)
    pictures[..., 28:36, 28:36] = torch.rand(8, 8, dtype=torch.double)
    found = model()
    before, after = found(pictures), found(pictures.roll((4, 8), dims=(2, 3)))
    for one, other in zip(before, after, strict=True):
        moved = one.roll((2, 4), dims=(2, 3))
        assert_close(other[..., 8:-8, 8:-8], moved[..., 8:-8, 8:-8])
        assert not torch.allclose(other, one)


def test_the_two_heads_share_only_what_stands_below() -> None:
    found = model()
    pictures = torch.rand(1, 1, 32, 32, dtype=torch.double)
    found(pictures).logits.sum().backward()
    assert all(p.grad is None for p in found.shape.parameters())
    assert all(p.grad is not None for p in found.heat.parameters())
    assert all(p.grad is not None for p in found.trunk.parameters())


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    with pytest.raises(ValueError, match=r"trunk should be a torch.nn.Module, got 3"):
        CenterNet(3, 2)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"num_classes should be a positive whole number, got 0"):
        CenterNet(ConvTrunk((4,)), 0)
    with pytest.raises(ValueError, match=r"width should be a positive whole number, got 0"):
        CenterNet(ConvTrunk((4,)), 2, width=0)
