"""The series in a table: which column holds times, which ones values, and what is wrong with them.

A column that is not named is found where only one can be meant. Messages speak of options, as a
caller of the command knows them.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from txlite.cli._console import WrongCall
from txlite.data.series import Series
from txlite.data.series_files import read_series, read_table

__all__ = ["read_columns"]

_NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?")
_NOTHING = {"", "na", "n/a", "nan", "null", "none", "-", "?"}
_OPTIONS = {"format": "time-format"}
_ARGUMENT = re.compile(r"\b(fill|zone|format|step|season|decimal)=")


def read_columns(
    path: Path,
    *,
    time: str | None = None,
    values: Sequence[str] = (),
    zone: str = "UTC",
    step: str | None = None,
    fill: str = "refuse",
    season: int | None = None,
    format: str | None = None,
    decimal: str | None = None,
) -> list[Series]:
    """Read the series of a table.

    Parameters
    ----------
    path : Path
        A file with commas, semicolons or tabs, whose first line names the columns.
    time : str, optional
        The column of times. By default the first that holds times in ISO 8601.
    values : sequence of str
        The columns of values. By default the only other one that holds numbers.
    zone : str
        Whose clocks have shown the times.
    step : str, optional
        From one row to the next; by default what most rows are apart.
    fill : str
        What is done where a stamp or a value is missing: ``"refuse"``, ``"last"`` or ``"season"``.
    season : int, optional
        How many steps a season has, for ``"season"``.
    format : str, optional
        How times are written, where it is not ISO 8601.
    decimal : str, optional
        ``"."`` or ``","``; by default found.

    Returns
    -------
    list of Series
        One for each column of values, in the order in which they are named.

    Raises
    ------
    ValueError
        If the file cannot be read, a column is not there or not plain, or rows make no series.
    """
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    try:
        table = read_table(path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    time = _time_column(table, format) if time is None else _known("time", time, table)
    if zone == "UTC" and _says_distance(table[time][0], format):
        zone = "Etc/UTC"  # the same clocks; in a zone that is named, times say their distance
    others = [name for name in table if name != time]
    columns = [_known("value", name, others) for name in values] or [_only(table, others)]
    if len(set(columns)) < len(columns):
        raise WrongCall(f"--value should name a column once, got {', '.join(columns)}")
    seasonal = season if fill == "season" else None
    found = []
    for column in columns:
        try:
            found.append(
                read_series(
                    path, time=time, value=column, zone=zone, step=step, fill=fill,
                    season=seasonal, format=format, decimal=decimal,
                )
            )  # fmt: skip
        except ValueError as error:
            raise ValueError(f"{path}: {_in_options(str(error))}") from None
    return found


def _known(option: str, name: str, names: Sequence[str] | dict[str, list[str]]) -> str:
    """Return the name of a column that is there."""
    if name not in names:
        raise WrongCall(f"--{option} should be one of {', '.join(names)}, got {name}")
    return name


def _time_column(table: dict[str, list[str]], format: str | None) -> str:
    """Return the first column that holds times."""
    for name, cells in table.items():
        there = [cell for cell in (cells[0], cells[-1]) if cell]
        if there and all(_is_time(cell, format) for cell in there):
            return name
    wanted = f"as {format!r} says" if format else "such as 2024-01-31 or 2024-01-31 12:30"
    more = "" if format else "; --time-format says how others are written, such as %d.%m.%Y"
    raise WrongCall(
        f"--time should name the column of times: none of {', '.join(table)} holds any {wanted}"
        f"{more}"
    )


def _is_time(cell: str, format: str | None) -> bool:
    try:
        datetime.strptime(cell, format) if format else datetime.fromisoformat(cell)
    except ValueError:
        return False
    return format is not None or not cell.isdigit()  # 20240131 is a number as well


def _says_distance(cell: str, format: str | None) -> bool:
    """Whether a time says how far it is from universal time, as +02:00 does."""
    try:
        time = datetime.strptime(cell, format) if format else datetime.fromisoformat(cell)
    except ValueError:  # it is said where all times are read
        return False
    return time.tzinfo is not None


def _only(table: dict[str, list[str]], others: Sequence[str]) -> str:
    """Return the only column that holds numbers."""
    found = [name for name in others if _numeric(table[name])]
    if len(found) != 1:
        told = "none holds numbers" if not found else f"one of {', '.join(found)}"
        more = "" if not found else ", or several: --value may be said more than once"
        raise WrongCall(f"--value should name the column to forecast: {told}{more}")
    return found[0]


def _numeric(cells: Sequence[str]) -> bool:
    there = [cell for cell in cells if cell.lower() not in _NOTHING]
    return bool(there) and all(_NUMBER.fullmatch(cell) for cell in there)


def _in_options(message: str) -> str:
    """Return a message in which an argument is called as the option that sets it."""
    said = _ARGUMENT.sub(lambda m: f"--{_OPTIONS.get(m[1], m[1])} ", message)
    return " ".join(said.split())
