"""Scores: by hand, against definitions by loops, and where they are not defined."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from txlite.forecasting import (
    SeasonalNaive,
    mae,
    mape,
    mase,
    rmse,
    skill,
    smape,
)


def t(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.double)


def test_errors_by_hand() -> None:
    assert mae(t(1, 2, 3), t(2, 2, 1)) == 1
    assert rmse(t(1, 2, 3), t(2, 2, 1)) == pytest.approx(math.sqrt(5 / 3))
    assert mae(torch.zeros(2, 3), torch.ones(2, 3)) == 1


@given(st.integers(1, 5), st.integers(7, 30), st.integers(0, 99))
def test_naive_scaled_on_its_own_training_is_one(season: int, length: int, seed: int) -> None:
    past = torch.randn(length, generator=torch.Generator().manual_seed(seed), dtype=torch.double)
    found = mase([past[season:]], [past[:-season]], [past], season=season)
    assert found.value == pytest.approx(1, abs=1e-12)


@pytest.mark.kills(
    "mase: a series without a scale counts as zero",
    "forecasting/scores.py",
    "ratios.append(error / scale if scale > 0 else None)",
    "ratios.append(error / scale if scale > 0 else 0.0)",
)
def test_a_constant_series_is_left_out_aloud() -> None:
    training = [torch.arange(9).double()] * 9 + [torch.full((9,), 5.0).double()]  # N23
    truth, told = [t(9, 10)] * 9 + [t(5, 5)], [t(8, 8)] * 9 + [t(5, 5)]
    found = mase(truth, told, training)
    assert (found.value, found.counted, found.left_out) == (1.5, 9, 1)
    assert str(found) == "1.5 (1 of 10 left out: not defined there)"
    alone = mase(truth[-1:], told[-1:], training[-1:])
    assert math.isnan(alone.value)
    assert alone[1:] == (0, 1)


def test_a_share_of_nothing_is_left_out_aloud() -> None:
    assert mape(t(1, 0), t(2, 1)) == (1.0, 1, 1)  # N23
    assert smape(t(1, 0, 0), t(3, 0, 2)) == (1.5, 2, 1)
    assert mape(t(-2), t(-1)).value == 0.5
    assert str(mape(t(1), t(2))) == "1"
    assert math.isnan(mape(t(0), t(1)).value)


def test_skill() -> None:
    assert skill(3.0, 4.0) == 0.25
    week = torch.arange(14).double() % 7
    assert mae(week[7:], SeasonalNaive(7)(week[:7], 7).values) == 0


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    one = t(1)
    with pytest.raises(ValueError, match=r"forecast should have truth's shape \(1,\), got \(2,\)"):
        mae(one, t(1, 2))
    with pytest.raises(ValueError, match="truth should be finite, got NaN or infinity"):
        rmse(t(math.nan), one)
    with pytest.raises(ValueError, match="truth should hold at least one number, got none"):
        mae(t(), t())
    with pytest.raises(ValueError, match="training should be longer than season=2, got 2"):
        mase([one], [one], [t(1, 2)], season=2)
    with pytest.raises(ValueError, match="should have a row for each series, got 1, 1 and 2"):
        mase([one], [one], [one, one])
    with pytest.raises(ValueError, match="reference should be a positive number, got 0"):
        skill(1, 0)
