"""A line between logarithms finds what was put in, and its interval covers as often as it says."""

import math

import pytest
import torch

from txlite.counting import fit_power_law

SIZES = [1e4, 3e4, 1e5, 4e5]


def noisy(exponent: float, noise: float, runs: int, seed: int) -> list[list[float]]:
    chance = torch.Generator().manual_seed(seed)
    shaken = torch.randn(len(SIZES), runs, generator=chance, dtype=torch.float64) * noise
    return [
        (9.0 * size**exponent * row.exp()).tolist() for size, row in zip(SIZES, shaken, strict=True)
    ]


def test_an_exact_law_is_found_exactly() -> None:
    law = fit_power_law(SIZES, noisy(-0.076, 0.0, 2, 0), draws=50)
    assert law.exponent == pytest.approx(-0.076, abs=1e-12)
    assert law.factor == pytest.approx(9.0)
    assert law.low == pytest.approx(law.high) == pytest.approx(-0.076)
    assert law(2e4) == pytest.approx(9.0 * 2e4**-0.076)


def test_a_floor_is_taken_off_and_put_back() -> None:
    runs = [[1.5 + y for y in row] for row in noisy(-0.3, 0.0, 2, 0)]
    law = fit_power_law(SIZES, runs, floor=1.5, draws=50)
    assert law.exponent == pytest.approx(-0.3)
    assert law(SIZES[0]) == pytest.approx(runs[0][0])
    assert abs(fit_power_law(SIZES, runs, draws=50).exponent) < 0.3  # left in, it bends the line


def test_it_is_the_least_squares_line() -> None:
    runs = noisy(-0.2, 0.1, 3, 1)
    x = torch.tensor([math.log(size) for size in SIZES for _ in range(3)], dtype=torch.float64)
    y = torch.tensor(runs, dtype=torch.float64).flatten().log()
    design = torch.stack([x, torch.ones_like(x)], dim=1)
    slope, offset = torch.linalg.lstsq(design, y).solution.tolist()
    law = fit_power_law(SIZES, runs, draws=50)
    assert law.exponent == pytest.approx(slope)
    assert law.factor == pytest.approx(math.exp(offset))


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """Of five runs drawn again the spread is a little too small: 95 % become about 90."""
    laws = [fit_power_law(SIZES, noisy(-0.1, 0.05, 5, seed), draws=300) for seed in range(100)]
    hits = sum(law.low <= -0.1 <= law.high for law in laws)
    assert 80 <= hits <= 99


def test_more_runs_make_it_narrower_and_a_higher_level_wider() -> None:
    few, many = (fit_power_law(SIZES, noisy(-0.1, 0.05, n, 3)) for n in (4, 64))
    assert many.high - many.low < 0.5 * (few.high - few.low)
    sure = fit_power_law(SIZES, noisy(-0.1, 0.05, 4, 3), level=0.99)
    assert sure.low < few.low < few.high < sure.high


def test_the_seed_decides() -> None:
    runs = noisy(-0.1, 0.05, 4, 3)
    one, same, other = (fit_power_law(SIZES, runs, draws=99, seed=s) for s in (0, 0, 1))
    assert one == same != other
    assert one.exponent == other.exponent
