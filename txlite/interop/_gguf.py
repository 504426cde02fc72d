"""The GGUF format: metadata, a list of tensors, and their numbers in quantised blocks.

The file is walked through once (:mod:`txlite.interop._walk`), and every offset is held against what
is left of the file before anything is made of it. The `gguf` library undoes the quantisation.

Source
    https://github.com/ggml-org/ggml/blob/master/docs/gguf.md: "File structure".
"""

import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from txlite.interop._extras import needs
from txlite.interop._stored import Stored, shown
from txlite.interop._walk import Walk

__all__ = ["GGUF", "read_gguf"]

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_MOST_NAME, _MOST_AXES = 1 << 16, 4


class GGUF(NamedTuple):
    """What a GGUF file holds.

    Parameters
    ----------
    metadata : dict
        Numbers, texts, tuples of numbers, and :class:`txlite.interop._walk.Texts`, by name.
    tensors : dict of str to Stored
        Every tensor, by name; reading one undoes its quantisation.
    """

    metadata: dict[str, Any]
    tensors: dict[str, Stored]


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
    with Walk(path) as walk:
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


def _entry(walk: Walk, library: Any, i: int) -> _Entry:
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
