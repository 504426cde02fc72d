"""``{page-weights}``: what ``make weigh`` has measured of the pages, as a table."""

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from txbook.grids import grid, row

RECORD = Path("book", "weights.json")
HEADS = ("Page", "Bytes", "First paint", "Live", "First step")
WIDTHS = (32, 14, 18, 18, 18)


class PageWeights(SphinxDirective):
    """``{page-weights}``: one row for each page of ``book/weights.json``."""

    def run(self) -> list[nodes.Node]:
        """Return the table, and above it how it was measured."""
        file = Path(self.config.txbook_root, RECORD)
        self.env.note_dependency(str(file))
        if not file.exists():
            return [nodes.paragraph("", "No pages have been weighed yet.")]
        found = json.loads(file.read_text(encoding="utf-8"))
        return [nodes.paragraph("", told(found)), table(found["pages"])]


def told(found: dict[str, Any]) -> str:
    """Return how the pages were measured, in sentences."""
    return (
        f"Measured on {found['machine']}, {found['date']}, in Chromium with a processor slowed "
        f"{found['slowed']} times and an empty cache: medians of {found['runs']} visits. Beside "
        "each time stands its ratio to the first paint of an empty page on the same machine."
    )


def table(pages: list[dict[str, Any]]) -> nodes.table:
    """Return a row for each page: its weight, and when it was there."""
    rows = (row(map(nodes.Text, cells(page))) for page in pages)
    return grid(HEADS, WIDTHS, rows, ["tx-costs", "tx-weights"])


def cells(page: dict[str, Any]) -> tuple[str, ...]:
    """Return what a row says; times without a figure on the page are left empty."""
    name = page["page"].rpartition("/")[2].removesuffix(".html").replace("_", " ")
    weight = f"{page['bytes'] / 1000:.0f} kB in {page['requests']} requests"
    paint = f"{page['paint']:,} ms ({page['paint_ratio']} ×)"
    live = "" if page["live"] is None else f"{page['live']:,} ms ({page['live_ratio']} ×)"
    step = "" if page["step"] is None else f"{page['step']:,} ms"
    return name, weight, paint, live, step
