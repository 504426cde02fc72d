"""The test of a forecaster: by hand, on equal terms, and blind for what comes."""

import math

import pytest
import torch

from txlite.cli.forecaster.backtest import OURS, asked, backtest, beside_best, others, scores_of
from txlite.cli.forecaster.recipe import RECIPES, made_plan
from txlite.data.series import Series
from txlite.forecasting import Walk
from txlite.models import Forecaster

LEVELS = (0.1, 0.5, 0.9)
LENGTH = 160


def series(noise: float = 0.3) -> Series:
    torch.manual_seed(0)
    wave = torch.sin(torch.arange(LENGTH) * math.pi / 6)
    return Series.regular(10 + wave + noise * torch.randn(LENGTH), "2024-01-01", "h")


PLAN = made_plan(series(), season=12, context=24, horizon=6, origins=6)


def model() -> Forecaster:
    torch.manual_seed(1)
    return Forecaster(PLAN.config(RECIPES["smoke"])).eval()


def test_all_are_asked_at_the_same_origins() -> None:
    told: list[str] = []
    walks = backtest(series(), model(), PLAN, LEVELS, told.append)
    names = [OURS, "naive", "seasonal naive", "ridge", "ETS"]
    assert list(walks) == told == names
    for name, walk in walks.items():
        assert torch.equal(walk.origins, walks[OURS].origins)
        assert torch.equal(walk.truth, walks[OURS].truth)
        assert (walk.quantiles is None) is (name == "ETS")
    assert int(walks[OURS].origins[-1]) == LENGTH - PLAN.horizon
    assert int(walks[OURS].origins[0]) >= LENGTH - PLAN.test


def test_a_forecast_knows_nothing_of_what_comes() -> None:
    """Everything behind an origin is poisoned: what was said there stays as it was, bit by bit."""
    one, net = series(), model()
    clean = backtest(one, net, PLAN, LEVELS)
    place = int(clean[OURS].origins[2])
    values = one.values.clone()
    values[place:] = 1e9
    spoilt = backtest(Series.regular(values, "2024-01-01", "h"), net, PLAN, LEVELS)
    for name, walk in clean.items():
        assert torch.equal(walk.values[:3], spoilt[name].values[:3]), name
        if walk.quantiles is not None:
            other = spoilt[name].quantiles
            assert other is not None
            assert torch.equal(walk.quantiles[:3], other[:3]), name


def test_the_last_window_is_what_the_model_is_shown() -> None:
    net, one = model(), series()
    said = asked(net, LEVELS)(one.values, PLAN.horizon)
    direct = net(one.values[-24:].float().view(1, -1, 1))
    torch.testing.assert_close(said.values, direct.point[0, :, 0].double().detach())
    assert said.quantiles is not None
    assert (said.quantiles.diff(dim=1) > 0).all()
    torch.testing.assert_close(said.quantiles[:, 1], said.values)


def walk(errors: list[list[float]], width: float = 1.0) -> Walk:
    """Return a walk of zeros that was wrong by so much."""
    values = torch.tensor(errors, dtype=torch.float64)
    around = torch.tensor([-width, 0.0, width], dtype=torch.float64)
    return Walk(
        torch.arange(len(errors)), torch.zeros_like(values), values,
        torch.ones_like(values, dtype=torch.bool), values[..., None] + around, LEVELS,
    )  # fmt: skip


def test_scores_by_hand() -> None:
    """Errors 1, 2 and 3, one value filled in: mean 2 of a naive 12-step error of the training."""
    one = walk([[1.0, -2.0], [3.0, 50.0]], width=2.0)
    one.observed[1, 1] = False
    training = series().values[: LENGTH - PLAN.test]
    scale = float((training[12:] - training[:-12]).abs().mean())
    (scores,) = scores_of({"x": one}, series(), PLAN).values()
    assert scores["MAE"] == 2.0
    assert scores["MASE"] == pytest.approx(2 / scale)
    assert scores["coverage"] == pytest.approx(2 / 3)
    lowest, middle, highest = 0.1 * 1 + 0.1 * 4 + 0.9 * 1, 0.5 * (1 + 2 + 3), 0.1 * (3 + 0 + 5)
    assert scores["pinball"] == pytest.approx((lowest + middle + highest) / 9)
    filled = series()
    assert filled.observed is not None
    filled.values[50] = filled.values[38]  # as the season before, which would err by nothing
    filled.observed[50] = False
    rest = [i for i in range(12, LENGTH - PLAN.test) if i not in (50, 62)]
    scale = sum(abs(float(training[i] - training[i - 12])) for i in rest) / len(rest)
    assert scores_of({"x": one}, filled, PLAN)["x"]["MASE"] == pytest.approx(2 / scale)
    flat = Series.regular([3.0] * LENGTH, "2024-01-01", "h")
    assert scores_of({"x": one}, flat, PLAN)["x"]["MASE"] is None


def test_beside_the_best_of_the_others() -> None:
    good, bad = [[1.0] * 6] * 10, [[2.0] * 6] * 10
    walks = {OURS: walk(good), "naive": walk(bad), "ridge": walk([[4.0] * 6] * 10)}
    found = beside_best(walks, PLAN, seed=0)
    assert found is not None
    assert found.name == "naive"
    assert (found.share, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))
    mixed = [[1.0] * 6, [5.0] * 6] * 5
    unsure = beside_best({OURS: walk(mixed), "naive": walk(bad)}, PLAN, seed=0)
    assert unsure is not None
    assert unsure.low < unsure.share < unsure.high
    assert unsure.share == pytest.approx(1.5)
    few = {name: walk([[1.0] * 6] * 5) for name in (OURS, "naive")}
    assert beside_best(few, PLAN, seed=0) is None
    exact = {OURS: walk(good), "naive": walk([[0.0] * 6] * 10)}
    assert beside_best(exact, PLAN, seed=0) is None


def test_without_statsmodels_and_with_long_seasons_nothing_is_smoothed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "ETS" in others(PLAN, LEVELS)
    long = made_plan(Series.regular([0.0] * 4000, "2024-01-01", "h"), season=168)
    assert "ETS" not in others(long, LEVELS)
    monkeypatch.setattr("txlite.cli.forecaster.backtest.find_spec", lambda name: None)
    assert "ETS" not in others(PLAN, LEVELS)
    plain = made_plan(series(), season=1, horizon=6)
    assert "seasonal naive" not in others(plain, LEVELS)
