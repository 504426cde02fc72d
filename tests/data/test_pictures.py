"""Pictures: as people look at them, whatever the file says; cut square; moved by what was drawn."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

import txlite
from txlite.data.pictures import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    LabelledPictures,
    moved,
    normalised,
    read_picture,
    square,
)

SMALL = np.arange(24, dtype=np.uint8).reshape(2, 4, 3) * 10  # two rows of four pixels


def saved(image: Any, path: Path, **more: Any) -> Path:
    image.save(path, **more)
    return path


def test_values_are_between_0_and_1_and_height_comes_first(tmp_path: Path) -> None:
    got = read_picture(saved(Image.fromarray(SMALL), tmp_path / "x.png"))
    assert got.shape == (3, 2, 4)
    assert got.dtype == torch.float32
    assert_close(got, torch.from_numpy(SMALL).movedim(-1, 0) / 255)


# What each orientation of the standard does to the stored rows.
UPRIGHT = {
    1: lambda x: x,
    2: lambda x: x.flip(-1),
    3: lambda x: x.flip(-1).flip(-2),
    4: lambda x: x.flip(-2),
    5: lambda x: x.mT,
    6: lambda x: x.mT.flip(-1),
    7: lambda x: x.mT.flip(-1).flip(-2),
    8: lambda x: x.mT.flip(-2),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_picture_is_turned_as_its_file_says(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    got = read_picture(saved(Image.fromarray(SMALL), tmp_path / "x.png", exif=exif))
    stored = torch.from_numpy(SMALL).movedim(-1, 0) / 255
    assert_close(got, UPRIGHT[orientation](stored))


def test_a_photograph_of_a_phone_stands_upright(tmp_path: Path) -> None:
    """A JPEG of 4 × 2 pixels with orientation 6 is 2 wide and 4 high."""
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(Image.fromarray(SMALL), tmp_path / "x.jpg", exif=exif, quality=100, subsampling=0)
    got = read_picture(path)
    assert got.shape == (3, 4, 2)
    with Image.open(path) as stored:
        plain = torch.from_numpy(np.asarray(stored).copy()).movedim(-1, 0) / 255
    assert_close(got, plain.mT.flip(-1))


@pytest.mark.parametrize("background", [1.0, 0.0, 0.4])
def test_what_is_transparent_shows_what_lies_behind(background: float, tmp_path: Path) -> None:
    palette = Image.new("P", (3, 1))
    palette.putpalette([255, 0, 0, 0, 0, 255, 0, 255, 0])
    for x in range(3):
        palette.putpixel((x, 0), x)
    path = saved(palette, tmp_path / "x.png", transparency=1)  # the blue one is hidden
    want = torch.tensor([[1.0, background, 0.0], [0.0, background, 1.0], [0.0, background, 0.0]])
    assert_close(read_picture(path, background=background)[:, 0], want)


def test_what_is_half_transparent_shows_half(tmp_path: Path) -> None:
    path = saved(Image.new("RGBA", (1, 1), (255, 0, 0, 51)), tmp_path / "x.png")
    assert_close(read_picture(path)[:, 0, 0], torch.tensor([1.0, 0.8, 0.8]))
    grey = saved(Image.new("LA", (1, 1), (0, 51)), tmp_path / "y.png")
    assert_close(read_picture(grey, channels=1), torch.full((1, 1, 1), 0.8))


def test_grey_is_three_equal_channels_and_colour_one_grey(tmp_path: Path) -> None:
    grey = saved(Image.fromarray(SMALL[..., 0]), tmp_path / "grey.png")
    one, three = read_picture(grey, channels=1), read_picture(grey)
    assert one.shape == (1, 2, 4)
    assert_close(three, one.expand(3, -1, -1))
    colour = read_picture(
        saved(Image.new("RGB", (1, 1), (255, 0, 0)), tmp_path / "c.png"), channels=1
    )
    assert_close(colour.item(), 76 / 255, rtol=0, atol=1 / 255)  # 0.299 of red


def test_sixteen_bits_are_scaled_and_not_cut_off(tmp_path: Path) -> None:
    deep = np.array([[0, 255, 256, 40_000, 65_535]], dtype=np.uint16)
    got = read_picture(saved(Image.fromarray(deep), tmp_path / "x.png"))
    assert_close(got[0, 0], torch.from_numpy(deep[0] / 65_535).float())
    assert len(got[0].unique()) == 5
    hidden = saved(Image.fromarray(deep), tmp_path / "y.png", transparency=256)
    assert read_picture(hidden, channels=1)[0, 0, 2] == 1.0


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.png"
    wrong.write_text("no picture", encoding="utf-8")
    with pytest.raises(ValueError, match=r"wrong\.png should be a picture, and Pillow cannot"):
        read_picture(wrong)
    path = saved(Image.fromarray(np.zeros((1, 1), np.float32)), tmp_path / "x.tif")
    with pytest.raises(ValueError, match=r"x\.tif should have whole numbers as values"):
        read_picture(path)
    with pytest.raises(ValueError, match="channels should be 1 or 3, got 4"):
        read_picture(path, channels=4)
    with pytest.raises(ValueError, match=r"background should be a number in \[0, 1\], got 255"):
        read_picture(path, background=255)


# ------------------------------------------------------------------ cut square


def test_the_square_is_the_middle() -> None:
    picture = torch.zeros(1, 4, 10)
    picture[..., 3:7] = torch.arange(16.0).view(4, 4) / 15
    assert_close(square(picture, 4), picture[..., 3:7])
    assert_close(square(picture.mT, 4), picture[..., 3:7].mT)


def test_a_smaller_square_averages_and_keeps_the_range() -> None:
    checked = ((torch.arange(32)[:, None] + torch.arange(32)) % 2).float()[None]
    small = square(checked, 8)
    assert small.shape == (1, 8, 8)
    assert_close(
        small, torch.full_like(small, 0.5), rtol=0, atol=0.02
    )  # no pattern that is not there
    step = (torch.arange(16.0) >= 8).float().expand(1, 16, 16)
    assert 0 <= square(step, 5).min() <= square(step, 5).max() <= 1


def test_what_is_no_picture_is_not_cut() -> None:
    with pytest.raises(ValueError, match="picture should have pixels"):
        square(torch.zeros(3, 0, 4), 2)
    with pytest.raises(ValueError, match="side should be a positive whole number, got 0"):
        square(torch.zeros(3, 4, 4), 0)
    with pytest.raises(ValueError, match="picture should have shape"):
        square(torch.zeros(4, 4), 2)


def test_the_mean_colour_becomes_0_and_a_deviation_1() -> None:
    mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    pictures = torch.stack([mean, mean + std])[..., None, None].expand(-1, -1, 2, 2)
    want = torch.tensor([0.0, 1.0])[:, None, None, None].expand(-1, 3, 2, 2)
    assert_close(normalised(pictures), want)
    assert_close(normalised(pictures[1]), want[1])
    with pytest.raises(ValueError, match=r"pictures should have shape \(\.\.\., 3, Y, X\), got"):
        normalised(torch.zeros(1, 4, 4))


# ------------------------------------------------------------------ moved


def blob(
    height: int = 21, width: int = 21, *, down: float = 0.0, across: float = 0.0
) -> torch.Tensor:
    """A smooth spot, so many pixels from the middle."""
    y = torch.arange(height)[:, None] - (height - 1) / 2 - down
    x = torch.arange(width) - (width - 1) / 2 - across
    return torch.exp(-(x**2 + y**2) / 8)[None]


def middle(picture: torch.Tensor) -> tuple[float, float]:
    """Where the spot is, from the middle: down and across."""
    height, width = picture.shape[-2:]
    weight = picture[0] / picture.sum()
    y = torch.arange(height) - (height - 1) / 2
    x = torch.arange(width) - (width - 1) / 2
    return float((weight.sum(1) * y).sum()), float((weight.sum(0) * x).sum())


@pytest.mark.parametrize(("height", "width"), [(21, 21), (21, 31)])
def test_a_shift_is_in_pixels_and_no_larger_than_said(height: int, width: int) -> None:
    pictures = blob(height, width).expand(64, 1, -1, -1)
    found = torch.tensor([middle(x) for x in moved(pictures, txlite.seed(0), shift=3.0, turn=0.0)])
    assert found.abs().max() <= 3.05
    assert (found.abs().max(0).values > 2.5).all()
    assert (found.std(0) - 3 / math.sqrt(3)).abs().max() < 0.5  # uniform


@pytest.mark.parametrize(("height", "width"), [(21, 21), (21, 41)])
def test_a_turn_keeps_the_distance_from_the_middle(height: int, width: int) -> None:
    pictures = blob(height, width, across=6.0).expand(64, 1, -1, -1)
    found = torch.tensor([middle(x) for x in moved(pictures, txlite.seed(0), shift=0.0, turn=0.5)])
    assert_close(found.norm(dim=1), torch.full((64,), 6.0), rtol=0, atol=0.1)
    angle = torch.atan2(found[:, 0], found[:, 1])
    assert 0.4 < angle.abs().max() <= 0.52
    assert angle.min() < 0 < angle.max()


def test_chance_comes_from_the_generator_and_nothing_moves_without_extent() -> None:
    pictures = torch.rand(3, 2, 8, 8, generator=txlite.seed(1))
    a, b, c = (moved(pictures, txlite.seed(n)) for n in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.allclose(a, c)
    assert_close(moved(pictures, txlite.seed(0), shift=0, turn=0), pictures)
    assert not torch.allclose(a[0] - pictures[0], a[1] - pictures[1])


@pytest.mark.parametrize("extent", ["shift", "turn"])
@pytest.mark.parametrize("wrong", [-1, math.inf, "1"])
def test_an_extent_is_finite_and_not_negative(extent: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match=f"{extent} should be a finite number, not negative"):
        moved(torch.zeros(1, 1, 4, 4), txlite.seed(0), **{extent: wrong})


def test_labels_go_with_their_pictures() -> None:
    part = LabelledPictures(torch.arange(4.0).view(4, 1, 1, 1), torch.arange(4) * 10)
    assert len(part) == 4
    x, y = part.rows([3, 1])
    assert (x.flatten().tolist(), y.tolist()) == ([3.0, 1.0], [30, 10])
    with pytest.raises(ValueError, match=r"labels should have shape \(N=4\)"):
        LabelledPictures(part.pictures, part.labels[:3])
