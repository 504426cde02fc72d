"""Sentences come in, from the command line or as lines of the input, and groups of lines go out."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from txlite.cli._console import OUT

__all__ = ["check_text", "print_groups", "read_batches"]

MARK = b"\xef\xbb\xbf"  # Windows may put it before a text in UTF-8
AT_ONCE = 1 << 16  # bytes


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
        parts: Iterable[list[str]] = [[check_text(sentence) for sentence in sentences]]
    elif sys.stdin.isatty():
        raise ValueError("sentences should be given, or come in as lines; got none")
    else:
        parts = _decoded(_arriving(sys.stdin.buffer))
    for part in parts:
        yield from (part[first : first + size] for first in range(0, len(part), size))


def check_text(sentence: str) -> str:
    """Refuse the characters that stand for bytes of an argument that are no UTF-8."""
    try:
        sentence.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"sentences should be text in UTF-8, got {sentence!a}") from None
    return sentence


def _arriving(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Yield the lines that have come, as soon as they have."""
    rest = b""
    while piece := stream.read1(AT_ONCE):  # type: ignore[attr-defined]
        *whole, rest = (rest + piece).split(b"\n")
        yield whole
    if rest:
        yield [rest]


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
        if apart and number:
            OUT.print()
        for line in group:
            OUT.print(line, markup=False)
