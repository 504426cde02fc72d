"""Walking forward: every origin, and none that sees what comes."""

import random
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.forecasting.zoo import ZOO
from txlite.data.series import Series, build_series
from txlite.forecasting import (
    Forecast,
    Trained,
    naive,
    origins,
    split_parts,
    walk_forward,
)

CASES_EACH = 19  # for each forecaster of the zoo: 11 × 19 cases, each poisoned three ways


def test_every_origin_is_asked() -> None:
    places = origins(100, context=24, horizon=12)  # N24
    assert len(places) == 65
    assert (places[0], places[-1] + 12) == (24, 100)


@given(
    st.integers(1, 60), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(0, 5)
)
def test_origins_by_their_definition(
    length: int, context: int, horizon: int, stride: int, gap: int
):
    right = [
        o for o in range(length)
        if o - gap >= context and o + horizon <= length and (length - horizon - o) % stride == 0
    ]  # fmt: skip
    if not right:
        with pytest.raises(ValueError, match="length should be enough"):
            origins(length, context=context, horizon=horizon, stride=stride, gap=gap)
        return
    found = origins(length, context=context, horizon=horizon, stride=stride, gap=gap)
    assert found == right
    assert found[-1] + horizon == length  # the last value is forecast, whatever the stride


def test_parts_are_apart() -> None:
    parts = split_parts(100, valid=20, test=30, gap=5)
    assert (parts.train, parts.valid, parts.test) == (range(40), range(45, 65), range(70, 100))
    places = origins(100, context=24, horizon=12, within=parts.valid)
    assert (places[0], places[-1]) == (45, 53)
    assert all(set(range(o, o + 12)) <= set(parts.valid) for o in places)


def case(seed: int) -> tuple[dict[str, Any], torch.Tensor, int]:
    """A walk whose last origin knows all that lies before a cut, and nothing after it."""
    chance = random.Random(seed)
    length, context = chance.randint(45, 70), chance.randint(24, 30)
    gap, horizon = chance.choice([0, 0, 1, 2]), chance.randint(1, 6)
    cut = chance.randint(context, length - gap - horizon)
    walk = {
        "context": context, "horizon": horizon, "stride": chance.randint(1, 4), "gap": gap,
        "window": chance.choice([None, chance.randint(context, 40)]),
        "within": range(cut + gap + horizon),
    }  # fmt: skip
    generator = torch.Generator().manual_seed(seed)
    return walk, torch.randn(length, generator=generator, dtype=torch.double).cumsum(0), cut


@pytest.mark.kills(
    "walk_forward: a forecaster is handed the first value of the future",
    "forecasting/walk_forward.py",
    "asked(values[begin:end].clone(), gap + horizon, *more)",
    "asked(values[begin : end + 1].clone(), gap + horizon, *more)",
)
@pytest.mark.kills(
    "walk_forward: a trainer is handed the whole series",
    "forecasting/walk_forward.py",
    "trained.trainer(values[begin:end].clone())",
    "trained.trainer(values.clone())",
)
@pytest.mark.kills(
    "walk_forward: a gap is not kept",
    "forecasting/walk_forward.py",
    "end = place - gap",
    "end = place",
)
@pytest.mark.parametrize("name", ZOO)
def test_no_future_value_changes_a_forecast(name: str) -> None:
    for number in range(CASES_EACH):
        walk, values, cut = case(number + 1000 * list(ZOO).index(name))
        clean = walk_forward(values, ZOO[name], **walk)
        assert int(clean.origins[-1]) - walk["gap"] == cut
        for poison in (torch.nan, 1e9, -7.0):
            other = values.clone()
            other[cut:] = poison
            told = walk_forward(other, ZOO[name], **walk)
            assert torch.equal(told.values, clean.values)
            if clean.quantiles is not None:
                assert told.quantiles is not None
                assert torch.equal(told.quantiles, clean.quantiles)


def test_there_are_enough_cases() -> None:
    assert CASES_EACH * len(ZOO) >= 200


def test_the_test_sees_a_forecaster_that_peeks() -> None:
    walk, values, cut = case(3)
    other = values.clone()
    other[cut:] = 1e9

    def told(known: torch.Tensor) -> torch.Tensor:
        centre = known.mean()  # a scaler that was fitted outside, on everything
        return walk_forward(known, lambda past, horizon: (past[-1] - centre).repeat(horizon),
                            **walk).values  # fmt: skip

    assert not torch.equal(told(values), told(other))


def test_what_is_handed_on_is_a_copy() -> None:
    values = torch.arange(20).double()
    sizes = []

    def spoils(past: torch.Tensor, horizon: int) -> torch.Tensor:
        sizes.append((len(past), past.untyped_storage().nbytes() // 8))
        told = past[-1].repeat(horizon).clone()
        past[:] = 1e9
        return told

    walk = walk_forward(values, spoils, context=5, horizon=2, window=7)
    assert torch.equal(values, torch.arange(20).double())
    assert sizes == [(n, n) for n in [5, 6, *[7] * 12]]
    assert torch.equal(walk.values[:, 0], walk.origins - 1.0)
    assert torch.equal(walk.truth, torch.stack([walk.origins, walk.origins + 1], 1).double())


def test_a_gap_is_forecast_too_and_not_counted() -> None:
    def counts(past: torch.Tensor, horizon: int) -> torch.Tensor:
        return past[-1] + torch.arange(1, horizon + 1)

    values = torch.arange(20).double()
    walk = walk_forward(values, counts, context=5, horizon=2, gap=3)
    assert torch.equal(walk.values, walk.truth)
    assert int(walk.origins[0]) == 8


def test_a_fit_serves_the_origins_after_it() -> None:
    fits = []

    def trainer(past: torch.Tensor):
        fits.append(len(past))
        return lambda now, horizon: now.new_full((horizon,), len(past))

    walk = walk_forward(torch.arange(20).double(), Trained(trainer, 4), context=5, horizon=1)
    assert fits == [5, 9, 13, 17]
    assert walk.values[:, 0].tolist() == [n for n in fits for _ in range(4)][:15]


def test_covariates_reach_as_far_as_the_forecast() -> None:
    known = torch.arange(20).double()[:, None]
    seen = []

    def asks(past: torch.Tensor, horizon: int, known: torch.Tensor) -> torch.Tensor:
        seen.append(known[:, 0].tolist())
        return known[-horizon:, 0]

    walk = walk_forward(torch.arange(20).double(), asks, context=5, horizon=3, window=6,
                        known=known)  # fmt: skip
    assert torch.equal(walk.values, walk.truth)
    assert seen[0] == list(range(8))
    assert seen[-1] == list(range(11, 20))


def test_what_was_filled_in_is_no_truth() -> None:
    days = [f"2024-01-{day:02d}" for day in (1, 2, 3, 4, 6, 7)]
    series = build_series([1.0, 2, 3, 4, 6, 7], days, fill="last")
    walk = walk_forward(series, naive, context=2, horizon=2)
    assert walk.observed.tolist() == [[True, True], [True, False], [False, True], [True, True]]
    assert len(walk_forward(Series.regular([5.0] * 9, days[0], "day"), naive, context=2, horizon=2)
               .origins) == 6  # fmt: skip


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    values, two = torch.arange(9).double(), torch.arange(2)
    walk: dict[str, Any] = {"context": 3, "horizon": 2}
    with pytest.raises(ValueError, match=r"length should be enough for context=8, gap=0 and hor"):
        walk_forward(values, naive, context=8, horizon=2)
    with pytest.raises(ValueError, match=r"window should be at least context=3, got 2"):
        walk_forward(values, naive, window=2, **walk)
    with pytest.raises(ValueError, match=r"forecast should have shape \(H=2\), got \(1,\)"):
        walk_forward(values, lambda past, horizon: past[-1:], **walk)
    with pytest.raises(ValueError, match=r"forecast should be finite, got NaN"):
        walk_forward(values, lambda past, horizon: past[:horizon] * torch.nan, **walk)
    with pytest.raises(ValueError, match=r"past should be finite, got NaN"):
        walk_forward(values * torch.nan, naive, **walk)
    with pytest.raises(ValueError, match=r"quantiles should rise with their levels"):
        walk_forward(values, lambda p, h: Forecast(p[:h], p[:h, None] - two, (0.1, 0.9)), **walk)
    with pytest.raises(ValueError, match=r"levels should rise"):
        walk_forward(values, lambda p, h: Forecast(p[:h], p[:h, None] + two, (0.9, 0.1)), **walk)
    with pytest.raises(ValueError, match=r"the same quantiles at every origin"):
        walk_forward(values, lambda p, h: Forecast(p[:h]) if len(p) % 2 else
                     Forecast(p[:h], p[:h, None], (0.5,)), **walk)  # fmt: skip
    with pytest.raises(ValueError, match=r"known should have shape \(T=9, F\), got \(8, 1\)"):
        walk_forward(values, naive, known=torch.ones(8, 1), **walk)
    with pytest.raises(ValueError, match=r"within should end at length=9 at most, got 10"):
        origins(9, within=range(10), **walk)
    with pytest.raises(ValueError, match=r"within should be a range that rises by ones, got range"):
        origins(9, within=range(9, 0, -1), **walk)
    with pytest.raises(ValueError, match=r"every should be a positive whole number, got 0"):
        Trained(naive, 0)
    with pytest.raises(
        ValueError, match=r"trainer should be a function, from a past to a forecast"
    ):
        Trained(3)  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match=r"length should be more than valid=5, test=4 and two gaps"
    ):
        split_parts(9, valid=5, test=4)
