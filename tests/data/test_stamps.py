"""Stamps and steps: clocks that are put forward and back, months of different lengths."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txlite.data.stamps import Step, local_time, said, seconds_since_1970, zone_named

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
    "data/stamps.py",
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


def test_an_hour_that_comes_twice_is_told_apart_by_the_order():
    walls = ["2024-10-27 01:30", "2024-10-27 02:00", "2024-10-27 02:30", "2024-10-27 02:00",
             "2024-10-27 02:30", "2024-10-27 03:00"]  # fmt: skip
    found = seconds_since_1970(walls, "Europe/Berlin")
    assert {b - a for a, b in itertools.pairwise(found)} == {1800}
    alone = seconds_since_1970(["2024-10-27 02:00"], "Europe/Berlin")
    assert alone == [found[1]]


def test_a_distance_from_universal_time_is_taken_at_its_word():
    assert seconds_since_1970(["1970-01-01T01:00:00+01:00", "1970-01-01T00:00:01Z"]) == [0, 1]
    assert seconds_since_1970(["1/2/1970"], format="%m/%d/%Y") == [86_400]
    assert seconds_since_1970([datetime(1970, 1, 1, tzinfo=UTC)], "Europe/Berlin") == [0]


@given(
    st.integers(0, 2_000_000_000),
    st.sampled_from(["Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_what_is_said_is_read_again(stamp: int, zone: str):
    place = zone_named(zone)
    assert seconds_since_1970([said(stamp, place)], zone) == [stamp]
    wall = local_time(stamp, place).replace(tzinfo=None)
    read = seconds_since_1970([wall], zone)[0]
    assert read in (stamp, stamp - 3600, stamp - 1800)  # of two alike, the first


@given(st.integers(-40, 40), st.sampled_from(["day", "week", "month", "quarter", "year"]))
def test_steps_of_a_calendar_go_on(number: int, unit: str):
    (start,) = seconds_since_1970(["2024-02-15 12:00"], "Europe/Berlin")
    a, b = (Step(1, unit).at(start, n, BERLIN) for n in (number, number + 1))
    assert b > a
    assert local_time(a, BERLIN).hour == 12
    assert timedelta(seconds=b - a) < timedelta(days=367)


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
    with pytest.raises(ValueError, match=r"zone should be a name of the IANA's .*, got 'Berlin'"):
        zone_named("Berlin")
    with pytest.raises(
        ValueError, match=r"should be ISO 8601.*got '1/4/1999' \(number 1\); format"
    ):
        seconds_since_1970(["1999-01-04", "1/4/1999"])
    with pytest.raises(ValueError, match=r"should be written as '%d', got '1999' \(number 0\)$"):
        seconds_since_1970(["1999"], format="%d")
    with pytest.raises(
        ValueError, match=r"Europe/Berlin have shown, got 2024-03-31 02:30:00 \(num"
    ):
        seconds_since_1970(["2024-03-31 02:30"], "Europe/Berlin")
    with pytest.raises(
        ValueError, match=r"should all say their distance .* number 1 is 2024-03-31"
    ):
        seconds_since_1970(["2024-03-30T00:00Z", "2024-03-31"])
    with pytest.raises(ValueError, match=r"whole seconds, got 2024-01-01 00:00:00.5 \(number 0\)"):
        seconds_since_1970(["2024-01-01 00:00:00.5"])
