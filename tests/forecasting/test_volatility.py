"""Volatility: unbiased where its formulas say so, and forecast by hand."""

import math

import pytest
import torch

from txlite.forecasting import (
    EWMA,
    HAR,
    garman_klass,
    out_of_sample_r2,
    parkinson,
    qlike,
)


def bars(n: int, steps: int = 2000, deviation: float = 0.02) -> tuple[torch.Tensor, ...]:
    """Bars of a price that moves without drift and jumps: open, high, low, close."""
    generator = torch.Generator().manual_seed(0)
    path = torch.randn(n, steps, generator=generator, dtype=torch.double).cumsum(1)
    path = torch.cat([torch.zeros(n, 1).double(), path * deviation / math.sqrt(steps)], 1).exp()
    return path[:, 0], path.amax(1), path.amin(1), path[:, -1]


def test_the_range_tells_the_variance() -> None:
    open, high, low, close = bars(3000)
    squared = (close / open).log().square()
    for measured in (parkinson(high, low), garman_klass(open, high, low, close)):
        assert float(measured.mean()) == pytest.approx(0.02**2, rel=0.06)
        assert float(measured.std()) < 0.6 * float(squared.std())  # what the range is good for
    assert garman_klass(open, high, low, close).std() < parkinson(high, low).std()


def test_formulas_by_hand() -> None:
    two, one = torch.tensor([2.0]), torch.tensor([1.0])
    assert float(parkinson(two, one)) == pytest.approx(math.log(2) / 4)
    right = math.log(2) ** 2 / 2 - (2 * math.log(2) - 1) * math.log(2) ** 2
    assert float(garman_klass(one, two, one, two)) == pytest.approx(right)
    assert float(parkinson(one, one)) == 0


def test_exponential_weights() -> None:
    told = EWMA(0.5)(torch.tensor([1.0, 2.0, 4.0]), 2).values
    assert told.tolist() == pytest.approx([(4 + 1 + 0.25) / 1.75] * 2)


def test_har_finds_its_own_world() -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(22, generator=generator, dtype=torch.double).tolist()
    weights = (0.1, 0.4, 0.3, 0.2)
    for _ in range(400):
        means = [sum(values[-n:]) / n for n in (1, 5, 22)]
        noise = 0.05 * float(torch.randn((), generator=generator))
        values.append(
            weights[0] + sum(w * m for w, m in zip(weights[1:], means, strict=True)) + noise
        )
    past = torch.tensor(values).double()
    told = HAR()(past, 1).values
    means = [float(past[-n:].mean()) for n in (1, 5, 22)]
    right = weights[0] + sum(w * m for w, m in zip(weights[1:], means, strict=True))
    assert float(told) == pytest.approx(right, abs=0.02)


def test_har_is_least_squares_for_each_step() -> None:
    past = torch.rand(60, generator=torch.Generator().manual_seed(1), dtype=torch.double)
    har = HAR((1, 3))
    told = har(past, 4).values
    for step in range(1, 5):
        rows = [[1.0, float(past[t]), float(past[t - 2 : t + 1].mean())]
                for t in range(2, 60 - 4)]  # fmt: skip
        wanted = past[2 + step : 60 - 4 + step]
        weights = torch.linalg.lstsq(torch.tensor(rows).double(), wanted[:, None]).solution[:, 0]
        last = torch.tensor([1.0, float(past[-1]), float(past[-3:].mean())]).double()
        assert float(told[step - 1]) == pytest.approx(float(last @ weights))
    assert torch.allclose(HAR()(torch.full((60,), 3.0), 2).values, torch.full((2,), 3.0).double())


def test_scores_of_variance() -> None:
    truth, mean = torch.tensor([1.0, 2, 3]), torch.tensor([2.0, 2, 2])
    assert out_of_sample_r2(truth, truth, mean) == 1
    assert out_of_sample_r2(truth, mean, mean) == 0
    assert out_of_sample_r2(truth, torch.tensor([1.0, 2, 2]), mean) == 0.5
    assert qlike(truth, truth) == 0
    assert qlike(torch.tensor([2.0]), torch.tensor([1.0])) == pytest.approx(1 - math.log(2))
    generator = torch.Generator().manual_seed(0)
    proxy = torch.randn(40_000, generator=generator, dtype=torch.double).square() + 1e-12
    losses = [qlike(proxy, torch.full_like(proxy, f)) for f in (0.8, 1.0, 1.25)]
    assert min(losses) == losses[1]  # a noisy proxy ranks the true variance first


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    one, two = torch.ones(1), torch.full((1,), 2.0)
    with pytest.raises(ValueError, match="high should be at least low everywhere"):
        parkinson(one, two)
    with pytest.raises(ValueError, match=r"low should be positive and finite, got 0"):
        parkinson(one, one * 0)
    with pytest.raises(ValueError, match=r"high should have low's shape \(2,\), got \(1,\)"):
        parkinson(one, torch.ones(2))
    with pytest.raises(ValueError, match="open and close should lie between low and high"):
        garman_klass(two, one, one, one)
    with pytest.raises(ValueError, match=r"decay should be in \(0, 1\), got 1"):
        EWMA(1)
    with pytest.raises(ValueError, match=r"lengths should rise.*, got \(5, 1\)"):
        HAR((5, 1))
    with pytest.raises(ValueError, match="past should have at least 26 values, got 25"):
        HAR()(torch.ones(25), 1)
    with pytest.raises(ValueError, match=r"forecast should have truth's shape \(1,\), got \(2,\)"):
        out_of_sample_r2(one, torch.ones(2), one)
    with pytest.raises(ValueError, match="reference should make an error to beat, got 0"):
        out_of_sample_r2(one, one, one)
    with pytest.raises(ValueError, match="forecast should be positive and finite, got 0"):
        qlike(one, one * 0)
