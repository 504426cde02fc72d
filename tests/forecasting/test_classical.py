"""Classical forecasts: exact where the world is as they take it to be."""

import pytest
import torch

from txlite.forecasting import (
    Calibrated,
    Climatology,
    Ridge,
    SeasonalNaive,
    coverage,
    drift,
    naive,
    walk_forward,
)


def noise(n: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


def test_each_by_hand() -> None:
    past = torch.tensor([1.0, 2, 3, 5, 2, 4])
    assert naive(past, 2).values.tolist() == [4, 4]
    assert drift(past, 2).values.tolist() == pytest.approx([4.6, 5.2])
    assert SeasonalNaive(4)(past, 6).values.tolist() == [3, 5, 2, 4, 3, 5]
    assert Climatology(4)(past, 6).values.tolist() == [3, 5, 1.5, 3, 3, 5]


def test_ridge_finds_the_rule_of_a_linear_world() -> None:
    values = torch.tensor([1.0, 0.5]).double().tolist()
    for _ in range(60):
        values.append(1.6 * values[-1] - 0.9 * values[-2])
    past, future = torch.tensor(values[:50]).double(), torch.tensor(values[50:54]).double()
    assert torch.allclose(Ridge(3, penalty=0.0)(past, 4).values, future, atol=1e-8)
    fitted = Ridge(3, penalty=0.0).fit(past[:40], 4)
    assert torch.allclose(fitted(past, 4).values, future, atol=1e-8)
    assert torch.allclose(fitted(past, 2).values, future[:2], atol=1e-8)


def test_ridge_is_the_penalised_least_squares() -> None:
    past, lags, share = noise(40), 3, 0.3
    windows = past.unfold(0, lags + 1, 1)
    x, y = windows[:, :lags] - windows[:, lags - 1 : lags], windows[:, lags] - windows[:, lags - 1]
    x0, y0 = x - x.mean(0), y - y.mean()
    gram = x0.T @ x0 / len(x0)
    penalty = share * gram.diagonal().mean()
    rows = torch.cat([x0 / len(x0) ** 0.5, penalty.sqrt() * torch.eye(lags)])
    weights = torch.linalg.lstsq(rows, torch.cat([y0 / len(x0) ** 0.5, torch.zeros(lags)])).solution
    last = past[-lags:] - past[-1]
    right = past[-1] + y.mean() + (last - x.mean(0)) @ weights
    assert float(Ridge(lags, share)(past, 1).values) == pytest.approx(float(right))


def test_a_level_moves_ridge_along() -> None:
    past = noise(40)
    moved = Ridge(4)(past + 100, 3).values - 100
    assert torch.allclose(moved, Ridge(4)(past, 3).values)


def test_a_constant_past_stays_constant() -> None:
    past = torch.full((30,), 5.0)
    for forecaster in (naive, drift, SeasonalNaive(4), Climatology(4), Ridge(3)):
        assert torch.allclose(forecaster(past, 6).values, torch.full((6,), 5.0).double())


def test_calibrated_intervals_hold_what_they_say() -> None:
    walk = noise(500, seed=1).cumsum(0)
    method = Calibrated(naive, (0.1, 0.9), origins=80)
    told = walk_forward(walk, method, context=120, horizon=3, stride=3)
    assert told.quantiles is not None
    share = coverage(told.truth, told.quantiles[..., 0], told.quantiles[..., 1])
    assert share == pytest.approx(0.8, abs=0.08)
    width = (told.quantiles[..., 1] - told.quantiles[..., 0]).mean(0)
    assert (width.diff() > 0).all()  # further ahead, wider


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    with pytest.raises(ValueError, match=r"past should have shape \(T\), got \(2, 2\)"):
        naive(torch.ones(2, 2), 1)
    with pytest.raises(ValueError, match="past should have at least 1 values, got 0"):
        naive(torch.ones(0), 1)
    with pytest.raises(ValueError, match="past should have at least 2 values, got 1"):
        drift(torch.ones(1), 1)
    with pytest.raises(ValueError, match="past should have at least 7 values, got 6"):
        SeasonalNaive(7)(torch.ones(6), 1)
    with pytest.raises(ValueError, match="past should have at least 7 values, got 6"):
        Climatology(7)(torch.ones(6), 1)
    with pytest.raises(ValueError, match="past should have at least 6 values, got 5"):
        Ridge(3)(torch.ones(5), 2)
    with pytest.raises(ValueError, match="past should have at least 24 values, got 9"):
        Calibrated(naive, (0.5,))(torch.ones(9), 4)
    with pytest.raises(ValueError, match="past should be finite, got NaN"):
        naive(torch.tensor([torch.nan]), 1)
    for make in (SeasonalNaive, Climatology):
        with pytest.raises(ValueError, match="season should be a positive whole number, got 0"):
            make(0)
    with pytest.raises(ValueError, match="lags should be a positive whole number, got 0"):
        Ridge(0)
    with pytest.raises(ValueError, match="penalty should be a number of at least zero, got -1"):
        Ridge(1, -1)
    with pytest.raises(ValueError, match="horizon should be a positive whole number, got 0"):
        naive(torch.ones(3), 0)
    with pytest.raises(ValueError, match="horizon should be at most 2, got 3"):
        Ridge(3).fit(torch.ones(9), 2)(torch.ones(9), 3)
    with pytest.raises(ValueError, match=r"levels should rise.*, got \(\)"):
        Calibrated(naive, ())
