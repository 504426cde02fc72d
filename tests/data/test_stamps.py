"""Stamps and steps: clocks that are put forward and back, months of different lengths."""

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txlite.data.stamps import local_time, said, seconds_since_1970, zone_named

BERLIN = zone_named("Europe/Berlin")


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


@pytest.mark.plain
def test_errors_name_what_came():
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
