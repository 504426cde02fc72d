"""Texts to learn from and to be tested on, parted by document, with nothing on both sides.

A language model that has seen a paragraph of the test text is tested on its memory. Manuals and
libraries repeat themselves: the same licence, the same table of arguments, a sentence copied from
one module to the next. So whole documents are held out, related ones together, and a paragraph
that was there before is taken out of every later document.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from txlite._checks import check_positive
from txlite.data.real_text import letters

__all__ = ["Document", "TextSplit", "split_documents"]

REPEATED = 20  # letters; a shorter line, such as a heading, may occur many times


@dataclass(frozen=True)
class Document:
    """A text with a name.

    Parameters
    ----------
    name : str
        Such as ``"json/decoder.py"``.
    text : str
        Paragraphs, with an empty line between them.
    """

    name: str
    text: str


@dataclass(frozen=True)
class TextSplit:
    """Documents to learn from, to choose by, and to be tested on.

    Parameters
    ----------
    train, valid, test : tuple of Document
        No paragraph of more than a line stands in two of them, or twice in one.
    """

    train: tuple[Document, ...]
    valid: tuple[Document, ...]
    test: tuple[Document, ...]

    @property
    def texts(self) -> dict[str, list[str]]:
        """The texts of each part, by its name."""
        return {name: [document.text for document in part] for name, part in self._parts()}

    @property
    def sizes(self) -> dict[str, tuple[int, int, int]]:
        """Documents, characters and bytes of UTF-8 of each part, by its name."""
        return {
            name: (len(texts), sum(map(len, texts)), sum(len(one.encode()) for one in texts))
            for name, texts in self.texts.items()
        }

    def __str__(self) -> str:
        """Say how much there is of each part."""
        return "\n".join(
            f"{name}: {number:,} documents, {characters:,} characters, {size:,} bytes"
            for name, (number, characters, size) in self.sizes.items()
        )

    def _parts(self) -> list[tuple[str, tuple[Document, ...]]]:
        return [("train", self.train), ("valid", self.valid), ("test", self.test)]


def split_documents(
    documents: Iterable[Document],
    *,
    one_in: int = 10,
    group: Callable[[str], str] = lambda name: name,
) -> TextSplit:
    """Part documents by their names, and take out what was there before.

    Parameters
    ----------
    documents : iterable of Document
        Their names are all different.
    one_in : int
        About one group in so many is for ``valid``, and one for ``test``.
    group : callable
        From a document's name to that of its group; documents of one group stay together. By
        default each is alone.

    Returns
    -------
    TextSplit
        In the order of ``documents``. A group stays on its side whatever other documents there are.

    Raises
    ------
    ValueError
        If two documents have one name, ``one_in`` is below 3, or a part is empty.

    Examples
    --------
    >>> documents = [Document(f"page {n}", f"What stands on page {'x' * n}.") for n in range(60)]
    >>> split = split_documents(documents, one_in=4)
    >>> [number for number, _, _ in split.sizes.values()]
    [31, 16, 13]
    """
    one_in = check_positive("one_in", one_in)
    if one_in < 3:
        raise ValueError(f"one_in should be at least 3, or nothing is left to learn, got {one_in}")
    every = list(documents)
    if len({document.name for document in every}) < len(every):
        raise ValueError("documents should have different names, got one name twice")
    sides: dict[str, list[Document]] = {"train": [], "valid": [], "test": []}
    for document in every:
        sides[_side(group(document.name), one_in)].append(document)
    seen: set[str] = set()
    parts = {name: _fresh(side, seen) for name, side in sides.items()}
    if not all(parts.values()):
        found = ", ".join(f"{len(part)} for {name}" for name, part in parts.items())
        raise ValueError(f"documents should leave some for each part, got {found}")
    return TextSplit(**parts)


def _side(name: str, one_in: int) -> str:
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % one_in
    return {0: "test", 1: "valid"}.get(number, "train")


def _fresh(documents: list[Document], seen: set[str]) -> tuple[Document, ...]:
    """Return documents without the paragraphs that were there before; none is left empty."""
    found = []
    for document in documents:
        kept = []
        for paragraph in document.text.split("\n\n"):
            key = letters(paragraph)
            if not paragraph.strip() or key in seen:
                continue
            if len(key) >= REPEATED:
                seen.add(key)
            kept.append(paragraph.strip("\n"))
        if kept:
            found.append(Document(document.name, "\n\n".join(kept)))
    return tuple(found)
