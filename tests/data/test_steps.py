"""Steps: of time and of a calendar, with clocks put forward and back and months of any length."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txlite.data.stamps import local_time, said, seconds_since_1970, zone_named
from txlite.data.steps import Step, infer_step

BERLIN = zone_named("Europe/Berlin")


def grid(start: str, step: str, length: int, zone: str = "Europe/Berlin") -> list[str]:
    (first,) = seconds_since_1970([start], zone)
    place = zone_named(zone)
    return [said(s, place) for s in Step.read(step).grid(first, length, place).tolist()]


def test_a_day_of_the_calendar_has_23_or_25_hours():
    spring = seconds_since_1970(["2024-03-30", "2024-03-31", "2024-04-01"], "Europe/Berlin")
    autumn = seconds_since_1970(["2024-10-26", "2024-10-27", "2024-10-28"], "Europe/Berlin")
    assert [b - a for a, b in itertools.pairwise(spring)] == [86_400, 82_800]
    assert [b - a for a, b in itertools.pairwise(autumn)] == [86_400, 90_000]
    assert Step.read("day").grid(spring[0], 3, BERLIN).tolist() == spring


def test_hours_are_lengths_of_time():
    assert [wall[11:] for wall in grid("2024-03-31 00:00", "h", 4)] == [
        "00:00:00+01:00", "01:00:00+01:00", "03:00:00+02:00", "04:00:00+02:00",
    ]  # fmt: skip
    assert [wall[11:] for wall in grid("2024-10-27 01:00", "h", 4)] == [
        "01:00:00+02:00", "02:00:00+02:00", "02:00:00+01:00", "03:00:00+01:00",
    ]  # fmt: skip


@pytest.mark.kills(
    "stamps: a time that a day lacks moves every later day",
    "data/steps.py",
    "return torch.tensor([self.at(start, n, zone) for n in range(length)], dtype=torch.long)",
    "s = [start]\n        for _ in range(length - 1):\n            "
    "s.append(self.at(s[-1], 1, zone))\n        return torch.tensor(s[:length])",
)
def test_a_time_that_is_skipped_moves_its_own_day_only():
    assert grid("2024-03-30 02:30", "day", 3) == [
        "2024-03-30 02:30:00+01:00", "2024-03-31 03:30:00+02:00", "2024-04-01 02:30:00+02:00",
    ]  # fmt: skip


def test_months_end_where_they_end():
    days = [wall[:10] for wall in grid("2024-01-31", "month", 4)]
    assert days == ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]
    assert [d[:10] for d in grid("2024-01-30", "month", 3)][1:] == ["2024-02-29", "2024-03-30"]
    assert [d[:10] for d in grid("2023-02-15", "year", 3)][-1] == "2025-02-15"
    assert [d[:10] for d in grid("2023-02-15", "2quarter", 2)][-1] == "2023-08-15"


def test_weekdays_skip_the_weekend_both_ways():
    days = [wall[:10] for wall in grid("2024-05-30", "weekday", 4)]  # a Thursday
    assert days == ["2024-05-30", "2024-05-31", "2024-06-03", "2024-06-04"]
    (monday,) = seconds_since_1970(["2024-06-03"], "UTC")
    before = Step.read("weekday").at(monday, -1, zone_named("UTC"))
    assert said(before, zone_named("UTC"))[:10] == "2024-05-31"


@given(st.integers(-40, 40), st.sampled_from(["day", "week", "month", "quarter", "year"]))
def test_steps_of_a_calendar_go_on(number: int, unit: str):
    (start,) = seconds_since_1970(["2024-02-15 12:00"], "Europe/Berlin")
    a, b = (Step(1, unit).at(start, n, BERLIN) for n in (number, number + 1))
    assert b > a
    assert local_time(a, BERLIN).hour == 12
    assert timedelta(seconds=b - a) < timedelta(days=367)


def steps(*times: str, zone: str = "UTC") -> str:
    return str(infer_step(seconds_since_1970(times, zone), zone))


def test_the_step_is_found():
    assert steps("2024-01-01", "2024-01-02", "2024-01-04") == "day"
    assert steps("2024-01-01 00:00", "2024-01-01 00:15", "2024-01-01 00:30") == "15min"
    assert steps("2024-01-01 00:00", "2024-01-01 01:00", "2024-01-01 03:00") == "h"
    assert steps("2024-01-31", "2024-02-29", "2024-03-31") == "month"
    assert steps("2024-01-01", "2024-04-01", "2024-07-01") == "quarter"
    assert steps("2023-01-01", "2024-01-01", "2025-01-01") == "year"
    assert steps("2024-01-01", "2024-01-08", "2024-01-15") == "week"
    week = [f"2024-01-{day:02d}" for day in (1, 2, 3, 4, 5, 8, 9)]
    assert steps(*week) == "weekday"
    assert steps(*week[:-1], "2024-01-13") == "day"  # a Saturday
    assert steps("2024-03-30", "2024-03-31", "2024-04-01", zone="Europe/Berlin") == "day"


@pytest.mark.plain
def test_errors_name_what_came():
    with pytest.raises(ValueError, match=r"step should be a number and one of s, min.*got '3fort'"):
        Step.read("3fort")
    with pytest.raises(ValueError, match=r"got 30"):
        Step.read(30)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="count should be a positive whole number, got 0"):
        Step(0, "h")
    with pytest.raises(ValueError, match=r"unit should be one of s, min, h, .*, got 'H'"):
        Step(1, "H")
    with pytest.raises(ValueError, match="count should be 1 for the unit 'session', got 2"):
        Step(2, "session")
    with pytest.raises(ValueError, match="step should have a rule, got 'session'"):
        Step(1, "session").at(0, 1, BERLIN)
    with pytest.raises(ValueError, match="start should be a weekday, got Saturday, 2024-06-01"):
        grid("2024-06-01", "weekday", 2)
