"""What a series decides where nothing is said, and what is too short."""

from typing import Any

import pytest

from txlite.cli._console import WrongCall
from txlite.cli.forecaster.recipe import RECIPES, made_plan
from txlite.data.series import Series
from txlite.forecasting import origins
from txlite.models import ForecasterConfig

pytestmark = pytest.mark.plain


def series(length: int, step: str = "h") -> Series:
    return Series.regular([float(i % 7) for i in range(length)], "2024-01-01", step)


@pytest.mark.parametrize(
    ("step", "season"),
    [("h", 24), ("30min", 48), ("day", 7), ("week", 52), ("month", 12), ("weekday", 5), ("3h", 8)],
)
def test_a_season_follows_from_the_step(step: str, season: int) -> None:
    plan = made_plan(series(3000, step))
    assert plan.season == plan.horizon == season
    assert plan.context == min(7 * season, 512)
    assert plan.origins == 20
    assert plan.test == 19 * plan.stride + plan.horizon
    assert min(20 * season, 750) - 19 < plan.test <= min(20 * season, 750)


@pytest.mark.parametrize("length", [70, 100, 137, 187, 200, 1000])
def test_every_plan_fits_its_series(length: int) -> None:
    """There are windows to learn from, and the origins are as many as are said."""
    for step in ("h", "day", "year"):
        plan = made_plan(series(length, step))
        assert length - plan.test - plan.context - plan.horizon + 1 >= 16
        assert plan.horizon <= plan.test <= length // 4 + plan.horizon
        told = {"context": plan.context, "horizon": plan.horizon, "stride": plan.stride}
        asked = origins(length, **told, within=range(length - plan.test, length))
        assert len(asked) == plan.origins <= 20
        for recipe in RECIPES.values():
            config = plan.config(recipe)
            assert isinstance(config, ForecasterConfig)
            assert (config.context_length, config.horizon) == (plan.context, plan.horizon)


def test_what_is_said_is_done() -> None:
    plan = made_plan(series(900), season=5, context=33, horizon=11, origins=4)
    assert (plan.season, plan.context, plan.horizon, plan.origins) == (5, 33, 11, 4)
    assert (plan.test, plan.stride) == (44, 11)
    assert made_plan(series(900), horizon=11, origins=1).test == 11


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (1, {}), (20, {}), (30, {}), (100, {"context": 80}), (100, {"horizon": 50}),
        (400, {"season": 390}), (470, {"season": 300, "horizon": 90, "context": 60}),
    ],
)  # fmt: skip
def test_a_short_series_is_refused_with_what_is_wanted(length: int, said: Any) -> None:
    """The number that is wanted is enough, and one less is not."""
    wanted = rf"^a series should have (\d+) values at least for --season .* got {length}$"
    with pytest.raises(WrongCall, match=wanted) as caught:
        made_plan(series(length), **said)
    enough = int(str(caught.value).split()[4])
    assert made_plan(series(enough), **said).test < enough
    with pytest.raises(WrongCall, match=f" {enough} values at least .* got {enough - 1}$"):
        made_plan(series(enough - 1), **said)
