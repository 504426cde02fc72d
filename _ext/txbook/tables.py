"""The tables of chapters in README.md and on the welcome page, written from the chapters.

``_toc.yml`` gives the order and the parts, a chapter its title and two lines of its card:
``:question:`` for the README, and ``:road:`` for the welcome page, where ``[square brackets]``
stand around the words that become the link.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from txbook.chapters import number, text

FOLDER = "chapters/"
WRITTEN = "written by python -m txbook tables"


@dataclass(frozen=True)
class Chapter:
    """What a table says of a chapter."""

    stem: str
    part: str
    title: str
    question: str
    road: str

    @property
    def number(self) -> int:
        """The number in the file's name."""
        found = number(self.stem)
        if found is None:
            raise ValueError(f"a chapter's file begins with its number, got {self.stem}")
        return found


def listed(root: Path) -> list[tuple[str, str]]:
    """Return (part, file stem) of every chapter in the order of ``_toc.yml``, if it has any."""
    toc: dict[str, Any] = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    return [
        (part.get("caption", ""), entry["file"].removeprefix(FOLDER))
        for part in toc.get("parts", [])
        for entry in part["chapters"]
        if entry.get("file", "").startswith(FOLDER)
    ]


def option(markdown: str, name: str, stem: str) -> str:
    """Return a line of the chapter's card.

    Raises
    ------
    ValueError
        If the card has no such line.
    """
    card = re.search(r"^```\{chapter-card\}\n(.*?)^```", markdown, re.MULTILINE | re.DOTALL)
    found = re.search(rf"^:{name}: +(\S.*)$", card[1] if card else "", re.MULTILINE)
    if not found:
        raise ValueError(f"the card of {stem} needs a line :{name}:")
    return found[1].strip()


def read(root: Path) -> list[Chapter]:
    """Return all chapters in reading order; a title counts up to its first comma."""
    found = []
    for part, stem in listed(root):
        markdown = text(root / FOLDER / f"{stem}.ipynb")
        title = markdown.lstrip().partition("\n")[0].removeprefix("# ").partition(",")[0].strip()
        question, road = (option(markdown, name, stem) for name in ("question", "road"))
        found.append(Chapter(stem, part, title, question, road))
    return found


def questions(chapters: list[Chapter]) -> str:
    """Return the README's table: a row for a chapter."""
    rows = [f"| [{c.number} {c.title}]({FOLDER}{c.stem}.ipynb) | {c.question} |" for c in chapters]
    return "\n".join(["| chapter | the question |", "|---|---|", *rows])


def roads(chapters: list[Chapter]) -> str:
    """Return the welcome page's table: a row for a part, a sentence for its chapters."""
    rows = []
    for part in dict.fromkeys(c.part for c in chapters):
        *most, last = (_linked(c) for c in chapters if c.part == part)
        sentence = ", ".join([*most, f"and {last}" if most else last])
        rows.append(f"| {part} | {_capital(sentence)} |")
    return "\n".join(["| part | what you will have built |", "|---|---|", *rows])


def _linked(chapter: Chapter) -> str:
    target = f"/{FOLDER}{chapter.stem}"
    linked, found = re.subn(r"\[(.+?)\]", rf"{{doc}}`\1 <{target}>`", chapter.road, count=1)
    if not found:
        raise ValueError(f"the :road: of {chapter.stem} needs [brackets] around its link")
    return linked


def _capital(sentence: str) -> str:
    """Return the sentence with its first word, which may stand in a role, in a capital letter."""
    return re.sub(r"^(\{doc\}`)?(.)", lambda m: (m[1] or "") + m[2].upper(), sentence)


@dataclass(frozen=True)
class Table:
    """A file, the comments between which its table stands, and what writes the table."""

    file: str
    begin: str
    end: str
    write: Callable[[list[Chapter]], str]

    def filled(self, page: str, chapters: list[Chapter]) -> str:
        """Return the page with its table written anew."""
        before, begin, rest = page.partition(f"{self.begin}\n")
        _, end, after = rest.partition(f"\n{self.end}")
        if not begin or not end:
            raise ValueError(f"{self.file} needs the lines {self.begin!r} and {self.end!r}")
        return f"{before}{begin}\n{self.write(chapters)}\n{end}{after}"


TABLES = (
    Table("README.md", f"<!-- chapters: {WRITTEN} -->", "<!-- end of chapters -->", questions),
    Table("book/welcome.md", f"% chapters: {WRITTEN}", "% end of chapters", roads),
)


def written(root: Path) -> dict[Path, str]:
    """Return every page with a table, as it should read."""
    chapters = read(root)
    paths = {root / table.file: table for table in TABLES}
    return {
        path: table.filled(path.read_text(encoding="utf-8"), chapters)
        for path, table in paths.items()
    }


def refresh(root: Path) -> list[Path]:
    """Write the tables; return the files that changed."""
    changed = []
    for path, page in written(root).items():
        if path.read_text(encoding="utf-8") != page:
            path.write_text(page, encoding="utf-8", newline="\n")
            changed.append(path)
    return changed
