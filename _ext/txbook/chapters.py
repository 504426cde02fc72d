"""Which chapter derives which public name: read from its section “What you built”."""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import nbformat

SECTION = "what you built"
HEADING = re.compile(r"^(#+)\s+(.*?)\s*$")
ROLE = re.compile(r"\{py:\w+\}`(?:[^`<]*<)?[~!]?(txlite[\w.]*)>?`")


def built(markdown: str) -> set[str]:
    """Return the names that the text's “What you built” section links to.

    Parameters
    ----------
    markdown : str
        A chapter's text. The section ends at the next heading of its own level or above.

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
            level = len(heading[1]) if SECTION in heading[2].lower() else 0
        elif level:
            names.update(ROLE.findall(line))
    return names


def text(path: Path) -> str:
    """Return the Markdown of a notebook, cell after cell."""
    notebook = nbformat.read(path, as_version=4)
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def derivations(notebooks: Iterable[Path]) -> dict[str, list[str]]:
    """Return, for each name, the file stems of the chapters that derive it, in reading order."""
    found = defaultdict(list)
    for path in notebooks:
        for name in sorted(built(text(path))):
            found[name].append(path.stem)
    return dict(found)


def number(stem: str) -> int | None:
    """Return a chapter's number: 2 for ``02_scaled_dot_product``."""
    digits = stem.partition("_")[0]
    return int(digits) if digits.isdecimal() else None
