"""``make new-chapter N=16 NAME=bert TITLE="BERT"``: a chapter that has every part and runs.

Its text is ``new_chapter.md``, in which each part stands as short as it may; ``_toc.yml`` and the
tables of chapters take it in. What is left is to replace every sentence of it.
"""

import os
import re
import sys
from pathlib import Path

import jupytext
import nbformat
import yaml

from txbook import tables
from txbook.chapters import number as number_of
from txbook.outputs import COMPARED, strip

TEMPLATE = Path(__file__).with_suffix(".md")
PART = "    numbered: 1\n    chapters:\n"
METADATA = {
    "jupytext": {"default_lexer": "ipython3"},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
}
HEADER = "---\njupytext:\n  text_representation:\n    format_name: myst\n---\n\n"
SAYS = re.compile(r'^print\("(.*)"\)$', re.MULTILINE)


def notebook(number: int, name: str, title: str, repository: str) -> nbformat.NotebookNode:
    """Return the chapter, filled in from the template."""
    words = {"number": str(number), "name": name, "title": title, "repository": repository}
    source = TEMPLATE.read_text(encoding="utf-8")
    source = re.sub(r"@(\w+)@", lambda found: words[found[1]], source)
    made = jupytext.reads(HEADER + source, fmt="md:myst")
    made.metadata = nbformat.from_dict(METADATA)
    for count, cell in enumerate((c for c in made.cells if c.cell_type == "code"), start=1):
        if COMPARED in cell.metadata.get("tags", []):
            said = "".join(f"{text}\n" for text in SAYS.findall(cell.source))
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=said)]
            cell.execution_count = count
    return strip(made)


def listed(toc: str, stem: str, part: str | None) -> str:
    """Return ``_toc.yml`` with the chapter at its place: in its part, by its number.

    Parameters
    ----------
    toc : str
        The file's text; what is not concerned stays as it is, comments too.
    stem : str
        The chapter's file without its ending.
    part : str, optional
        The caption of its part, which is made where there is none after the last one with
        chapters; without it, the last part with chapters.
    """
    lines = toc.splitlines(keepends=True)
    here = [i for i, line in enumerate(lines) if f"- file: {tables.FOLDER}" in line]
    captions = {line.partition("- caption: ")[2].strip(): i for i, line in enumerate(lines)}
    new = f"      - file: {tables.FOLDER}{stem}\n"
    if part is not None and part not in captions:
        lines[here[-1] + 1 : here[-1] + 1] = [f"  - caption: {part}\n", PART, new]
        return "".join(lines)
    if part is not None:
        begin = captions[part]
        end = min((i for i in captions.values() if i > begin), default=len(lines))
        here = [i for i in here if begin < i < end]
    if not here:
        raise ValueError(f"part should be one with chapters or a new one, got {part!r}")
    own = number_of(stem) or 0
    before = [i for i in here if (number_of(_stem(lines[i])) or 0) < own]
    lines.insert(before[-1] + 1 if before else here[0], new)
    return "".join(lines)


def _stem(line: str) -> str:
    return line.partition(tables.FOLDER)[2].strip()


def refuse(root: Path, number: int, name: str, title: str) -> None:
    """Raise a ValueError that says why there can be no such chapter."""
    if not 1 <= number <= 99:
        raise ValueError(f"N should be from 1 to 99, got {number}")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"NAME should be small letters, digits and _, got {name!r}")
    if not title.strip() or re.search(r"[\n\"`|\\@\[\]]", title):
        raise ValueError(f"TITLE should be a line of plain words, got {title!r}")
    for path in sorted((root / "chapters").glob("[0-9]*.ipynb")):
        if number_of(path.stem) == number:
            raise ValueError(f"N should be a number without a chapter, got {number}: {path.name}")
        if path.stem.partition("_")[2] == name:
            raise ValueError(f"NAME should be one without a chapter, got {name!r}: {path.name}")


def make(root: Path, number: int, name: str, title: str, part: str | None = None) -> Path:
    """Write the chapter, list it, and return its path; where it is refused, nothing changes."""
    refuse(root, number, name, title)
    stem = f"{number:02}_{name}"
    path, toc = root / "chapters" / f"{stem}.ipynb", root / "_toc.yml"
    page = listed(toc.read_text(encoding="utf-8"), stem, part)
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    made = notebook(number, name, title, config["repository"]["url"])
    scratch = path.with_suffix(".part")
    nbformat.write(made, scratch)
    os.replace(scratch, path)
    toc.write_text(page, encoding="utf-8", newline="\n")
    tables.refresh(root)
    return path


def begin(root: Path, number: int, name: str, title: str, part: str | None) -> int:
    """Make a chapter, say what is next; return an exit status."""
    try:
        path = make(root, number, name, title, part or None)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{path.relative_to(root)} has every part and is listed in _toc.yml, README.md and")
    print("book/welcome.md. Write it, then: make outputs")
    return 0
