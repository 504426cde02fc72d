"""Sharpe ratios: annualised by the stamps, and deflated as in the paper's own example."""

import math

import pytest
import torch

from txlite.forecasting import (
    Moments,
    bars_per_year,
    best_of_nothing,
    deflated_sharpe,
    probabilistic_sharpe,
    return_moments,
    sharpe,
    sharpe_interval,
)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


def test_a_year_has_as_many_bars_as_the_stamps_say() -> None:
    returns = torch.tensor([0.01, -0.005]).double().repeat(100)  # N25
    stamps = 4 * 3600 * torch.arange(201)
    assert sharpe(returns) == pytest.approx(0.3325, abs=1e-4)
    assert bars_per_year(stamps) == 2190
    assert sharpe(returns, per_year=bars_per_year(stamps)) == pytest.approx(15.56, abs=5e-3)


def test_the_example_of_the_paper() -> None:
    # Bailey and Lopez de Prado (2014): 2.5 a year over 5 years of 250 days, the best of 100 whose
    # Sharpe ratios have variance 1/2 a year, with skew -3 and kurtosis 10.
    found = Moments(sharpe=2.5 / math.sqrt(250), bars=1250, skew=-3, kurtosis=10)
    assert best_of_nothing(100, 0.5 / 250) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(found, trials=100, variance=0.5 / 250) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(found, trials=46, variance=0.5 / 250) == pytest.approx(0.9505, abs=5e-4)
    normal = found._replace(skew=0, kurtosis=3)
    assert deflated_sharpe(normal, trials=88, variance=0.5 / 250) == pytest.approx(0.9505, abs=5e-4)


def test_the_best_of_many_worth_nothing() -> None:
    for trials in (10, 200):
        best = noise(4000, trials, seed=trials).max(1).values.mean()
        assert best_of_nothing(trials, 1.0) == pytest.approx(float(best), rel=0.03)
    assert best_of_nothing(1, 1.0) == 0


def test_probabilities_are_right_for_returns_without_worth() -> None:
    below = [probabilistic_sharpe(return_moments(noise(250, seed=s))) for s in range(400)]
    assert sum(p < 0.1 for p in below) / 400 == pytest.approx(0.1, abs=0.04)
    assert sum(p < 0.5 for p in below) / 400 == pytest.approx(0.5, abs=0.08)


def test_moments_against_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    returns = noise(300).exp()
    ratio, bars, skew, kurtosis = return_moments(returns)
    assert ratio == pytest.approx(float(returns.mean() / returns.std()))
    assert bars == 300
    assert skew == pytest.approx(stats.skew(returns.numpy()))
    assert kurtosis == pytest.approx(stats.kurtosis(returns.numpy(), fisher=False))


def test_the_interval_holds_what_it_says() -> None:
    inside = 0
    for seed in range(150):
        found = sharpe_interval(
            0.1 + noise(200, seed=seed), block=5, samples=300,
            generator=torch.Generator().manual_seed(seed),
        )  # fmt: skip
        inside += found.low <= 0.1 <= found.high
    assert inside / 150 > 0.88
    generator = torch.Generator().manual_seed(0)
    yearly = sharpe_interval(noise(200), block=5, generator=generator, per_year=252.0)
    assert yearly.value == pytest.approx(sharpe(noise(200), per_year=252.0))
    assert yearly.low < yearly.value < yearly.high


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    with pytest.raises(ValueError, match="returns should be at least two finite numbers, got 1"):
        sharpe(torch.ones(1))
    with pytest.raises(ValueError, match="returns should differ to have a Sharpe ratio, all are 1"):
        sharpe(torch.ones(3))
    with pytest.raises(ValueError, match="per_year should be a positive number, got 0"):
        sharpe(noise(3), per_year=0)
    with pytest.raises(ValueError, match="stamps should be at least two, and rise"):
        bars_per_year(torch.tensor([1, 1]))
    with pytest.raises(ValueError, match="trials should be a positive whole number, got 0"):
        best_of_nothing(0, 1.0)
    with pytest.raises(ValueError, match="variance should be a positive number, got 0"):
        best_of_nothing(9, 0)
    with pytest.raises(
        ValueError, match=r"moments should be those of at least two returns, got Mom"
    ):
        probabilistic_sharpe(Moments(1.0, 9, 5.0, 3.0))
    with pytest.raises(ValueError, match="benchmark should be a finite number"):
        probabilistic_sharpe(Moments(1.0, 9), benchmark=math.nan)
