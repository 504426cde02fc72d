"""Scenes: boxes that are tight around ink, parts that share nothing, and what is drawn anew."""

import itertools
import sys

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from txlite.data.digits import digits
from txlite.data.scenes import PARTS, PHOTOGRAPHS, Scenes, inked_digits, paste, photographs, scenes


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def corners(boxes: Tensor) -> Tensor:
    return torch.cat([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], dim=1)


# ------------------------------------------------------------------ the parts


@pytest.mark.parametrize("part", PARTS)
def test_the_digits_are_those_of_their_part(part: str) -> None:
    ink, labels, _ = inked_digits(part)
    known = getattr(digits(), part)
    assert torch.equal(ink, known.pictures[:, 0])
    assert torch.equal(labels, known.labels)


def test_edges_are_tight_around_the_ink() -> None:
    ink, _, edges = inked_digits("test")
    for picture, (left, top, right, bottom) in zip(ink, (8 * edges).int().tolist(), strict=True):
        dark = picture >= 0.25
        inside = dark[top:bottom, left:right]
        assert inside.sum() == dark.sum()
        for side in (inside[0], inside[-1], inside[:, 0], inside[:, -1]):
            assert side.any()


def test_photographs_are_grey_small_and_in_one_part_only() -> None:
    assert len({name for names in PHOTOGRAPHS.values() for name in names}) == 11
    kept = [photo for part in PARTS for photo in photographs(part)]
    assert len(kept) == 11
    for one, other in itertools.combinations(kept, 2):
        assert (one - other).abs().mean() > 0.05
    for photo in kept:
        assert photo.shape == (1, 128, 128)
        assert 0 <= photo.min() < 0.35 < 0.7 < photo.max() <= 1


# ------------------------------------------------------------------ pasting


def test_on_whole_pixels_the_ink_is_copied() -> None:
    ink = torch.rand(1, 1, 8, 8)
    found = paste(torch.zeros(1, 1, 24, 24), ink, torch.tensor([[[3 / 24, 10 / 24, 8 / 24]]]))
    assert_close(found[0, 0, 10:18, 3:11], ink[0, 0])
    found[0, 0, 10:18, 3:11] = 0
    assert found.abs().max() < 1e-6


def test_ink_covers_what_is_below() -> None:
    """.6 of .5 is left below .4 of white: .3 + .4. Under a second one .6 · .3 is left."""
    below = torch.full((1, 1, 16, 16), 0.5)
    square = torch.tensor([[[0.25, 0.25, 0.5]]])
    one = paste(below, torch.full((1, 1, 8, 8), 0.4), square)
    assert_close(one[0, 0, 5:11, 5:11], torch.full((6, 6), 0.7))
    assert_close(one[0, 0, 0], torch.full((16,), 0.5))
    two = paste(below, torch.full((1, 2, 8, 8), 0.4), square.expand(1, 2, 3))
    assert_close(two[0, 0, 5:11, 5:11], torch.full((6, 6), 1 - 0.6 * 0.6 * 0.5))


def test_the_order_of_inks_does_not_matter() -> None:
    ink, squares = torch.rand(2, 3, 8, 8), 0.2 + 0.3 * torch.rand(2, 3, 3)
    below = torch.rand(2, 1, 20, 30)
    order = torch.tensor([2, 0, 1])
    assert_close(paste(below, ink[:, order], squares[:, order]), paste(below, ink, squares))


def test_width_and_height_are_not_swapped() -> None:
    found = paste(torch.zeros(1, 1, 8, 40), torch.ones(1, 1, 8, 8), torch.tensor([[[0.5, 0, 0.4]]]))
    dark = found[0, 0] > 0.5
    assert dark.any(0).nonzero().flatten().tolist() == list(range(20, 36))
    assert dark.any(1).nonzero().flatten().tolist() == list(range(3))


# ------------------------------------------------------------------ scenes


@pytest.fixture(scope="module")
def many() -> Scenes:
    return scenes(300, "test", generator=generator())


def test_boxes_are_those_of_the_ink(monkeypatch: pytest.MonkeyPatch) -> None:
    """On black, ink ends between the last dark cell of a digit and the first that is not."""
    monkeypatch.setattr("txlite.data.scenes.photographs", lambda part: torch.zeros(1, 1, 128, 128))
    size = 200
    found = scenes(60, "test", generator=generator(), size=size, most=1)
    for picture, (_, boxes) in zip(found.pictures[:, 0], found.objects, strict=True):
        bright = picture >= 0.25
        rows, columns = bright.any(1).nonzero(), bright.any(0).nonzero()
        seen = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        cell = size * float(boxes[0, 3]) / 7  # of a digit that is 7 or 8 cells high
        for told, edge in zip((size * corners(boxes)[0]).tolist(), seen, strict=True):
            assert abs(told - int(edge)) <= cell / 2 + 1


def test_where_no_box_is_there_is_the_photograph_half_as_bright(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("txlite.data.scenes.photographs", lambda part: torch.ones(1, 1, 128, 128))
    size = 96
    found = scenes(40, "test", generator=generator(), size=size)
    for picture, (_, boxes) in zip(found.pictures[:, 0], found.objects, strict=True):
        rest = torch.ones(size, size, dtype=torch.bool)
        for left, top, right, bottom in (size * corners(boxes)).tolist():
            wide = (bottom - top) / 7 + 1  # a cell: faint ink is not in the box
            rows = slice(max(0, int(top - wide)), int(bottom + wide) + 1)
            rest[rows, max(0, int(left - 2 * wide)) : int(right + 2 * wide) + 1] = False
        assert_close(picture[rest], torch.full_like(picture[rest], 0.5))


def test_every_digit_stands_wholly_in_the_picture(many: Scenes) -> None:
    every = torch.cat([boxes for _, boxes in many.objects])
    assert corners(every).min() >= -1e-6
    assert corners(every).max() <= 1 + 1e-6
    sides = corners(every)[:, [0, 2]]
    assert sides.min() < 0.01  # as near to the edge as can be
    assert sides.max() > 0.99
    assert every[:, 2:].min() > 0.02
    assert 0.1 < every[:, 3].min() < 0.25 < every[:, 3].max() <= 0.4


def test_no_box_is_covered_by_more_than_a_quarter(many: Scenes) -> None:
    most = 0.0
    for _, boxes in many.objects:
        for one, other in itertools.permutations(corners(boxes), 2):
            low, high = torch.maximum(one[:2], other[:2]), torch.minimum(one[2:], other[2:])
            shared = (high - low).clamp(min=0).prod() / (one[2:] - one[:2]).prod()
            most = max(most, float(shared))
    assert 0.1 < most <= 0.25 + 1e-6  # some overlap


def test_one_to_four_digits_are_equally_likely(many: Scenes) -> None:
    counts = torch.tensor([len(labels) for labels, _ in many.objects]).bincount()
    assert counts[0] == 0
    assert len(counts) == 5
    assert counts[1:].min() > 50  # of 75, standard deviation 7.5


def test_backgrounds_are_dark_and_differ(many: Scenes) -> None:
    corner = many.pictures[:, 0, :3, :3].flatten(1).median(1).values
    assert corner.median() <= 0.5
    assert corner.std() > 0.03


def test_the_generator_decides_everything() -> None:
    one, same = scenes(9, generator=generator(3)), scenes(9, generator=generator(3))
    assert torch.equal(one.pictures, same.pictures)
    for (a, b), (c, d) in zip(one.objects, same.objects, strict=True):
        assert torch.equal(a, c)
        assert torch.equal(b, d)
    assert not torch.equal(one.pictures, scenes(9, generator=generator(4)).pictures)


def test_another_size_and_number() -> None:
    found = scenes(20, "valid", generator=generator(), size=32, most=1)
    assert found.pictures.shape == (20, 1, 32, 32)
    assert all(len(labels) == 1 for labels, _ in found.objects)


def test_digits_are_as_large_as_they_shall_be() -> None:
    """A digit is as high as its square, or lower by one of 8 cells."""
    found = scenes(200, "test", generator=generator(), most=2, sides=(0.3, 0.5))
    heights = torch.cat([boxes[:, 3] for _, boxes in found.objects])
    assert 0.3 * 7 / 8 - 1e-6 < heights.min() < 0.31
    assert 0.47 < heights.max() <= 0.5 + 1e-6
    one = scenes(20, "test", generator=generator(), sides=(0.25, 0.25)).objects
    for height in torch.cat([boxes[:, 3] for _, boxes in one]).tolist():
        assert min(abs(height - 0.25 * n / 8) for n in (7, 8)) < 1e-6


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(ImportError, match=r"photographs needs scikit-image: pip install"):
        photographs.__wrapped__("test")


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    with pytest.raises(ValueError, match=r"part should be one of train, valid, test, got 'all'"):
        scenes(1, "all", generator=generator())
    with pytest.raises(ValueError, match=r"part should be one of train, valid, test, got 'all'"):
        photographs("all")
    with pytest.raises(ValueError, match=r"part should be one of train, valid, test, got 'all'"):
        inked_digits("all")
    for name in ("count", "size", "most"):
        with pytest.raises(ValueError, match=rf"{name} should be a positive whole number, got 0"):
            scenes(**{"count": 1, "generator": generator(), name: 0})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"generator should be a generator such as .*, got 3"):
        scenes(1, generator=3)  # type: ignore[arg-type]
    for sides in ((0.4, 0.2), (0.0, 0.2), (0.5, 1.1), (0.3,), 0.3, ("a", "b")):
        with pytest.raises(
            ValueError, match=r"sides should be two rising numbers from 0 to 1, got"
        ):
            scenes(1, generator=generator(), sides=sides)  # type: ignore[arg-type]
    ink, squares = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 3)
    with pytest.raises(ValueError, match=r"background should have shape \(N, C=1, H, W\)"):
        paste(torch.rand(2, 3, 9, 9), ink, squares)
    with pytest.raises(ValueError, match=r"ink should have shape \(N=4, M, I, J\)"):
        paste(torch.rand(4, 1, 9, 9), ink, squares)
    with pytest.raises(ValueError, match=r"squares should have shape \(N=2, M=3, E=3\)"):
        paste(torch.rand(2, 1, 9, 9), ink, squares[:, :2])
