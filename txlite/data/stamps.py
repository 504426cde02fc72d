"""When something was measured: seconds since 1970, and the step from one stamp to the next.

A stamp is a whole number of seconds since the first of January 1970, in universal time: there is no
hour that comes twice, and none that is missing. What clocks on a wall show needs a zone as well,
by its name in the IANA's list. Hours and minutes are lengths of time. Days, weeks, months and years
are steps of a calendar: the same time on the wall, whatever lies between. A day is 23 hours long
where clocks are put forward, and 25 where they are put back.
"""

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import torch
from jaxtyping import Int
from torch import Tensor

from txlite._checks import check_positive, check_whole

__all__ = ["Step", "local_time", "said", "seconds_since_1970", "zone_named"]

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


def zone_named(name: str) -> ZoneInfo:
    """Return a time zone by its name.

    Parameters
    ----------
    name : str
        One of the IANA's, such as ``"Europe/London"`` or ``"UTC"``.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ValueError(
            f"zone should be a name of the IANA's such as 'Europe/London', got {name!r}"
        ) from error


def local_time(stamp: int, zone: ZoneInfo) -> datetime:
    """Return what clocks in a zone show at a stamp.

    Parameters
    ----------
    stamp : int
        Seconds since 1970, in universal time.
    zone : ZoneInfo
        The zone.
    """
    return datetime.fromtimestamp(int(stamp), UTC).astimezone(zone)


def said(stamp: int, zone: ZoneInfo) -> str:
    """Return a stamp as people write it, with the distance from universal time.

    Parameters
    ----------
    stamp : int
        Seconds since 1970, in universal time.
    zone : ZoneInfo
        Whose clocks are meant.

    Examples
    --------
    >>> said(0, zone_named("Europe/Berlin"))
    '1970-01-01 01:00:00+01:00'
    """
    return local_time(stamp, zone).isoformat(sep=" ")


def seconds_since_1970(
    times: Sequence[str | datetime], zone: str = "UTC", *, format: str | None = None
) -> list[int]:
    """Return the stamps of times as people write them.

    What says its distance from universal time (``+02:00``, ``Z``) is taken at its word. The rest is
    what clocks in ``zone`` have shown. An hour that those clocks skip is refused. Of an hour that
    they show twice the first is meant, unless it does not come after the time before it: rows in
    order tell the two apart.

    Parameters
    ----------
    times : sequence of str or datetime
        ISO 8601, such as ``2000-06-05 00:30`` or ``2000-06-05``.
    zone : str
        A name of the IANA's.
    format : str, optional
        How others are written, in the letters of ``datetime.strptime``: ``"%m/%d/%Y"``.

    Returns
    -------
    list of int
        Seconds since 1970, in the order in which they came.

    Raises
    ------
    ValueError
        If there is no such zone, a text is no time, the clocks never showed it, or some times say
        their distance from universal time and others do not.
    """
    place = zone_named(zone)
    found: list[int] = []
    aware: bool | None = None
    for number, text in enumerate(times):
        time = _read(text, format, number)
        if aware is not None and aware != (time.tzinfo is not None):
            raise ValueError(
                f"times should all say their distance from universal time, or none: "
                f"number {number} is {text!s}"
            )
        aware = time.tzinfo is not None
        if time.tzinfo is None:
            time = _on_the_wall(time, place, found[-1] if found else None, number)
        if time.microsecond:
            raise ValueError(f"times should be whole seconds, got {text!s} (number {number})")
        found.append(int(time.timestamp()))
    return found


def _read(text: str | datetime, format: str | None, number: int) -> datetime:
    if isinstance(text, datetime):
        return text
    try:
        return datetime.strptime(text, format) if format else datetime.fromisoformat(text.strip())
    except (ValueError, TypeError, AttributeError) as error:
        wanted = f"written as {format!r}" if format else "ISO 8601, such as '2000-06-05 00:30'"
        raise ValueError(
            f"times should be {wanted}, got {text!r} (number {number})"
            + ("" if format else "; format= says how others are written")
        ) from error


def _on_the_wall(time: datetime, zone: ZoneInfo, before: int | None, number: int) -> datetime:
    """Return a time of a zone's clocks; of two that look alike, the one that fits the order."""
    first = time.replace(tzinfo=zone, fold=0)
    if local_time(int(first.timestamp()), zone).replace(tzinfo=None, fold=0) != time.replace(
        microsecond=0, fold=0
    ):
        raise ValueError(
            f"times should be such as clocks in {zone.key} have shown, got {time} "
            f"(number {number}), which was skipped when they were put forward"
        )
    late = before is not None and first.timestamp() <= before
    return first.replace(fold=1) if late else first
