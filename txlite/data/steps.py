"""From one stamp to the next: seconds, minutes, hours, and the steps of a calendar.

Hours and minutes are lengths of time. Days, weeks, months and years are steps of a calendar: the
same time on the wall, whatever lies between. A day is 23 hours long where clocks are put forward,
and 25 where they are put back.
"""

import calendar
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import torch
from jaxtyping import Int
from torch import Tensor

from txlite._checks import check_positive, check_whole
from txlite.data.stamps import local_time, zone_named

__all__ = ["Step", "infer_step"]

_SECONDS = {"s": 1, "min": 60, "h": 3600}
_CALENDAR = ("day", "weekday", "week", "month", "quarter", "year")
_UNITS = (*_SECONDS, *_CALENDAR, "session")
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True)
class Step:
    """The distance between two neighbours of a series.

    Parameters
    ----------
    count : int
        How many of the unit.
    unit : str
        ``"s"``, ``"min"`` or ``"h"``, which are lengths of time; ``"day"``, ``"weekday"`` (Monday
        to Friday), ``"week"``, ``"month"``, ``"quarter"`` or ``"year"``, which are counted on a
        calendar; or ``"session"``: one row for each session of an exchange, between which nothing
        is missing, whatever the distance.

    Raises
    ------
    ValueError
        If there is no such unit, or ``count`` is not a positive whole number; sessions and
        weekdays go by ones.
    """

    count: int
    unit: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", check_positive("count", self.count))
        if self.unit not in _UNITS:
            raise ValueError(f"unit should be one of {', '.join(_UNITS)}, got {self.unit!r}")
        if self.unit in ("session", "weekday") and self.count != 1:
            raise ValueError(f"count should be 1 for the unit {self.unit!r}, got {self.count}")

    @classmethod
    def read(cls, text: "str | Step") -> "Step":
        """Return the step that a text such as ``"30min"`` says.

        Parameters
        ----------
        text : str or Step
            A whole number, which may be left out where it is 1, and a unit. A step is itself.

        Raises
        ------
        ValueError
            If the text says none.
        """
        if isinstance(text, Step):
            return text
        match = re.fullmatch(r"\s*(\d*)\s*([a-z]+)\s*", text) if isinstance(text, str) else None
        if match is None or match[2] not in _UNITS:
            raise ValueError(
                f"step should be a number and one of {', '.join(_UNITS)}, such as '30min', "
                f"got {text!r}"
            )
        return cls(int(match[1] or 1), match[2])

    def __str__(self) -> str:
        return self.unit if self.count == 1 else f"{self.count}{self.unit}"

    @property
    def seconds(self) -> int | None:
        """Its length, or None for a step of a calendar or of an exchange."""
        fixed = _SECONDS.get(self.unit)
        return None if fixed is None else fixed * self.count

    def at(self, start: int, number: int, zone: ZoneInfo) -> int:
        """Return the stamp that lies a number of steps after another.

        Counted from ``start``, so that nothing adds up: a time that a day lacks moves that day's
        stamp by an hour, and no later one. A series that begins on the last day of a month goes
        from last day to last day; one that begins on a day that a month lacks takes its last.

        Parameters
        ----------
        start : int
            A stamp.
        number : int
            How many steps; below zero for what lies before.
        zone : ZoneInfo
            Where days begin and clocks are put forward.

        Returns
        -------
        int
            A stamp.

        Raises
        ------
        ValueError
            If the step is a session, which follows no rule, or ``start`` is a Saturday or a Sunday
            and the step a weekday.
        """
        number = check_whole("number", number)
        if self.seconds is not None:
            return start + number * self.seconds
        begin = local_time(start, zone)
        day = self._day(begin.date(), number * self.count)
        wall = datetime.combine(day, begin.time(), zone).replace(fold=begin.fold)
        return int(wall.timestamp())

    def _day(self, first: date, number: int) -> date:
        """Return the day that lies a number of units of the calendar after the first."""
        if self.unit == "session":
            raise ValueError(
                "step should have a rule, got 'session': an exchange says when it opens"
            )
        if self.unit in _MONTHS:
            months = first.year * 12 + first.month - 1 + number * _MONTHS[self.unit]
            year, month = divmod(months, 12)
            last = calendar.monthrange(year, month + 1)[1]
            is_last = first.day == calendar.monthrange(first.year, first.month)[1]
            return date(year, month + 1, last if is_last else min(first.day, last))
        if self.unit == "weekday":
            if first.weekday() > 4:
                raise ValueError(f"start should be a weekday, got {first:%A}, {first}")
            weeks, rest = divmod(first.weekday() + number, 5)
            return first + timedelta(days=7 * weeks + rest - first.weekday())
        return first + timedelta(days=number * (7 if self.unit == "week" else 1))

    def grid(self, start: int, length: int, zone: ZoneInfo) -> Int[Tensor, " T"]:
        """Return as many stamps as are wanted, one step apart.

        Parameters
        ----------
        start : int
            The first.
        length : int
            How many.
        zone : ZoneInfo
            Where days begin.

        Returns
        -------
        Tensor, shape (T,)
            Stamps, int64.

        Raises
        ------
        ValueError
            If the step is a session.
        """
        if self.seconds is not None:
            return start + self.seconds * torch.arange(length)
        return torch.tensor([self.at(start, n, zone) for n in range(length)], dtype=torch.long)


def infer_step(stamps: Sequence[int], zone: str = "UTC") -> Step:
    """Return the step that stamps are apart.

    Days, weekdays, weeks, months, quarters and years are recognised by clocks that always show the
    same time; else the distance that occurs most often is the step, the shorter of two.

    Parameters
    ----------
    stamps : sequence of int
        In order, without repetition.
    zone : str
        Whose clocks count.

    Raises
    ------
    ValueError
        If there are fewer than two.

    Examples
    --------
    >>> str(infer_step([0, 1800, 3600]))
    '30min'
    """
    if len(stamps) < 2:
        raise ValueError(
            f"step should be said where there are fewer than 2 stamps, got {len(stamps)}"
        )
    place = zone_named(zone)
    walls = [local_time(stamp, place) for stamp in stamps]
    if len({wall.time() for wall in walls}) == 1:
        gaps = [(b.date() - a.date()).days for a, b in itertools.pairwise(walls)]
        usual = max(sorted(set(gaps)), key=gaps.count)
        if usual == 1:
            alike = all(wall.weekday() < 5 for wall in walls) and max(gaps) > 2
            return Step(1, "weekday" if alike and 3 in gaps else "day")
        for unit, low, high in (("month", 28, 31), ("quarter", 90, 92), ("year", 365, 366)):
            if low <= usual <= high:
                return Step(1, unit)
        return Step(usual // 7, "week") if usual % 7 == 0 else Step(usual, "day")
    steps = [b - a for a, b in itertools.pairwise(stamps)]
    usual = max(sorted(set(steps)), key=steps.count)
    unit = next(u for u, s in (("h", 3600), ("min", 60), ("s", 1)) if usual % s == 0)
    return Step(usual // {"h": 3600, "min": 60, "s": 1}[unit], unit)
