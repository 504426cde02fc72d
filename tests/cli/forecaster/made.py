"""Tables of a few days, and a training that is over in a second."""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

__all__ = ["QUICK", "hours", "level", "table"]

QUICK = [
    "--d-model", "8", "--num-heads", "2", "--d-ff", "8", "--num-layers", "1", "--steps", "4",
    "--batch-size", "8", "--origins", "3", "--horizon", "6", "--context", "24", "--season", "12",
]  # fmt: skip


def level(i: int) -> float:
    """Return a wave of twelve steps that drifts a little."""
    return 20 + 3 * math.sin(math.pi * i / 6) + 0.01 * i + math.sin(i * i)


def hours(count: int, start: str = "2024-03-01", zone: str = "UTC") -> list[str]:
    """Return what clocks in a zone show, hour by hour of universal time."""
    first = datetime.fromisoformat(start).replace(tzinfo=UTC)
    walls = [(first + timedelta(hours=i)).astimezone(ZoneInfo(zone)) for i in range(count)]
    return [wall.strftime("%Y-%m-%d %H:%M") for wall in walls]


def table(
    path: Path,
    count: int = 150,
    *,
    times: Sequence[str] | None = None,
    value: Callable[[int], float] = level,
    names: Sequence[str] = ("when", "load"),
    sign: str = ".",
    between: str = ",",
    end: str = "\n",
    mark: str = "",
) -> Path:
    """Write a table of times and values."""
    times = hours(count) if times is None else times
    rows = [between.join(names)]
    for i, time in enumerate(times):
        more = [f"{value(i) * (k + 1):.4f}".replace(".", sign) for k in range(len(names) - 1)]
        rows.append(between.join([time, *more]))
    path.write_bytes((mark + end.join(rows) + end).encode("utf-8"))
    return path
