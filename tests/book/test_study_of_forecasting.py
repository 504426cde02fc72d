"""The studies of forecasting: no future is used, and what is chosen was chosen before the test."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from studies import _forecasting as recipe
from studies import _prices as prices
from studies import forecasting as study
from studies import forecasting_prices as money
from txlite.data.series import Series
from txlite.forecasting import SeasonalNaive, Trained, backtest, mae, walk_forward

HORIZON, SEASON = 4, 14


def made_up(length: int = 420) -> Series:
    """Return a series with a short and a long season, and noise."""
    steps = torch.arange(length, dtype=torch.double)
    noise = torch.randn(length, generator=torch.Generator().manual_seed(5), dtype=torch.double)
    values = 50 + 9 * (steps * 2 * torch.pi / 7).sin() + 5 * (steps % SEASON > 9) + noise
    return Series.regular(values, "2001-01-01", "1h")


TASK = recipe.Task(made_up, HORIZON, SEASON, 7, 84, 42, 8, (24, 32), block=3)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Shrink the world to one short series, and every training to a few steps."""
    short = {"SHORT": 2, "LONG": 3, "LINEAR_STEPS": 2, "ROWS": 8, "TASKS": {"demand": TASK},
             "STEPS_TOLD": 4, "SAMPLES": 50, "NOISES": 2, "MARKETS": 1, "WINDOWS": (5, 20),
             "YEAR": 300}  # fmt: skip
    short["PLANS"] = {
        key: replace(plan, context=32, steps=2) for key, plan in list(prices.PLANS.items())[:2]
    }
    for module in (recipe, study, prices, money):
        for name, value in short.items():
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    monkeypatch.setenv("TXLITE_KEPT", str(tmp_path))
    cached = (study.values, money.chosen, money.direction_plan)
    for one in cached:
        one.cache_clear()
    yield
    for one in cached:
        one.cache_clear()


def test_every_part_has_its_numbers_and_is_run_once(
    small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = study.measure(0)
    for method in ("naive", "last week", "ridge", "ARMA", "smoothing", "linear", "Transformer"):
        assert found[f"demand: {method}: MAE"] > 0
        assert 0 <= found[f"demand: {method}: coverage"] <= 1
    best = list(study.classical("demand"))[int(found["demand: best classical"])]
    ratio = found["demand: Transformer: MAE"] / found[f"demand: {best}: MAE"]
    assert found["demand: Transformer beside best: ratio"] == pytest.approx(ratio, abs=1e-4)
    assert found["demand: patches mixed: MAE"] != found["demand: page: MAE"]
    assert found["demand: origins"] == (84 - HORIZON) // 4 + 1

    def again(*_: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(recipe, "trained", again)
    assert study.measure(0) == found
    with pytest.raises(AssertionError, match="trained again"):
        study.measure(1)


@pytest.mark.parametrize("method", ["ridge", "ARMA", "smoothing", "linear", "Transformer"])
def test_a_poisoned_future_changes_no_forecast_and_no_choice(small: None, method: str) -> None:
    clean = made_up().values
    start, poisoned = len(clean) - 60, clean.clone()
    poisoned[start:] = 1e9
    found = study.candidates("demand", method)
    name, trainer = list(found.items())[-1]
    rows = []
    for series in (clean, poisoned):
        torch.manual_seed(0)
        walk = walk_forward(
            series[: start + HORIZON], Trained(recipe.with_spread(trainer, TASK), 2),
            context=start - 4, horizon=HORIZON, stride=2,
        )  # fmt: skip
        rows.append(walk)
    for one, other in zip(rows[0].values, rows[1].values, strict=True):
        assert torch.equal(one, other), name
    assert torch.equal(rows[0].quantiles, rows[1].quantiles)  # type: ignore[arg-type]


def test_each_method_has_as_many_candidates() -> None:
    for task in recipe.TASKS.values():
        sizes = [len(some) for some in recipe.statistics(task).values()]
        sizes += [len(recipe.plans(task, kind)) for kind in ("linear", "Transformer")]
        assert sizes == [8] * 5
    assert {len(prices.PLANS), len(prices.LENGTHS), len(prices.DECAYS)} == {4}


def test_a_difference_is_given_back() -> None:
    past = made_up().values
    seen = []

    def trainer(inner: torch.Tensor) -> object:
        seen.append(inner)
        return lambda past, horizon: torch.zeros(horizon, dtype=torch.double)

    told = recipe.less_season(SEASON, trainer)(past)(past, HORIZON)  # type: ignore[arg-type]
    assert_close(told.values, past[-SEASON:][:HORIZON])
    assert_close(seen[0], past[SEASON:] - past[:-SEASON])


def test_no_horizon_is_longer_than_the_season_that_is_given_back() -> None:
    for task in recipe.TASKS.values():
        assert task.horizon <= task.day <= task.season


def test_the_controls_take_away_what_they_say() -> None:
    base = recipe.Plan(context=32)
    torch.manual_seed(0)
    window = torch.randn(2, 32, 1)
    late = window.clone()
    late[:, :8] += 1  # the first patch alone
    for name, plan in recipe.changed(base).items():
        assert plan.steps == base.steps * (4 if name == "trained longer" else 1)
        model = recipe.built(plan, HORIZON).eval()
        if name == "no scale of its own":
            assert model.scale.scaling == "none"
        if name == "no positions":
            assert not list(model.positions.parameters())
        if name == "attends to itself":
            plain = recipe.built(replace(plan, scaling="none"), HORIZON).eval()
            states = [plain.read(x)[0][:, :, -1] for x in (window, late)]
            assert torch.equal(*states)
        if name == "patches mixed":
            assert not torch.equal(model(window).point, model(window).point)


def test_a_calm_forecast_never_borrows_and_rules_know_no_future() -> None:
    steps = torch.randn(400, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    path = (0.01 * steps).cumsum(0).exp()
    other = torch.cat([path[:300], path[300:].flip(0)])
    for rule in prices.rules():
        assert torch.equal(rule(path)[:300], rule(other)[:300])
    pair = [prices.Rule(20, against)(path)[19:] for against in (False, True)]
    assert_close(pair[0] + pair[1], torch.ones_like(pair[0]))


def test_quick_returns_are_a_backtest() -> None:
    steps = torch.randn(300, generator=torch.Generator().manual_seed(1), dtype=torch.double)
    path = (0.01 * steps).cumsum(0).exp()
    wanted = torch.stack([rule(path) for rule in prices.rules()[:6]])
    quick = prices.quick_returns(wanted, path)
    for row, mine in zip(wanted, quick, strict=True):
        assert_close(mine, backtest(row, path, cost=prices.COST).returns, rtol=0, atol=1e-5)


@pytest.mark.parametrize("what", ["volatility", "direction", "strategies"])
def test_prices_have_their_numbers(small: None, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    some = _index()
    for module in (prices, money):
        monkeypatch.setattr(module, "bars", lambda: some)
        monkeypatch.setattr(module, "TEST", 300)
        if hasattr(module, "VALID"):
            monkeypatch.setattr(module, "VALID", 60)
    caches = (prices.log_volatility, prices.returns)
    for one in caches:
        one.cache_clear()
    found = getattr(money, what)(0)
    for one in caches:
        one.cache_clear()
    assert all(low <= found[name.replace("low", "high")] for name, low in found.items()
               if name.endswith(": low"))  # fmt: skip
    if what == "strategies":
        assert found["steady HAR: drawdown"] < found["hold: drawdown"]


def _index() -> object:
    """Return bars of a made-up index whose volatility has a memory."""
    from txlite.data.real_series import Bars

    draw = torch.Generator().manual_seed(3)
    size = torch.randn(900, generator=draw, dtype=torch.double)
    for t in range(1, len(size)):
        size[t] = 0.97 * size[t - 1] + 0.2 * size[t]
    steps = 0.01 * size.exp() * torch.randn(900, generator=draw, dtype=torch.double)
    close = 100 * steps.cumsum(0).exp()
    wide = 0.01 * size.exp() * (0.5 + torch.rand(900, generator=draw, dtype=torch.double))
    opened = torch.cat([close[:1], close[:-1]])
    high = torch.maximum(opened, close) * (1 + wide)
    low = torch.minimum(opened, close) / (1 + wide)
    stamps = 86_400 * torch.arange(900)
    return Bars(opened, high, low, close, torch.ones(900), stamps, "UTC", "made up")


def test_the_best_of_many_is_deflated(small: None) -> None:
    steps = torch.randn(900, generator=torch.Generator().manual_seed(2), dtype=torch.double)
    found = prices.rules()
    told = money.many_rules((0.01 * steps).cumsum(0).exp(), 500, 252.0)
    assert told["tried"] == len(found) == 4
    assert told["deflated"] < told["alone"]
    assert told["median"] <= told["best"]


def test_leaks_are_told(small: None) -> None:
    found = money.leak_numbers()
    assert found["markets"] == 1
    for name in money.PLANTED:
        assert found[f"{name}: named"] == 1
        assert found[f"{name}: Sharpe"] > found["honest: Sharpe"]
    assert found["honest: named"] == 1


def test_mean_errors_are_those_of_all_origins(small: None) -> None:
    walk = study.walk("demand", SeasonalNaive(SEASON))
    assert float(recipe.by_origin(walk).mean()) == pytest.approx(mae(walk.truth, walk.values))
