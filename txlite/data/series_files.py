"""Series from files: a table with commas, semicolons or tabs, a column of times and one of values.

What a spreadsheet writes is read: a byte order mark, either end of line, a comma as the decimal
sign. What could be meant in two ways is asked for, not guessed.
"""

import csv
import math
import re
from collections.abc import Sequence
from pathlib import Path

from txlite._checks import check_choice
from txlite.data.series import Series, build_series
from txlite.data.steps import Step

__all__ = ["read_series", "read_table"]

_NOTHING = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "?"})
_DELIMITERS = (",", ";", "\t")


def read_table(text: str | Path, delimiter: str | None = None) -> dict[str, list[str]]:
    """Return the columns of a table by their names.

    Parameters
    ----------
    text : str or Path
        What is in a file, or where it lies: a path is a ``Path``, never a text.
    delimiter : str, optional
        What stands between two columns. By default the one of ``,``, ``;`` and tab that the first
        line has most of.

    Returns
    -------
    dict of str to list of str
        Equally long; the first line gives the names. Lines without any character are left out.

    Raises
    ------
    ValueError
        If there is no file or no row, a name is empty or comes twice, or a row has another number
        of cells than the first line.
    """
    if isinstance(text, Path):
        try:
            text = text.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"text should be a file in UTF-8, got {text}: {error}") from error
    lines = text.removeprefix("\ufeff").splitlines()
    lines_there = [(n, line) for n, line in enumerate(lines, 1) if line.strip()]
    if len(lines_there) < 2:
        raise ValueError(
            f"text should have names and at least one row, got {len(lines_there)} lines"
        )
    first = lines_there[0][1]
    delimiter = max(_DELIMITERS, key=first.count) if delimiter is None else delimiter
    rows = list(csv.reader((line for _, line in lines_there), delimiter=delimiter))
    names = [name.strip() for name in rows[0]]
    if not all(names) or len(set(names)) < len(names):
        raise ValueError(f"the first line should name each column once, got {names}")
    for (number, _), row in zip(lines_there, rows, strict=False):
        if len(row) != len(names):
            raise ValueError(f"line {number} should have {len(names)} cells, got {len(row)}")
    return {name: [row[n].strip() for row in rows[1:]] for n, name in enumerate(names)}


def read_series(
    text: str | Path,
    *,
    time: str | None = None,
    value: str | None = None,
    zone: str = "UTC",
    step: str | Step | None = None,
    fill: str = "refuse",
    season: int | None = None,
    unit: str = "",
    format: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
) -> Series:
    r"""Return the series that a table holds.

    Parameters
    ----------
    text : str or Path
        What is in a file, or where it lies (:func:`read_table`).
    time, value : str, optional
        Names of columns. By default the first column is the times, and there is one other.
    zone : str
        Whose clocks have shown the times, by the IANA's name.
    step : str or Step, optional
        By default the one that most rows are apart.
    fill : str
        What is done about gaps, as :func:`build_series` has it.
    season : int, optional
        How many steps a season has, for ``fill="season"``.
    unit : str
        In what the values are measured.
    format : str, optional
        How times are written, where it is not ISO 8601.
    delimiter : str, optional
        As :func:`read_table` has it.
    decimal : str, optional
        ``"."`` or ``","``. By default ``","`` where some value has a comma and none has a point.
        It has to be said where each comma might stand between thousands as well: ``"1,234"``.

    Returns
    -------
    Series
        With the column's name.

    Raises
    ------
    ValueError
        If a column is not there, which one is meant is open, a cell is no number, or what a comma
        in it means is open, or the times and values make no series (:func:`build_series`).

    Examples
    --------
    >>> read_series("day,load\n2024-01-01,3.5\n2024-01-02,4\n2024-01-03,5").values.tolist()
    [3.5, 4.0, 5.0]
    """
    table = read_table(text, delimiter)
    names = list(table)
    time = names[0] if time is None else time
    check_choice("time", time, table)
    others = [name for name in names if name != time]
    if value is None and len(others) != 1:
        raise ValueError(f"value should be one of {', '.join(others)}, got None")
    value = others[0] if value is None else value
    check_choice("value", value, table)
    cells = table[value]
    decimal = _decimal(cells, value) if decimal is None else decimal
    check_choice("decimal", decimal, (".", ","))
    numbers = [_number(cell, decimal, value, row) for row, cell in enumerate(cells, 1)]
    return build_series(
        numbers, table[time], zone=zone, step=step, fill=fill, season=season, name=value,
        unit=unit, format=format,
    )  # fmt: skip


def _decimal(cells: Sequence[str], name: str) -> str:
    """Return the sign that stands in the cells: a comma if there is one, and no point."""
    signs = {sign for cell in cells for sign in ".," if sign in cell}
    if signs != {","}:
        return "."
    commas = [(cell, row) for row, cell in enumerate(cells, 1) if "," in cell]
    if all(re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+", cell) for cell, _ in commas):
        cell, row = commas[0]
        raise ValueError(
            f"{name} should hold numbers that can be read in one way, got {cell!r} in row {row}; "
            "decimal= says whether a comma stands before decimals"
        )
    return ","


def _number(cell: str, decimal: str, name: str, row: int) -> float:
    """Return the number in a cell; NaN where nothing was measured."""
    if cell.lower() in _NOTHING:
        return math.nan
    plain = cell.replace(",", ".") if decimal == "," else cell
    number = float(plain) if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", plain) else None
    if number is None or math.isinf(number):
        raise ValueError(f"{name} should hold numbers with {decimal!r}, got {cell!r} in row {row}")
    return number
