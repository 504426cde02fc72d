"""Real English that every Python brings along: what the standard library says about itself.

Its docstrings and the topics of ``help()`` are close to two million characters of prose, lists and
examples, by hundreds of authors, under Python's own licence (PSF-2.0). They differ a little from
one release of Python to the next: what is said about them in a book has to hold for all.

With Python 3.11 there are 1.72 million characters without repeated paragraphs, and n-grams of five
predict those of the held-out modules at about 2.1 bits each. Reading the library's sources takes
some seconds, once for each process.

Two uses. :func:`library_text` is a text for a small language model, parted by module.
:func:`library_sentences` are sentences of six fields, to tell apart: what a classifier can be
trained on with few labels or with many.
"""

import ast
import hashlib
import re
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from pydoc_data.topics import topics
from typing import NamedTuple

from txlite._checks import check_positive
from txlite.data.documents import Document, TextSplit, split_documents
from txlite.data.real_text import letters

__all__ = ["FIELDS", "LabelledSentence", "LabelledSentences", "library_sentences", "library_text"]

# Tests, a program, and what has left the library in some release since 3.11.
_SKIPPED = {
    "test", "tests", "idlelib", "lib2to3", "site-packages", "dist-packages", "ensurepip",
    "turtledemo", "pydoc_data", "distutils", "asyncore.py", "asynchat.py", "imp.py", "smtpd.py",
    "cgi.py", "cgitb.py", "aifc.py", "chunk.py", "mailcap.py", "nntplib.py", "pipes.py",
    "sndhdr.py", "sunau.py", "telnetlib.py", "uu.py", "xdrlib.py", "tix.py", "crypt.py",
    "imghdr.py",
}  # fmt: skip
_STATEMENTS = ast.If | ast.Try | ast.With | ast.For | ast.While | ast.excepthandler

FIELDS = {
    "windows and drawing": ("tkinter", "turtle"),
    "network": (
        "asyncio", "email", "ftplib", "http", "imaplib", "poplib", "selectors", "smtplib", "socket",
        "socketserver", "ssl", "urllib", "wsgiref", "xmlrpc", "webbrowser",
    ),
    "text": (
        "argparse", "codecs", "configparser", "csv", "difflib", "gettext", "html", "json", "locale",
        "optparse", "pprint", "re", "reprlib", "string", "textwrap", "tokenize", "xml",
    ),
    "tests and errors": ("bdb", "cProfile", "doctest", "faulthandler", "logging", "pdb", "profile",
                         "pstats", "timeit", "trace", "traceback", "unittest", "warnings"),
    "files": (
        "bz2", "dbm", "filecmp", "fileinput", "fnmatch", "glob", "gzip", "lzma", "mimetypes", "os",
        "pathlib", "pickle", "pickletools", "shelve", "shutil", "stat", "tarfile", "tempfile",
        "zipfile", "_pyio", "posixpath", "ntpath", "genericpath",
    ),
    "numbers": ("_pydecimal", "_strptime", "bisect", "calendar", "colorsys", "datetime",
                "_pydatetime", "fractions", "heapq", "ipaddress", "numbers", "random", "statistics",
                "uuid"),
}  # fmt: skip
"""Six fields, and the modules and packages that belong to each."""


class LabelledSentence(NamedTuple):
    """A sentence, and the number of its field in :data:`FIELDS`."""

    text: str
    label: int


class LabelledSentences(NamedTuple):
    """Sentences to learn from, to choose by, and to be tested on."""

    train: tuple[LabelledSentence, ...]
    valid: tuple[LabelledSentence, ...]
    test: tuple[LabelledSentence, ...]


def library_text(*, one_in: int = 10) -> TextSplit:
    """Return the docstrings of the standard library and the topics of ``help()``, parted.

    Parameters
    ----------
    one_in : int
        About one package or topic in so many is for ``valid``, and one for ``test``.

    Returns
    -------
    TextSplit
        Documents of printable ASCII and line ends, so that characters are bytes: one for each
        module and topic. The modules of a package are on one side.

    Raises
    ------
    ValueError
        If ``one_in`` is below 3, or so large that a part is empty.

    Examples
    --------
    >>> text = library_text()
    >>> _, characters, size = text.sizes["train"]
    >>> characters == size, characters > 1_000_000
    (True, True)
    """
    documents = [Document(name, _ascii("\n\n".join(texts))) for name, texts in _docstrings()]
    documents += [Document(f"help/{name}", _ascii(topics[name])) for name in sorted(topics)]
    return split_documents(documents, one_in=one_in, group=_group)


def library_sentences(*, one_in: int = 8) -> LabelledSentences:
    """Return sentences of the library's docstrings, with the field that each comes from.

    Parameters
    ----------
    one_in : int
        About one docstring in so many is for ``valid``, and one for ``test``.

    Returns
    -------
    LabelledSentences
        The sentences of a docstring are on one side, and no two have the same letters. They have 5
        to 40 words, most of their characters are letters, and examples are left out.

    Raises
    ------
    ValueError
        If ``one_in`` is below 3.

    Examples
    --------
    >>> sentences = library_sentences()
    >>> len(sentences.train) > 4_000, len(FIELDS)
    (True, 6)
    """
    one_in = check_positive("one_in", one_in)
    if one_in < 3:
        raise ValueError(f"one_in should be at least 3, or nothing is left to learn, got {one_in}")
    labels = {name: label for label, names in enumerate(FIELDS.values()) for name in names}
    parts: tuple[list[LabelledSentence], ...] = ([], [], [])
    seen: set[str] = set()
    for name, texts in _docstrings():
        label = labels.get(_group(name))
        for text in texts if label is not None else ():
            side = _number(text) % one_in
            for sentence in _sentences(text):
                key = letters(sentence)
                if key not in seen and label is not None:
                    seen.add(key)
                    part = parts[{0: 2, 1: 1}.get(side, 0)]
                    part.append(LabelledSentence(sentence, label))
    return LabelledSentences(*map(tuple, parts))


@cache
def _docstrings() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the docstrings of each module, by its path in the library; private ones too."""
    root = Path(sysconfig.get_path("stdlib"))
    found = []
    for file in sorted(root.rglob("*.py")):
        name = file.relative_to(root)
        if _SKIPPED & set(name.parts):
            continue
        try:
            module = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError):  # such as a template of a tool
            continue
        texts = tuple(text for node in _definitions(module) if (text := ast.get_docstring(node)))
        if texts:
            found.append((name.as_posix(), texts))
    return tuple(found)


_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _definitions(node: ast.AST) -> Iterator[_Documented]:
    """Yield a module's definitions in the order of its text, those inside others too."""
    if isinstance(node, _Documented):
        yield node
    if isinstance(node, _Documented | _STATEMENTS):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt | ast.excepthandler):
                yield from _definitions(child)


def _group(name: str) -> str:
    """Return the package of a module; a topic is its own."""
    return name if name.startswith("help/") else name.partition("/")[0].removesuffix(".py")


def _ascii(text: str) -> str:
    """Return a text of printable ASCII: single spaces, and at most one empty line."""
    text = re.sub(r"[^\n -~]", "", text.expandtabs(4))
    text = re.sub(r" *\n *", "\n", re.sub(r" +", " ", text))
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")


def _sentences(text: str) -> Iterator[str]:
    """Yield what reads like a sentence."""
    for paragraph in re.split(r"\n\s*\n", text):
        if ">>>" in paragraph:
            continue
        for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z])", " ".join(_ascii(paragraph).split())):
            words = sentence.split()
            plain = sum(c.isalpha() or c == " " for c in sentence)
            if 5 <= len(words) <= 40 and plain >= 0.85 * len(sentence):
                yield sentence


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
