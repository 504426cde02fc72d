"""Patches: each by itself through one map, in reading order, and nothing is cropped."""

import pytest
import torch
from torch.testing import assert_close

from txlite.nn import PatchEmbedding

B, C, D, P, ROWS, COLUMNS = 2, 5, 7, 3, 4, 2  # all different


def patches() -> PatchEmbedding:
    return PatchEmbedding(D, P, num_channels=C).double()


def pictures(rows: int = ROWS, columns: int = COLUMNS) -> torch.Tensor:
    return torch.randn(B, C, rows * P, columns * P, dtype=torch.float64)


@pytest.mark.kills(
    "patches: columns before rows",
    "nn/patches.py",
    "self.proj(pictures).flatten(2).mT",
    "self.proj(pictures).mT.flatten(2).mT",
)
def test_every_square_goes_through_one_map_row_by_row() -> None:
    part, x = patches(), pictures()
    weight = part.proj.weight.flatten(1)  # (D, C · P · P)
    want = [
        weight @ x[:, :, r * P : (r + 1) * P, c * P : (c + 1) * P].flatten(1).T
        + part.proj.bias[:, None]
        for r in range(ROWS)
        for c in range(COLUMNS)
    ]
    got = part(x)
    assert got.shape == (B, ROWS * COLUMNS, D)
    assert_close(got, torch.stack([w.T for w in want], dim=1), rtol=0.0, atol=1e-12)
    assert part.grid(x) == (ROWS, COLUMNS)


def test_it_is_a_convolution_whose_stride_is_its_width() -> None:
    part, x = patches(), pictures()
    conv = torch.nn.functional.conv2d(x, part.proj.weight, part.proj.bias, stride=P)
    assert torch.equal(part(x), conv.reshape(B, D, -1).transpose(1, 2))


def test_one_pixel_moves_one_patch() -> None:
    part, x = patches(), pictures()
    moved = x.clone()
    moved[:, 0, P, P + 1] += 1.0  # row 1, column 1
    changed = (part(moved) - part(x)).abs().amax((0, 2)) > 0
    assert changed.nonzero().flatten().tolist() == [COLUMNS + 1]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((B, C, 3 * P, 2 * P + 1), r"multiples of patch_size=3, got Y=9 and X=7"),
        ((B, C, 3 * P - 1, 2 * P), r"multiples of patch_size=3, got Y=8 and X=6"),
        ((B, C, 0, 2 * P), r"multiples of patch_size=3, got Y=0 and X=6"),
        ((B, C + 1, P, P), r"pictures should have shape \(B, C=5, Y, X\)"),
        ((C, P, P), r"pictures should have shape \(B, C=5, Y, X\)"),
    ],
)
@pytest.mark.plain
def test_pictures_that_do_not_fit_are_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        patches()(torch.zeros(shape, dtype=torch.float64))


@pytest.mark.plain
def test_whole_numbers_and_another_dtype_are_refused() -> None:
    with pytest.raises(ValueError, match="pictures should hold floating-point numbers, got uint8"):
        patches()(torch.zeros(B, C, P, P, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"pictures should have the dtype of the weights, float64"):
        patches()(torch.zeros(B, C, P, P))
