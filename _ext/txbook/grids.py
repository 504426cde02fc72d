"""A table of a page: its heads, and rows of whatever nodes stand in their cells."""

from collections.abc import Iterable, Sequence

from docutils import nodes


def row(cells: Iterable[nodes.Node]) -> nodes.row:
    """Return a row of a table."""
    found = nodes.row()
    found += [nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells]
    return found


def grid(
    heads: Sequence[str], widths: Sequence[int], rows: Iterable[nodes.row], classes: list[str]
) -> nodes.table:
    """Return a table; a width is a column's share, in per cent."""
    group = nodes.tgroup(cols=len(heads))
    group += [nodes.colspec(colwidth=width) for width in widths]
    group += nodes.thead("", row([nodes.Text(head) for head in heads]))
    group += nodes.tbody("", *rows)
    return nodes.table("", group, classes=classes)
