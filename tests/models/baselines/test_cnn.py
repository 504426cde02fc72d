"""The small CNN: what a convolution has built in, and what it refuses."""

import pytest
import torch
from torch.testing import assert_close

import txlite
from txlite.models import SmallCNN


def small(**more: object) -> SmallCNN:
    txlite.seed(0)
    model = SmallCNN(3, 2, widths=(4, 6), **more)
    model(torch.randn(32, 2, 8, 8))  # the batch norms have statistics
    return model.eval()


def test_a_pattern_counts_the_same_wherever_it_stands() -> None:
    """What is moved by two pixels, and stays inside, has the same scores: one halving."""
    model = small()
    picture = torch.zeros(1, 2, 16, 16)
    picture[:, :, 6:9, 6:9] = torch.rand(2, 3, 3, generator=txlite.seed(1))
    with torch.no_grad():
        assert_close(model(picture.roll((2, -2), (2, 3))), model(picture))
        assert not torch.allclose(model(picture.flip(3)), model(picture))


def test_another_order_of_the_patches_changes_its_scores() -> None:
    model, picture = small(), torch.rand(1, 2, 8, 8, generator=txlite.seed(1))
    halves = torch.cat([picture[..., 4:], picture[..., :4]], dim=-1)
    with torch.no_grad():
        assert (model(halves) - model(picture)).abs().max() > 1e-3


def test_each_stage_has_its_width_and_every_weight_learns() -> None:
    model = SmallCNN(10, 1)
    assert sum(p.numel() for p in model.parameters()) == (
        9 * (32 + 32 * 64 + 64 * 128) + 2 * (32 + 64 + 128) + 10 * 129
    )
    model(torch.rand(4, 1, 8, 8)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="widths should hold a whole number for each stage, got n"):
        SmallCNN(3, widths=())
    with pytest.raises(ValueError, match="each of widths should be a positive whole number, got 0"):
        SmallCNN(3, widths=(4, 0))
    with pytest.raises(
        ValueError, match="pictures should have sides of at least 4 pixels, got Y=3"
    ):
        SmallCNN(3)(torch.zeros(1, 3, 3, 8))
    with pytest.raises(ValueError, match="pictures should have shape"):
        SmallCNN(3)(torch.zeros(1, 1, 8, 8))
