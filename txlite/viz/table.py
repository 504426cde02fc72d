"""A small table for the page, with a plain-text twin for terminals and for comparisons."""

import html
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from txlite.viz.output import emit
from txlite.viz.theme import TABLE_CSS

__all__ = ["Cell", "Table", "table"]

Cell = str | int | float | bool | None


@dataclass(frozen=True)
class Table:
    """Rows of text under a caption.

    Jupyter, Colab and the book show HTML; a terminal and a comparison of outputs see the twin in
    plain text, which is the same for the same rows.

    Parameters
    ----------
    caption : str
        What the table shows.
    columns : tuple of str
        The columns' names.
    rows : tuple of tuples of str
        The cells as they are written.
    numeric : tuple of bool
        For each column, whether it holds numbers, which stand to the right.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]

    def _repr_html_(self) -> str:
        head = "".join(
            f'<th scope="col"{_side(number)}>{html.escape(name)}</th>'
            for name, number in zip(self.columns, self.numeric, strict=True)
        )
        body = "".join(f"<tr>{self._row(row)}</tr>" for row in self.rows)
        caption = html.escape(self.caption)
        return (
            f'<div class="tx-table" role="region" aria-label="{caption}" tabindex="0">'
            f"<style>{TABLE_CSS}</style><table><caption>{caption}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def _row(self, row: tuple[str, ...]) -> str:
        first = f'<th scope="row"{_side(self.numeric[0])}>{html.escape(row[0])}</th>'
        cells = zip(row[1:], self.numeric[1:], strict=True)
        return first + "".join(f"<td{_side(n)}>{html.escape(cell)}</td>" for cell, n in cells)

    def __repr__(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(_width(line[j]) for line in lines) for j in range(len(self.columns))]
        rule = "  ".join("-" * width for width in widths)
        written = ["  ".join(map(_pad, line, widths, self.numeric)).rstrip() for line in lines]
        return "\n".join([self.caption, "", written[0], rule, *written[1:]])


def table(
    rows: Sequence[Sequence[Cell]] | Sequence[Mapping[str, Cell]],
    *,
    caption: str,
    columns: Sequence[str] | None = None,
    formats: Mapping[str, str] | None = None,
) -> None:
    """Display a table.

    Parameters
    ----------
    rows : sequence of sequences, or of mappings from column to cell
        Cells are text, numbers, or None for an empty one. The first column names the row.
    caption : str
        What the table shows.
    columns : sequence of str, optional
        The columns' names, or which of the mappings' keys to show. Needed unless the rows are
        mappings.
    formats : mapping of str to str, optional
        The format of a column's numbers, for instance ``{"loss": ".3f"}``. By default whole
        numbers get thousands separated by a narrow space and others three digits after the
        point.

    Raises
    ------
    ValueError
        If the caption is empty, the columns are missing, a format names no column, or a row has
        not one cell for each column.

    Examples
    --------
    >>> table([["LSTM", 0.5], ["attention", 1.0]], caption="Recall", columns=["model", "accuracy"])
    Recall
    <BLANKLINE>
    model      accuracy
    ---------  --------
    LSTM          0.500
    attention     1.000
    """
    emit(_table(rows, caption, columns, formats or {}))


def _table(
    rows: Sequence[Sequence[Cell]] | Sequence[Mapping[str, Cell]],
    caption: str,
    columns: Sequence[str] | None,
    formats: Mapping[str, str],
) -> Table:
    if not caption.strip():
        raise ValueError(f"caption should say what the table shows, got {caption!r}")
    if columns is None and rows and isinstance(rows[0], Mapping):
        columns = list(rows[0])
    if not columns:
        raise ValueError("columns should name at least one column, got none")
    if not set(formats) <= set(columns):
        raise ValueError(f"formats should name columns, got {sorted(set(formats) - set(columns))}")
    cells = [_cells(row, columns) for row in rows]
    text = tuple(tuple(map(_written, row, (formats.get(c) for c in columns))) for row in cells)
    numeric = tuple(_all_numbers([row[j] for row in cells]) for j in range(len(columns)))
    return Table(caption, tuple(columns), text, numeric)


def _cells(row: Sequence[Cell] | Mapping[str, Cell], columns: Sequence[str]) -> list[Cell]:
    if isinstance(row, Mapping):
        missing = [name for name in columns if name not in row]
        if missing:
            raise ValueError(f"rows should have every column, one lacks {missing}")
        return [row[name] for name in columns]
    if len(row) != len(columns):
        raise ValueError(f"rows should have {len(columns)} cells each, got one with {len(row)}")
    return list(row)


def _all_numbers(cells: Sequence[Cell]) -> bool:
    given = [cell for cell in cells if cell is not None]
    return bool(given) and all(type(cell) in (int, float) for cell in given)


def _written(cell: Cell, spec: str | None) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, str):
        return cell
    if spec is None and isinstance(cell, int):
        return f"{cell:,}".replace(",", "\N{NARROW NO-BREAK SPACE}").replace("-", "−")
    return format(cell, spec or ".3f").replace("-", "−")


def _side(number: bool) -> str:
    return ' class="tx-number"' if number else ""


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _pad(text: str, width: int, number: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if number else text + space
