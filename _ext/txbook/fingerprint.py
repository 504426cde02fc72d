"""One short name for the content of a set of files: what tells a cache that it is out of date."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

IGNORED = {"__pycache__", "_build"}  # and folders that tools hide, such as .ruff_cache
# What the pages depend on.
PACKAGE = ("txlite", "constraints.txt", "pyproject.toml")
BOOK = (*PACKAGE, "_config.yml", "_toc.yml", "_ext", "assets", "book", "chapters", "references.bib")
# A package's page links its tests, so that their names count; their content does not.
NAMED = ("tests",)


def files(root: Path, names: Iterable[str]) -> Iterator[Path]:
    """Yield the files that ``names`` (files or folders) stand for, in a fixed order."""
    for name in names:
        path = root / name
        if path.is_file():
            yield path
            continue
        for file in sorted(path.rglob("*")):
            above = file.relative_to(root).parts[:-1]
            ignored = any(part in IGNORED or part.startswith(".") for part in above)
            if file.is_file() and not ignored and file.suffix != ".pyc":
                yield file


def fingerprint(root: Path, names: Iterable[str] = BOOK, *, extra: str = "") -> str:
    """Return 16 hexadecimal digits that change when a file's name or content does.

    Parameters
    ----------
    root : Path
        The repository's root.
    names : iterable of str
        Files and folders below it.
    extra : str
        Anything else that the result depends on, for instance the budget.
    """
    digest = hashlib.sha256(extra.encode())
    for file in files(root, names):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def names_only(root: Path, names: Iterable[str] = NAMED) -> str:
    """Return the files' names, one to a line: for what is linked but not read."""
    return "\n".join(file.relative_to(root).as_posix() for file in files(root, names))
