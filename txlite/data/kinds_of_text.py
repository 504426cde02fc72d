"""Four kinds of text that a byte-level language model can tell apart, all of them installed.

English from Python's manual, Python's own source code, French from the catalogues of two programs,
and names of Unicode's characters in capital letters. They share an alphabet and little else: which
bytes follow each other, how long words are, what a new line means. So one can ask what a model with
experts sends where. The first two differ a little from one release of Python to the next.

Sources
    Python's manual and library, PSF-2.0. Sphinx (BSD-2-Clause) and Django (BSD-3-Clause), by their
    translators. The Unicode Character Database, Unicode License v3.
"""

import ast
import re
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from pydoc_data.topics import topics
from typing import NamedTuple

from txlite._checks import check_positive
from txlite.data.catalogues import catalogue_text
from txlite.data.documents import Document, split_documents
from txlite.data.library import _ascii, _definitions
from txlite.data.unicode_names import unicode_names

__all__ = ["KINDS", "KindOfText", "kinds_of_text"]

KINDS = ("manual", "Python", "French", "names")
"""The four kinds, in the order of :func:`kinds_of_text`."""

MODULES = (
    "base64", "bdb", "calendar", "cmd", "codecs", "configparser", "contextlib", "copy", "csv",
    "fileinput", "filecmp", "fractions", "functools", "getopt", "gettext", "glob", "gzip", "heapq",
    "netrc", "plistlib", "poplib", "pprint", "profile", "queue", "random", "sched", "selectors",
    "shelve", "shlex", "string", "tempfile", "textwrap", "timeit", "trace", "uuid", "weakref",
)  # fmt: skip
"""Modules of which every Python since 3.11 has the source."""


class KindOfText(NamedTuple):
    """A kind's name, a text to learn from, and one that is held out."""

    name: str
    train: str
    test: str


def kinds_of_text(*, size: int = 100_000) -> tuple[KindOfText, ...]:
    """Return four kinds of text, each parted.

    Parameters
    ----------
    size : int
        About how many characters of each kind there are to learn from; of French there are 60,000.
        They are taken evenly from the beginning to the end of what there is.

    Returns
    -------
    tuple of KindOfText
        In the order of :data:`KINDS`. About a tenth as much is held out: whole topics, modules,
        messages and names, of which no paragraph stands in what is learned.

    Raises
    ------
    ValueError
        If the size is not positive, or a package with French messages is not installed.

    Examples
    --------
    >>> [kind.name for kind in kinds_of_text(size=2_000)]
    ['manual', 'Python', 'French', 'names']
    """
    size = check_positive("size", size)
    manual = split_documents(Document(name, _ascii(topics[name])) for name in sorted(topics))
    source = split_documents(Document(name, _source(name)) for name in MODULES)
    french = catalogue_text("fr", longest=60, shortest=1, one_in=10)
    names = unicode_names()
    held = -(-size // 10)
    parts = [
        (_beginnings(text.texts["train"], size), _beginnings(text.texts["test"], held))
        for text in (manual, source)
    ]
    for learned, asked in (
        ([pair.source for pair in french.train], [pair.source for pair in french.held_out]),
        ([one.name for one in names.train], [one.name for one in names.test]),
    ):
        parts.append((_evenly(learned, size), _evenly(asked, held)))
    return tuple(KindOfText(name, *part) for name, part in zip(KINDS, parts, strict=True))


def _beginnings(texts: Sequence[str], size: int) -> str:
    """Return the same share of every text, from its beginning to the end of a line."""
    share = min(1.0, size / sum(map(len, texts)))
    kept = (text[: text.find("\n", int(share * len(text))) + 1] or text for text in texts)
    return "\n".join(one.rstrip("\n") + "\n" for one in kept)


def _evenly(lines: Sequence[str], size: int) -> str:
    """Return every so many of the lines."""
    every = max(1, sum(map(len, lines)) // size)
    return "".join(f"{line}\n" for line in lines[::every])


def _source(module: str) -> str:
    """Return the code of a module of the library, with comments and without docstrings."""
    text = (Path(sysconfig.get_path("stdlib")) / f"{module}.py").read_text(encoding="utf-8")
    lines = text.splitlines()
    for node in _definitions(ast.parse(text)):
        if ast.get_docstring(node) is not None:
            first = node.body[0]
            lines[first.lineno - 1 : first.end_lineno] = [""] * (
                (first.end_lineno or first.lineno) - first.lineno + 1
            )
    text = "\n".join(line.rstrip() for line in lines if line.isascii())
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")
