"""Choices are made on the end of what is known, and go with it."""

import pytest
import torch

from txlite.forecasting import SeasonalNaive, Selected, choose, drift, naive

CANDIDATES = {"naive": naive, "season": SeasonalNaive(4), "drift": drift}


def test_the_best_on_the_validation_is_chosen() -> None:
    line, wave = torch.arange(30).double(), (torch.arange(30) % 4).double()
    chosen = choose(CANDIDATES, line, horizon=3, valid=10)
    assert chosen.name == "drift"
    assert chosen.scores == pytest.approx({"naive": 2.0, "season": 4.0, "drift": 0.0})
    assert choose(CANDIDATES, wave, horizon=3, valid=10).name == "season"
    turned = torch.cat([wave, torch.arange(20).double()])  # the end decides
    assert choose(CANDIDATES, turned, horizon=3, valid=10).name != "season"
    told = Selected(CANDIDATES, valid=10)(wave, 4)
    assert told.values.tolist() == [2, 3, 0, 1]  # type: ignore[attr-defined]


def test_of_two_alike_the_first() -> None:
    same = {"b": naive, "a": naive}
    assert choose(same, torch.arange(9.0), horizon=1, valid=3).name == "b"


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    past = torch.arange(9.0)
    with pytest.raises(
        ValueError, match="candidates should hold at least one forecaster, got none"
    ):
        choose({}, past, horizon=1, valid=2)
    with pytest.raises(ValueError, match="valid should leave a past of the 9 values, got 9"):
        choose(CANDIDATES, past, horizon=1, valid=9)
    with pytest.raises(ValueError, match="score should be a number for 'naive', got NaN"):
        choose(CANDIDATES, past, horizon=1, valid=2, score=lambda truth, told: float("nan"))
