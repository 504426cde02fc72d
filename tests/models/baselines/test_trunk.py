"""The trunk: halved as often as it has widths, and a DETR's backbone."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from txlite.models import DETR, ConvTrunk, DETRConfig


@pytest.mark.parametrize("widths", [(4,), (4, 6), (4, 6, 8)])
def test_every_width_halves_the_picture(widths: tuple[int, ...]) -> None:
    trunk = ConvTrunk(widths, channels=2)
    found = trunk(torch.rand(3, 2, 32, 48))
    assert found.shape == (3, widths[-1], 32 >> len(widths), 48 >> len(widths))
    assert trunk.width == widths[-1]
    assert sum(isinstance(layer, nn.Conv2d) for layer in trunk.modules()) == 2 * len(widths) - 1


def test_a_place_looks_at_what_is_around_it() -> None:
    """5 × 5 points at stride 1, then 3 × 3 at stride 2 and at stride 4: 5 + 4 + 8 = 17 rows."""
    trunk = ConvTrunk((4, 6)).double().eval()
    pictures = torch.rand(1, 1, 64, 64, dtype=torch.double, requires_grad=True)
    trunk(pictures)[0, :, 8, 9].sum().backward()
    assert pictures.grad is not None
    seen = pictures.grad[0, 0] != 0
    rows, columns = seen.any(1).nonzero().flatten(), seen.any(0).nonzero().flatten()
    assert (int(rows[0]), int(rows[-1])) == (8 * 4 - 8, 8 * 4 + 8)
    assert (int(columns[0]), int(columns[-1])) == (9 * 4 - 8, 9 * 4 + 8)


def test_norms_learn_in_training_and_keep_what_they_saw() -> None:
    trunk = ConvTrunk((4, 6))
    pictures = torch.rand(8, 1, 16, 16)
    for _ in range(300):
        trained = trunk(pictures)
    assert_close(trunk.eval()(pictures), trained, rtol=0.02, atol=0.02)
    alone = trunk(pictures[:1])
    assert_close(alone, trunk(pictures)[:1])


def test_it_is_a_backbone_of_a_detr() -> None:
    sizes = {"d_model": 8, "num_heads": 2, "d_ff": 8, "num_layers": 1, "num_queries": 3}
    model = DETR(DETRConfig(num_classes=2, **sizes), backbone=ConvTrunk((4, 6)))
    found = model(torch.rand(2, 1, 16, 16))
    assert found.boxes.shape == (2, 3, 4)


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    with pytest.raises(ValueError, match=r"widths should hold a whole number for each stage"):
        ConvTrunk(())
    with pytest.raises(ValueError, match=r"each of widths should be a positive whole number"):
        ConvTrunk((4, 0))
    with pytest.raises(ValueError, match=r"pictures should have shape \(B, C=1, H, W\)"):
        ConvTrunk((4,))(torch.rand(1, 3, 8, 8))
