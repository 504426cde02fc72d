"""Sentences come in, from the command line or as lines of the input, and groups of lines go out."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from txlite.cli._console import say

__all__ = ["MANY", "line_of", "print_groups", "read_batches", "text_of"]

MARK = b"\xef\xbb\xbf"  # Windows may put it before a text in UTF-8
AT_ONCE = 1 << 16  # bytes
MANY = 1_000  # of what is made of one sentence: more would only fill the memory


def read_batches(sentences: Sequence[str] | None, size: int) -> Iterator[list[str]]:
    """Yield the sentences of the command line, or else the lines of the input.

    Parameters
    ----------
    sentences : sequence of str, optional
        What the command line holds.
    size : int
        How many come together at most. Lines do not wait for others that are not there yet.

    Yields
    ------
    list of str
        Sentences, the empty ones too.

    Raises
    ------
    ValueError
        If there are none, or one is no text in UTF-8.
    """
    if sentences:
        parts: Iterable[list[str]] = [[text_of(sentence) for sentence in sentences]]
    elif sys.stdin is None or sys.stdin.isatty():
        raise ValueError("sentences should be given, or come in as lines; got none")
    else:
        parts = _decoded(_arriving(sys.stdin.buffer))
    for part in parts:
        yield from (part[first : first + size] for first in range(0, len(part), size))


def text_of(argument: str) -> str:
    """Return an argument as text: the bytes that the locale cannot read are UTF-8."""
    try:
        return argument.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeError:
        raise ValueError(f"sentences should be text in UTF-8, got {argument!a}") from None


def line_of(content: bytes, place: int) -> int:
    """Return the number of the line that a byte of a text is in, as an editor counts: from 1."""
    return len(_ends_as_unix(content[:place]).split(b"\n"))


def _ends_as_unix(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _arriving(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Yield the lines that have come, as soon as they have; all three ends of a line are ends."""
    rest = b""
    while piece := stream.read1(AT_ONCE):  # type: ignore[attr-defined]
        rest += piece
        sure = len(rest) - rest.endswith(b"\r")  # its \n may be on the way
        *whole, last = _ends_as_unix(rest[:sure]).split(b"\n")
        rest = last + rest[sure:]
        yield whole
    if rest:
        yield [rest.removesuffix(b"\r")]


def _decoded(parts: Iterable[list[bytes]]) -> Iterator[list[str]]:
    number = 0
    for part in parts:
        lines = []
        for line in part:
            number += 1
            try:
                lines.append(line.removeprefix(MARK if number == 1 else b"").decode().strip())
            except UnicodeDecodeError:
                raise ValueError(f"line {number} of the input should be text in UTF-8") from None
        yield lines


def print_groups(groups: Iterable[Sequence[str]], *, apart: bool) -> None:
    """Print lines as they come.

    Parameters
    ----------
    groups : iterable of sequences of str
        The lines that belong to one sentence, for each.
    apart : bool
        Whether an empty line stands between two groups.
    """
    for number, group in enumerate(groups):
        for line in ["", *group] if apart and number else group:
            say(line.replace("\r", " ").replace("\n", " "))  # a line for a line
