"""Which chapter derives which public name: read from its section “What you built”.

A page without cells may explain names too, in a section “What this page explains”.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import nbformat

SECTIONS = ("what you built", "what this page explains")
HEADING = re.compile(r"^(#+)\s+(.*?)\s*$")
ROLE = re.compile(r"\{py:\w+\}`(?:[^`<]*<)?[~!]?(txlite[\w.]*)>?`")


def built(markdown: str) -> set[str]:
    """Return the names that the text's section “What you built” or “… explains” links to.

    Parameters
    ----------
    markdown : str
        The text of a chapter or page. The section ends at the next heading of its own level or
        above.

    Returns
    -------
    set of str
        Full names, for instance ``txlite.nn.attention_weights``.
    """
    names: set[str] = set()
    level = 0  # of the section's heading; 0 outside the section
    for line in markdown.splitlines():
        heading = HEADING.match(line)
        if heading and (not level or len(heading[1]) <= level):
            named = any(section in heading[2].lower() for section in SECTIONS)
            level = len(heading[1]) if named else 0
        elif level:
            names.update(ROLE.findall(line))
    return names


def text(path: Path) -> str:
    """Return the Markdown of a notebook, cell after cell, or of a page."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    notebook = nbformat.read(path, as_version=4)
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def derivations(pages: Iterable[Path]) -> dict[str, list[str]]:
    """Return, for each name, the file stems of the pages that derive it, in reading order."""
    found = defaultdict(list)
    for path in pages:
        for name in sorted(built(text(path))):
            found[name].append(path.stem)
    return dict(found)


def number(stem: str) -> int | None:
    """Return a chapter's number: 2 for ``02_scaled_dot_product``."""
    digits = stem.partition("_")[0]
    return int(digits) if digits.isdecimal() else None
