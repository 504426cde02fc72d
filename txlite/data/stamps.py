"""When something was measured: seconds since 1970, and what the clocks showed then.

A stamp is a whole number of seconds since the first of January 1970, in universal time: there is no
hour that comes twice, and none that is missing. What clocks on a wall show needs a zone as well,
by its name in the IANA's list.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

__all__ = ["local_time", "said", "seconds_since_1970", "zone_named"]


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
