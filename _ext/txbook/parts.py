"""Which chapter explains which part of the machine: read from the chapters' cards.

A card's ``:part:`` names parts of the strip that stands above the chapter. The strip shows them
lit, those of earlier chapters filled, and leads to the living map of the welcome page; the map in
turn says which chapter explains what is open.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from txbook.chapters import number, text
from txbook.tables import FOLDER, listed, option

__all__ = ["Explained", "Place", "explained", "place", "script"]

MAP = "book/welcome"
ANCHOR = "fig-living-map"


class Explained(NamedTuple):
    """A chapter, by the file that holds it, and the parts that its card names."""

    stem: str
    title: str
    parts: tuple[str, ...]


class Place(NamedTuple):
    """What a chapter's strip shows."""

    here: tuple[str, ...]
    passed: tuple[str, ...]


def named(line: str) -> tuple[str, ...]:
    """Return the parts that a card's line names, parted by commas."""
    return tuple(part.strip() for part in line.split(",") if part.strip())


@cache
def explained(root: Path) -> tuple[Explained, ...]:
    """Return all chapters in reading order with their parts; a card without a line is an error."""
    found = []
    for _, stem in listed(root):
        markdown = text(root / FOLDER / f"{stem}.ipynb")
        title = markdown.lstrip().partition("\n")[0].removeprefix("# ").strip()
        found.append(Explained(stem, title, named(option(markdown, "part", stem))))
    return tuple(found)


def place(root: Path, docname: str) -> Place:
    """Return what the strip of a page shows: its own parts, and those of the chapters before it."""
    passed: dict[str, None] = {}
    for chapter in explained(root):
        if docname == f"{FOLDER}{chapter.stem}":
            return Place(chapter.parts, tuple(passed))
        passed |= dict.fromkeys(part for part in chapter.parts if part != "all")
    return Place((), tuple(passed))


def chapters(root: Path) -> dict[str, list[Explained]]:
    """Return for each part the chapters that explain it."""
    found: dict[str, list[Explained]] = {}
    for chapter in explained(root):
        for part in chapter.parts:
            found.setdefault(part, []).append(chapter)
    return found


def script(root: Path, pathto: Callable[[str], Any]) -> str:
    """Return what a page tells its map: number, title and address of the chapters of each part."""
    known = {
        part: [
            {"number": number(c.stem), "title": c.title, "href": pathto(f"{FOLDER}{c.stem}")}
            for c in found
        ]
        for part, found in chapters(root).items()
    }
    data = json.dumps(known, ensure_ascii=False).replace("<", "\\u003c")
    return f'<script type="application/json" class="tx-chapters">{data}</script>'
