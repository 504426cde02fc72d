"""Quantiles and intervals: by their definitions, and least where they should be."""

import math

import pytest
import torch

from txlite.forecasting import coverage, crps, interval_width, pinball


def t(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.double)


def test_pinball_by_its_definition() -> None:
    truth, levels = torch.randn(4, 3).double(), (0.1, 0.5, 0.8)
    quantiles = torch.randn(4, 3, 3).double()
    for q, level in enumerate(levels):
        losses = [
            level * (y - x) if y >= x else (1 - level) * (x - y)
            for y, x in zip(truth.flatten().tolist(), quantiles[..., q].flatten().tolist(),
                            strict=True)
        ]  # fmt: skip
        assert float(pinball(truth, quantiles, levels)[q]) == pytest.approx(sum(losses) / 12)


def test_pinball_is_least_for_the_true_quantile() -> None:
    truth = torch.linspace(0, 1, 1001).double()
    grid = torch.linspace(0, 1, 101).double()
    for level in (0.2, 0.5, 0.9):
        losses = [float(pinball(truth, torch.full((1001, 1), float(g)).double(), [level]))
                  for g in grid]  # fmt: skip
        assert float(grid[min(range(101), key=losses.__getitem__)]) == pytest.approx(level)


def test_crps_of_a_normal_distribution() -> None:
    levels = [(i + 0.5) / 500 for i in range(500)]
    quantiles = torch.special.ndtri(torch.tensor(levels, dtype=torch.double))
    for y in (-1.0, 0.0, 2.0):  # Gneiting and Raftery (2007), section 4.2
        phi = math.exp(-y * y / 2) / math.sqrt(2 * math.pi)
        cdf = 0.5 * (1 + math.erf(y / math.sqrt(2)))
        right = y * (2 * cdf - 1) + 2 * phi - 1 / math.sqrt(math.pi)
        assert crps(t(y), quantiles[None], levels) == pytest.approx(right, abs=1e-3)
    assert crps(t(3), t(1)[None], [0.5]) == 2  # of one number: its absolute error


def test_intervals() -> None:
    assert coverage(t(1, 2, 3, 4), t(1, 0, 4, 0), t(1, 1, 5, 9)) == 0.5
    assert interval_width(t(1, 2), t(2, 5)) == 2


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    one = t(1)
    with pytest.raises(ValueError, match=r"quantiles should have shape \(1, 2\), got \(1, 1\)"):
        pinball(one, one[None], (0.1, 0.9))
    with pytest.raises(ValueError, match=r"levels should be in \(0, 1\), got 90"):
        pinball(one, one[None], (90,))
    with pytest.raises(ValueError, match="high should be at least low everywhere"):
        coverage(one, t(2), one)
