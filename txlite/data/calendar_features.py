"""What is known of a stamp before anything is measured: hour, weekday, time of year, holidays.

The calendar of the future is no secret, so these may be handed to a forecaster for the steps that
it forecasts. They are those of the clocks on the wall: breakfast moves with them.
"""

import math
from collections.abc import Collection
from datetime import date

import torch
from jaxtyping import Float, Int
from torch import Tensor

from txlite._checks import check_shape
from txlite.data.stamps import local_time, zone_named

__all__ = ["FEATURES", "calendar_features"]

FEATURES = (
    "sine of the day", "cosine of the day", "sine of the week", "cosine of the week",
    "sine of the year", "cosine of the year", "weekend", "holiday",
)  # fmt: skip
"""What the columns are."""


def calendar_features(
    stamps: Int[Tensor, " T"], *, zone: str = "UTC", holidays: Collection[date] = ()
) -> Float[Tensor, "T F"]:
    """Return what the calendar says of each stamp.

    Parameters
    ----------
    stamps : Tensor, shape (T,)
        Seconds since 1970; a series' own, or its ``future_stamps``.
    zone : str
        Whose clocks count.
    holidays : collection of date
        Days that are known in advance to be none like the others.

    Returns
    -------
    Tensor, shape (T, F)
        In float64; the columns are :data:`FEATURES`. How far day, week and year are is told by
        a sine and a cosine, so that their ends meet; weekend and holiday are 0 or 1.

    Raises
    ------
    ValueError
        If ``stamps`` has another shape, there is no such zone, or a holiday is no date.
    """
    check_shape("stamps", stamps, "T")
    for day in holidays:
        if type(day) is not date:
            raise ValueError(f"holidays should be dates, got {day!r}")
    place, free = zone_named(zone), frozenset(holidays)
    rows = []
    for stamp in stamps.tolist():
        wall = local_time(stamp, place)
        of_day = (wall.hour * 3600 + wall.minute * 60 + wall.second) / 86_400
        of_week = (wall.weekday() + of_day) / 7
        of_year = (wall.timetuple().tm_yday - 1 + of_day) / 365.25
        turns = [2 * math.pi * share for share in (of_day, of_week, of_year)]
        waves = [wave(turn) for turn in turns for wave in (math.sin, math.cos)]
        rows.append([*waves, float(wall.weekday() > 4), float(wall.date() in free)])
    return torch.tensor(rows, dtype=torch.double).reshape(len(rows), len(FEATURES))
