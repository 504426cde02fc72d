"""A walk through a GGUF file: each count and each length is held against what is left of it.

Long lists (a vocabulary, its scores) are gone over, and read only when they are asked for.

Source
    https://github.com/ggml-org/ggml/blob/master/docs/gguf.md: "File structure".
"""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from txlite.interop._stored import shown

__all__ = ["Numbers", "Texts", "Walk"]

_NUMBERS = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip
_BOOL, _TEXT, _ARRAY = 7, 8, 9
_MOST_TEXTS = 1 << 21
_LEAST = {"metadata": 13, "tensors": 24, "texts": 8}  # bytes that one of them has at least


class Walk:
    """A place in a file that only moves forwards, and never out of it."""

    def __init__(self, path: Path) -> None:
        self.path, self.at, self.size = path, 0, path.stat().st_size

    def __enter__(self) -> "Walk":
        self._file = self.path.open("rb")
        self._held: Any = b""
        if self.size:
            self._held = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        return self

    def __exit__(self, *_: object) -> None:
        if self.size:
            self._held.close()
        self._file.close()

    def error(self, field: str, wanted: str, got: Any) -> ValueError:
        """Return the error that names the file and the field."""
        return ValueError(f"{self.path}: {field} should be {wanted}, got {shown(got)}")

    def taken(self, field: str, count: int) -> bytes:
        """Return the next bytes."""
        if count > self.size - self.at:
            left = self.size - self.at
            raise ValueError(f"{self.path}: {field} should have {count} bytes, got {left}")
        self.at += count
        return bytes(self._held[self.at - count : self.at])

    def skip(self, field: str, count: int) -> None:
        """Go over the next bytes."""
        if count > self.size - self.at:
            left = self.size - self.at
            raise ValueError(f"{self.path}: {field} should have {count} bytes, got {left}")
        self.at += count

    def number(self, field: str, code: str) -> Any:
        """Return the next number, of a kind that :mod:`struct` knows."""
        return struct.unpack(f"<{code}", self.taken(field, struct.calcsize(f"<{code}")))[0]

    def count(self, of: str, field: str) -> int:
        """Return how many things come, or refuse more than there can be in the rest."""
        count: int = self.number(field, "Q")
        most = (self.size - self.at) // _LEAST[of]
        if count > most:
            raise self.error(field, f"at most {most} in what is left of the file", count)
        return count

    def text(self, field: str, most: int | None = None) -> str:
        """Return the next text: its length, and so many bytes of UTF-8."""
        length = self.number(f"{field}: the length", "Q")
        if most is not None and length > most:
            raise self.error(f"{field}: the length", f"at most {most}", length)
        content = self.taken(field, length)
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            raise self.error(field, "text in UTF-8", content[:20]) from None

    def value(self, name: str) -> Any:
        """Return a value of the metadata."""
        where = shown(name)
        kind = self.number(f"{where}: the type", "I")
        if kind in _NUMBERS:
            return self.number(where, _NUMBERS[kind])
        if kind == _BOOL:
            return bool(self.taken(where, 1)[0])
        if kind == _TEXT:
            return self.text(where)
        if kind == _ARRAY:
            return self._array(name)
        raise self.error(f"{where}: the type", "one of 0 to 12", kind)

    def _array(self, name: str) -> Any:
        where = shown(name)
        kind = self.number(f"{where}: the type of its entries", "I")
        if kind == _TEXT:
            count = self.count("texts", f"{where}: the length")
            begin = self.at
            for _ in range(count):
                self.skip(where, self.number(f"{where}: a length", "Q"))
            return Texts(self.path, name, begin, count)
        if kind not in _NUMBERS and kind != _BOOL:
            raise self.error(
                f"{where}: the type of its entries", "a number, a bool or a text", kind
            )
        code = _NUMBERS.get(kind, "?")
        size = struct.calcsize(f"<{code}")
        count = self.number(f"{where}: the length", "Q")
        if count > (self.size - self.at) // size:
            raise self.error(f"{where}: the length", "one that fits into the file", count)
        begin = self.at
        self.skip(where, count * size)
        return Numbers(self.path, begin, count, f"<{code}")


@dataclass(frozen=True)
class Texts:
    """A list of texts in a file, not yet read.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        The field.
    begin, count : int
        Where the list begins, and how many texts it has.
    """

    path: Path
    name: str
    begin: int
    count: int

    def read(self) -> list[str]:
        """Return the texts.

        Raises
        ------
        ValueError
            If one is not text in UTF-8, or there are more than two million.
        """
        if self.count > _MOST_TEXTS:
            raise ValueError(
                f"{self.path}: {self.name} should have at most {_MOST_TEXTS} texts, got "
                f"{self.count}"
            )
        with Walk(self.path) as walk:
            walk.at = self.begin
            return [walk.text(f"{self.name}[{i}]") for i in range(self.count)]


@dataclass(frozen=True)
class Numbers:
    """A list of numbers in a file, not yet read.

    Parameters
    ----------
    path : Path
        The file.
    begin, count : int
        Where the list begins, and how many numbers it has.
    code : str
        What they are, in the letters of ``struct``.
    """

    path: Path
    begin: int
    count: int
    code: str

    def __iter__(self) -> Iterator[Any]:
        """Return the numbers, one by one."""
        with self.path.open("rb") as file:
            file.seek(self.begin)
            content = file.read(self.count * struct.calcsize(self.code))
        return (number for (number,) in struct.iter_unpack(self.code, content))
