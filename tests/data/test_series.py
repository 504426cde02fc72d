"""Series: regular or refused, and gaps filled from the past only."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from txlite.data.series import Series, build_series
from txlite.data.stamps import seconds_since_1970

NAN = math.nan
HOURS = [f"2024-05-01 {hour:02d}:00" for hour in range(24)]


def test_a_regular_series_says_its_stamps():
    series = Series.regular([1, 2, 3], "2024-01-31", "month", name="it", unit="m")
    assert series.values.dtype == torch.double
    assert series.stamps.tolist() == seconds_since_1970(["2024-01-31", "2024-02-29", "2024-03-31"])
    assert series.future_stamps(1).tolist() == seconds_since_1970(["2024-04-30"])
    assert len(series) == 3


def test_a_part_is_a_copy():
    series = Series.regular(range(5), "2024-01-01", "day")
    part = series[:3]
    part.values[:] = 9
    assert series.values.tolist() == [0, 1, 2, 3, 4]
    assert series[2:].stamps.tolist() == series.stamps.tolist()[2:]


def test_steps_a_year_are_counted_from_the_stamps():
    assert Series.regular(range(9), "2024-01-01", "4h").per_year == 2190  # N25
    assert Series.regular(range(9), "2024-01-01", "30min").per_year == 17_520


def test_a_gap_is_refused_or_filled_from_what_lies_before():
    times, values = HOURS[:3] + HOURS[4:7], [1, 2, 3, NAN, 6, 7]
    with pytest.raises(ValueError, match=r"2 of 7 missing, the first at 2024-05-01 03:00:00.00:00"):
        build_series(values, times)
    kept = build_series(values, times, fill="nan")
    assert kept.values.isnan().tolist() == [False] * 3 + [True] * 2 + [False] * 2
    assert build_series(values, times, fill="last").values.tolist() == [1, 2, 3, 3, 3, 6, 7]
    seasonal = build_series(values, times, fill="season", season=3)
    assert seasonal.values.tolist() == [1, 2, 3, 1, 2, 6, 7]
    assert seasonal.observed is not None
    assert seasonal.observed.tolist() == [True] * 3 + [False] * 2 + [True] * 2
    assert kept.observed is not None
    assert torch.equal(kept.observed, seasonal.observed)


@given(st.data())
def test_no_filling_knows_what_comes_later(data: st.DataObject):
    gaps = data.draw(st.sets(st.integers(4, 22), max_size=9))
    cut = data.draw(st.integers(4, 23))
    values = torch.arange(24).double().sin()
    values[sorted(gaps)] = torch.nan
    for fill, season in (("last", None), ("season", 4)):
        whole = build_series(values, HOURS, fill=fill, season=season)
        other = values.clone()
        other[cut:] = torch.where(other[cut:].isnan(), torch.nan, 1e9)
        poisoned = build_series(other, HOURS, fill=fill, season=season)
        assert torch.equal(whole.values[:cut], poisoned.values[:cut])


def test_clocks_that_are_put_forward_make_no_gap_where_the_zone_is_said():
    times = ["2024-03-31 01:00", "2024-03-31 03:00", "2024-03-31 04:00", "2024-03-31 05:00"]
    assert len(build_series([1, 2, 3, 4], times, zone="Europe/Berlin")) == 4
    with pytest.raises(ValueError, match="1 of 5 missing"):
        build_series([1, 2, 3, 4], times)
    back = ["2024-10-27 01:00", "2024-10-27 02:00", "2024-10-27 02:00", "2024-10-27 03:00"]
    assert len(build_series([1, 2, 3, 4], back, zone="Europe/Berlin")) == 4
    with pytest.raises(
        ValueError, match=r"number 2, 2024-10-27 02:00:00\+00:00, comes twice; zone="
    ):
        build_series([1, 2, 3, 4], back)


def test_an_hour_of_two_that_is_missing_is_a_gap():
    back = ["2024-10-27 01:00", "2024-10-27 02:00", "2024-10-27 03:00", "2024-10-27 04:00"]
    with pytest.raises(ValueError, match=r"first at 2024-10-27 02:00:00\+01:00"):
        build_series([1, 2, 3, 4], back, zone="Europe/Berlin")


def test_a_holiday_of_an_exchange_is_no_gap_between_sessions():
    times = ["2024-12-23", "2024-12-24", "2024-12-26", "2024-12-27"]
    series = build_series([1, 2, 3, 4], times, step="session")
    assert len(series) == 4
    with pytest.raises(ValueError, match="step should have a rule, got 'session'"):
        series.future_stamps(1)
    with pytest.raises(ValueError, match="1 of 5 missing, the first at 2024-12-25"):
        build_series([1, 2, 3, 4], times)


def test_a_constant_series_and_a_single_value_are_series():
    assert Series.regular([5.0] * 4, "2024-01-01", "day").values.std() == 0
    one = Series.regular([5.0], "2024-01-01", "day")
    assert one.future_stamps(2).tolist() == seconds_since_1970(["2024-01-02", "2024-01-03"])
    with pytest.raises(ValueError, match="two stamps to count steps a year, got one"):
        _ = one.per_year


@pytest.mark.plain
def test_errors_name_what_came():
    day = "2024-01-01"
    with pytest.raises(ValueError, match="values should hold at least one number, got none"):
        Series.regular([], day, "day")
    with pytest.raises(ValueError, match=r"should be finite, or NaN .*, got inf"):
        Series.regular([1, math.inf], day, "day")
    with pytest.raises(ValueError, match=r"values should have shape \(T\), got \(2, 2\)"):
        Series.regular(torch.ones(2, 2), day, "day")
    with pytest.raises(ValueError, match=r"stamps should have shape \(T=2\), got \(3,\)"):
        Series(torch.ones(2), torch.arange(3), "s")
    with pytest.raises(
        ValueError, match=r"one step of 1?h apart: number 1 should be 1970-01-01 01"
    ):
        Series(torch.ones(2), torch.tensor([0, 1]), "h")
    with pytest.raises(
        ValueError, match=r"times should be in order, each once: number 1, .* follows"
    ):
        build_series([1, 2], ["2024-01-02", day])
    with pytest.raises(ValueError, match=r"number 1, .* comes twice"):
        build_series([1, 2], [day, day])
    with pytest.raises(
        ValueError, match="times should be a whole number of steps of h apart: numb"
    ):
        build_series([1, 2, 3, 4], [*HOURS[:3], "2024-05-01 03:20"])
    with pytest.raises(ValueError, match="times should hold one for each of T=2 values, got 1"):
        build_series([1, 2], [day])
    with pytest.raises(
        ValueError, match="fill should be one of refuse, nan, last, season, got 'lin"
    ):
        build_series([1], [day], fill="linear")
    with pytest.raises(ValueError, match="season should be given for fill='season' and only there"):
        build_series([1], [day], fill="season")
    with pytest.raises(ValueError, match="season should be a positive whole number, got 0"):
        build_series([1, 2], [day, "2024-01-02"], fill="season", season=0)
    with pytest.raises(
        ValueError, match=r"fill='last' should find a value 1 steps before each gap"
    ):
        build_series([NAN, 2], [day, "2024-01-02"], fill="last")
    with pytest.raises(ValueError, match="step should be said where there are fewer than 2"):
        build_series([1], [day])
    with pytest.raises(ValueError, match=r"a series is cut by a slice such as \[:100\], got 3"):
        Series.regular([1], day, "day")[3]  # type: ignore[index]
    with pytest.raises(ValueError, match="horizon should be a positive whole number, got 0"):
        Series.regular([1], day, "day").future_stamps(0)
