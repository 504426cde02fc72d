"""What the calendar says: of the clock on the wall, and without a look at any value."""

from datetime import date

import pytest
import torch

from txlite.data.calendar_features import FEATURES, calendar_features
from txlite.data.stamps import seconds_since_1970


def column(name: str, *times: str, zone: str = "Europe/Berlin", **more) -> list[float]:
    stamps = torch.tensor(seconds_since_1970(times, zone))
    return calendar_features(stamps, zone=zone, **more)[:, FEATURES.index(name)].tolist()


def test_breakfast_is_at_the_same_hour_in_summer():
    winter, summer = column("sine of the day", "2024-01-15 08:00", "2024-07-15 08:00")
    assert winter == summer == pytest.approx(0.75**0.5)
    assert column("cosine of the day", "2024-01-15 12:00") == [-1]


def test_weekends_holidays_and_the_year():
    assert column("weekend", "2024-06-07", "2024-06-08", "2024-06-09") == [0, 1, 1]
    christmas = {date(2024, 12, 25)}
    assert column("holiday", "2024-12-25 23:00", "2024-12-26", holidays=christmas) == [1, 0]
    assert column("cosine of the year", "2024-01-01") == [1]
    assert column("sine of the week", "2024-06-03") == [0]  # a Monday begins
    rows = calendar_features(torch.tensor([0, 3600]))
    assert rows.shape == (2, len(FEATURES))
    assert torch.allclose(rows[:, 0] ** 2 + rows[:, 1] ** 2, torch.ones(2, dtype=torch.double))


@pytest.mark.plain
def test_errors_name_what_came():
    with pytest.raises(ValueError, match=r"stamps should have shape \(T\), got \(1, 1\)"):
        calendar_features(torch.zeros(1, 1, dtype=torch.long))
    with pytest.raises(ValueError, match="holidays should be dates, got '2024-12-25'"):
        calendar_features(torch.zeros(1, dtype=torch.long), holidays=["2024-12-25"])
