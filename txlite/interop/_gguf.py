"""The GGUF format: metadata, a list of tensors, and their numbers in quantised blocks.

The file is walked through once, and each count, length and offset is held against what is left of
the file before anything is made of it. The `gguf` library undoes the quantisation. Long lists of
texts (a vocabulary) are decoded only when they are asked for.

Source
    https://github.com/ggml-org/ggml/blob/master/docs/gguf.md: "File structure".
"""

import math
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from txlite.interop._extras import needs
from txlite.interop._stored import Stored, shown

__all__ = ["GGUF", "Texts", "read_gguf"]

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_NUMBERS = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip
_ALIGNMENTS = {1 << n for n in range(17)}
_BOOL, _TEXT, _ARRAY = 7, 8, 9
_MOST_NAME, _MOST_AXES, _MOST_TEXTS = 1 << 16, 4, 1 << 21
_LEAST = {"metadata": 13, "tensors": 24, "texts": 8}  # bytes that one of them has at least


class GGUF(NamedTuple):
    """What a GGUF file holds.

    Parameters
    ----------
    metadata : dict
        Numbers, texts, tuples of numbers, and :class:`Texts`, by name.
    tensors : dict of str to Stored
        Every tensor, by name; reading one undoes its quantisation.
    """

    metadata: dict[str, Any]
    tensors: dict[str, Stored]


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
        with _Walk(self.path) as walk:
            walk.at = self.begin
            return [walk.text(f"{self.name}[{i}]") for i in range(self.count)]


def read_gguf(path: Path) -> GGUF:
    """Return what a GGUF file holds.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    GGUF
        Its metadata and its tensors.

    Raises
    ------
    ValueError
        If the file is damaged, or uses what is not read here; the message names file and field.
    ImportError
        If the `gguf` library is missing.
    """
    library = needs("gguf")
    with _Walk(path) as walk:
        if walk.size < 24 or walk.taken("the magic", 4) != _MAGIC:
            raise ValueError(f"{path}: the magic should be {_MAGIC!r}")
        if (version := walk.number("the version", "I")) not in _VERSIONS:
            raise ValueError(f"{path}: the version should be 2 or 3, got {version}")
        num_tensors = walk.count("tensors", "the count of tensors")
        num_fields = walk.count("metadata", "the count of metadata")
        metadata: dict[str, Any] = {}
        for i in range(num_fields):
            name = walk.text(f"the name of metadata {i}", _MOST_NAME)
            if name in metadata:
                raise ValueError(f"{path}: {shown(name)} stands there twice")
            metadata[name] = walk.value(name)
        entries = [_entry(walk, library, i) for i in range(num_tensors)]
        alignment = metadata.get("general.alignment", 32)
        if (
            type(alignment) is not int
            or not 0 < alignment <= 1 << 16
            or alignment & (alignment - 1)
        ):
            raise ValueError(
                f"{path}: general.alignment should be a power of two up to 65536, got "
                f"{shown(alignment)}"
            )
        begin = -(-walk.at // alignment) * alignment
        _check_places(path, entries, alignment, walk.size - begin)
    return GGUF(metadata, {e.name: _stored(path, library, begin, e) for e in entries})


class _Entry(NamedTuple):
    """A tensor as the file's list has it; ``shape`` as torch says it, the last axis fastest."""

    name: str
    shape: tuple[int, ...]
    kind: Any
    offset: int
    num_bytes: int


def _entry(walk: "_Walk", library: Any, i: int) -> _Entry:
    name = walk.text(f"the name of tensor {i}", _MOST_NAME)
    where = shown(name)
    axes = walk.number(f"{where}: the number of axes", "I")
    if axes > _MOST_AXES:
        raise walk.error(f"{where}: the number of axes", f"at most {_MOST_AXES}", axes)
    shape = tuple(walk.number(f"{where}: the shape", "Q") for _ in range(axes))[::-1]
    code = walk.number(f"{where}: the type", "I")
    sizes = {int(kind): (kind, *size) for kind, size in library.GGML_QUANT_SIZES.items()}
    if code not in sizes:
        raise walk.error(f"{where}: the type", "one that ggml knows", code)
    kind, block, size = sizes[code]
    numel = math.prod(shape)
    if numel > walk.size * block // size:
        raise walk.error(f"{where}: the shape", "one that fits into the file", shape)
    if shape and shape[-1] % block:
        raise walk.error(f"{where}: the shape", f"rows of a multiple of {block}", shape)
    return _Entry(
        name, shape, kind, walk.number(f"{where}: the offset", "Q"), numel * size // block
    )


def _check_places(path: Path, entries: list[_Entry], alignment: int, held: int) -> None:
    """Require tensors that lie in the file, one after the other, each where it is aligned."""
    reached = 0
    for entry in sorted(entries, key=lambda entry: (entry.offset, entry.num_bytes)):
        where = f"{path}: {shown(entry.name)}: the offset"
        if entry.offset % alignment:
            raise ValueError(f"{where} should be a multiple of {alignment}, got {entry.offset}")
        if entry.offset < reached:
            raise ValueError(
                f"{where} should be at least {reached}, where the tensor before it ends, got "
                f"{entry.offset}"
            )
        reached = entry.offset + entry.num_bytes
        if reached > held:
            raise ValueError(f"{where} should leave room for {entry.num_bytes} bytes in {held}")
    if len({entry.name for entry in entries}) != len(entries):
        raise ValueError(f"{path}: each tensor should have a name of its own")


def _stored(path: Path, library: Any, begin: int, entry: _Entry) -> Stored:
    rows = math.prod(entry.shape[:-1])

    def read() -> Tensor:
        numpy = needs("numpy")
        raw = numpy.fromfile(path, numpy.uint8, entry.num_bytes, offset=begin + entry.offset)
        try:
            numbers = library.quants.dequantize(raw.reshape(rows, -1), entry.kind)
        except NotImplementedError:
            raise ValueError(f"the type {entry.kind.name} is not read") from None
        return torch.from_numpy(numbers).reshape(entry.shape)

    return Stored(path, entry.shape, torch.float32, read, own=True)


class _Walk:
    """A place in a file that only moves forwards, and never out of it."""

    def __init__(self, path: Path) -> None:
        self.path, self.at, self.size = path, 0, path.stat().st_size

    def __enter__(self) -> "_Walk":
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
        return struct.unpack(f"<{code}", self.taken(field, struct.calcsize(f"<{code}")))[0]

    def count(self, of: str, field: str) -> int:
        """Return how many things come, or refuse more than there can be in the rest."""
        count: int = self.number(field, "Q")
        most = (self.size - self.at) // _LEAST[of]
        if count > most:
            raise self.error(field, f"at most {most} in what is left of the file", count)
        return count

    def text(self, field: str, most: int | None = None) -> str:
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
