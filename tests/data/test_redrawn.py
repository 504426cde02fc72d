"""Pictures redrawn: white paper stays white, the thing stays itself, and chance is the caller's."""

import pytest
import torch
from torch.testing import assert_close

from txlite.data.redrawn import redrawn


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def crosses(rows: int, side: int = 32) -> torch.Tensor:
    """Return a dark red cross on white, three pixels wide."""
    pictures = torch.ones(rows, 3, side, side)
    middle = slice(side // 2 - 1, side // 2 + 2)
    for channel, value in enumerate((0.6, 0.1, 0.1)):
        pictures[:, channel, middle, 6:-6] = value
        pictures[:, channel, 6:-6, middle] = value
    return pictures


def test_paper_stays_white():
    white = torch.ones(20, 3, 16, 16)
    assert_close(redrawn(white, generator=chance()), white)


def test_results_are_pictures_and_differ():
    before = crosses(40)
    kept = before.clone()
    after = redrawn(before, generator=chance())
    assert after.shape == before.shape
    assert torch.equal(before, kept)
    assert after.min() >= 0
    assert after.max() <= 1
    distances = torch.cdist(after.flatten(1), after.flatten(1)) + torch.eye(40) * 9
    assert distances.min() > 0.5  # no two alike


@pytest.mark.kills(
    "redrawn: pictures are moved on black paper",
    "data/redrawn.py",
    "ink = _moved(1 - pictures,",
    "ink = 1 - _moved(pictures,",
)
def test_nothing_dark_comes_in_from_outside():
    after = redrawn(crosses(200), generator=chance())
    edges = torch.cat([after[..., 0, :], after[..., -1, :], after[..., 0], after[..., -1]], -1)
    assert (edges > 0.95).float().mean() > 0.98


def test_the_thing_is_still_near_the_middle_and_reddish():
    after = redrawn(crosses(300), generator=chance())
    ink = 1 - after
    mass = ink.sum(1)
    axis = torch.arange(32.0)
    for along in (1, 2):
        middle = (mass.sum(along) * axis).sum(-1) / mass.sum((1, 2))
        assert (middle - 15.5).abs().max() < 6
        assert (middle - 15.5).abs().std() > 0.3
    means = ink.mean((0, 2, 3))
    assert means[1] > means[0] * 1.3  # less ink in the red channel, as before
    assert means[2] > means[0] * 1.3


def test_strength_zero_changes_strokes_only():
    before = crosses(100)
    after = redrawn(before, generator=chance(), strength=0.0)
    amount = (1 - after).sum((1, 2, 3)) / (1 - before).sum((1, 2, 3))
    assert (amount[:40] < 0.999).float().mean() > 0.9
    assert amount[:40].min() > 0.2
    assert (amount[40:55] > 1.001).float().mean() > 0.9
    assert_close(after[55:], before[55:], rtol=0, atol=1e-4)


def test_chance_is_the_generators():
    pictures = crosses(6)
    state = torch.get_rng_state()
    first = redrawn(pictures, generator=chance(3))
    assert torch.equal(first, redrawn(pictures, generator=chance(3)))
    assert not torch.equal(first, redrawn(pictures, generator=chance(4)))
    assert torch.equal(state, torch.get_rng_state())


def test_few_pictures_and_other_sides():
    assert redrawn(crosses(1), generator=chance()).shape == (1, 3, 32, 32)
    assert redrawn(torch.rand(5, 3, 12, 20), generator=chance()).shape == (5, 3, 12, 20)


@pytest.mark.plain
def test_errors_name_what_came():
    pictures = torch.rand(2, 3, 8, 8)
    with pytest.raises(ValueError, match=r"pictures should have shape \(B, C=3, Y, X\)"):
        redrawn(pictures[:, :1], generator=chance())
    with pytest.raises(ValueError, match=r"generator should be a generator .*, got 0"):
        redrawn(pictures, generator=0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="strength should be 0 or more, got -1"):
        redrawn(pictures, generator=chance(), strength=-1)
    with pytest.raises(ValueError, match="pictures should hold floating-point numbers, got uint8"):
        redrawn((pictures * 255).byte(), generator=chance())
