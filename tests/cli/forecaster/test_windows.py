"""Windows to learn from: all of them, each whole, and nothing of the test."""

import pytest
import torch

from txlite.cli.forecaster.begun import describe
from txlite.cli.forecaster.recipe import RECIPES, made_plan
from txlite.cli.forecaster.windows import WindowBatch, made_batches
from txlite.data.series import Series
from txlite.training import Windows

PLAN = made_plan(
    Series.regular([0.0] * 120, "2024-01-01", "h"), horizon=4, context=10, origins=5, season=3
)
RECIPE = RECIPES["smoke"]


def series(first: float, poison: float | None = None) -> Series:
    values = first + torch.arange(120.0)
    if poison is not None:
        values[-PLAN.test :] = poison
    return Series.regular(values, "2024-01-01", "h")


def batches(*given: Series) -> list[WindowBatch]:
    return list(made_batches(given, PLAN, RECIPE, seed=3))


def test_every_window_of_every_series_comes_once() -> None:
    found = batches(series(0.0), series(1000.0))
    assert isinstance(found[0], Windows)
    past = torch.cat([batch.past for batch in found])[..., 0]
    future = torch.cat([batch.future for batch in found])[..., 0]
    count = 120 - PLAN.test - 14 + 1
    assert past.shape == (2 * count, 10)
    wanted = [first + i for first in (0.0, 1000.0) for i in range(count)]
    assert sorted(past[:, 0].tolist()) == wanted
    steps = torch.cat([past, future], dim=1) - past[:, :1]
    assert torch.equal(steps, torch.arange(14.0).expand(2 * count, -1))


@pytest.mark.kills(
    "windows reach into the test",
    "cli/forecaster/windows.py",
    "    known = [one[: len(one) - plan.test] for one in series]",
    "    known = list(series)",
)
def test_what_is_learned_does_not_know_the_test() -> None:
    """Other values there, NaN too: the same batches, and the same training by its record."""
    clean = batches(series(5.0))
    for poison in (float("nan"), 1e9):
        spoilt = batches(series(5.0, poison))
        for a, b in zip(clean, spoilt, strict=True):
            assert torch.equal(a.past, b.past)
            assert torch.equal(a.future, b.future)
        records = [describe([one], PLAN, RECIPE, 3) for one in (series(5.0), series(5.0, poison))]
        assert records[0] == records[1]
    assert describe([series(6.0)], PLAN, RECIPE, 3)["sha256"] != records[0]["sha256"]
    assert describe([series(5.0)], PLAN, RECIPE, 4) != records[0]


def test_a_value_that_was_filled_in_is_not_learned() -> None:
    one = series(0.0)
    assert one.observed is not None
    one.observed[20] = False
    found = batches(one)
    future = torch.cat([batch.future for batch in found])
    seen = torch.cat([batch.future_observed for batch in found])
    assert torch.equal(seen, future != 20)
