"""What a release says: ``python -m txbook.release v0.2.0`` prints the tag's part of the changelog.

The version stands in ``txlite/__init__.py`` alone. The release fails where the tag names another
one, or where the changelog does not say on which day it came.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEADING = re.compile(r"^## (\S+) — (.+)$", re.MULTILINE)
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def version(root: Path) -> str:
    """Return the package's version, read without importing it."""
    source = (root / "txlite" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)
    if not found:
        raise ValueError("txlite/__init__.py should say __version__ once")
    return found[1]


def section(changelog: str, wanted: str) -> tuple[str, str]:
    """Return when a version came and what it brought."""
    headings = list(HEADING.finditer(changelog))
    for heading, following in zip(headings, [*headings[1:], None], strict=False):
        if heading[1] == wanted:
            end = following.start() if following else len(changelog)
            return heading[2].strip(), changelog[heading.end() : end].strip()
    raise ValueError(f"CHANGELOG.md should have a section “## {wanted} — YYYY-MM-DD”")


def notes(root: Path, tag: str) -> str:
    """Return the notes of the release that a tag names."""
    here = version(root)
    if tag != f"v{here}":
        raise ValueError(f"the tag should be v{here}, as txlite/__init__.py says, got {tag}")
    day, text = section((root / "CHANGELOG.md").read_text(encoding="utf-8"), here)
    if not DAY.fullmatch(day):
        raise ValueError(f"CHANGELOG.md should say on which day {here} came, got “{day}”")
    if not text:
        raise ValueError(f"CHANGELOG.md says nothing of {here}")
    return text


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Print the notes; return an exit status."""
    try:
        (tag,) = arguments
        print(notes(root, tag))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
