"""How long a chapter takes to read, and where it stands in the book."""

import re
from pathlib import Path
from typing import Any

from txbook.chapters import number
from txbook.tables import FOLDER, listed

WORDS_A_MINUTE = 200  # of prose with formulas, for readers of whom many read a second language
LINES_A_MINUTE = 12  # of code that is being understood
MARKUP = re.compile(
    r"```\{(?!exercise|solution|admonition|note|tip)[\w-]+\}.*?```|\{[\w:-]+\}|[#*`$|]"
)


def minutes(notebook: Any) -> float:
    """Return the minutes in which a notebook is read, cells included, no exercise solved."""
    words = lines = 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            words += len(MARKUP.sub(" ", cell.source).split())
        elif "remove-cell" not in cell.metadata.get("tags", []):
            lines += sum(1 for line in cell.source.splitlines() if line.strip())
    return words / WORDS_A_MINUTE + lines / LINES_A_MINUTE


def spoken(minutes: float) -> str:
    """Return a time as one says it: five minutes up to an hour, then quarters of an hour."""
    if minutes < 55:
        return f"{max(5, round(minutes / 5) * 5)} min"
    quarters = round(minutes / 15)
    return f"{quarters // 4} h" + ("", " ¼", " ½", " ¾")[quarters % 4].replace(" ", " ")


def place(root: Path, docname: str) -> tuple[str, int, int] | None:
    """Return (part, number, count) of a chapter by ``_toc.yml``; None for another page."""
    if not (root / "_toc.yml").exists():
        return None
    chapters = listed(root)
    stems = [stem for _, stem in chapters]
    stem = docname.removeprefix(FOLDER)
    if stem not in stems:
        return None
    part = chapters[stems.index(stem)][0]
    return part, number(stem) or 0, len(stems)
