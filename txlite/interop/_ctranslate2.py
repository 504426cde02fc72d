"""The files of CTranslate2: a specification's name, single numbers, and tensors, one after another.

A file is walked through once (:mod:`txlite.interop._walk`): every length is held against what is
left of the file before anything is made of it, and numbers are read only when they are asked for.

Source
    https://github.com/OpenNMT/CTranslate2: ``python/ctranslate2/specs/model_spec.py``, binary
    version 6.
"""

import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from txlite.interop._stored import Stored, shown
from txlite.interop._walk import Walk

__all__ = ["CTranslate2", "read_ctranslate2"]

_VERSION = 6
_MOST_AXES = 4
_LEAST = 2 + 1 + 1 + 4  # bytes that a variable has at least: a name, its axes, its type, its size
_KINDS = {
    0: (torch.float32, "f"), 1: (torch.int8, "b"), 2: (torch.int16, "h"), 3: (torch.int32, "i"),
    4: (torch.float16, "e"), 5: (torch.bfloat16, ""),
}  # fmt: skip
"""By the number in a file: what a variable holds, and the letter of ``struct``."""


class CTranslate2(NamedTuple):
    """What such a file holds.

    Parameters
    ----------
    fields : dict
        The specification's ``name`` and ``revision``, and the variables without axes, by name.
    tensors : dict of str to Stored
        The variables with axes, also under the other names that they have.
    """

    fields: dict[str, Any]
    tensors: dict[str, Stored]


def read_ctranslate2(path: Path) -> CTranslate2:
    """Return what a file of CTranslate2 holds.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    CTranslate2
        Its numbers and its tensors.

    Raises
    ------
    ValueError
        If the file is damaged, or of another version; the message names file and field.
    """
    with Walk(path) as walk:
        if (version := walk.number("the version", "I")) != _VERSION:
            raise walk.error("the version", str(_VERSION), version)
        fields: dict[str, Any] = {"name": _text(walk, "the specification")}
        fields["revision"] = walk.number("the revision", "I")
        tensors: dict[str, Stored] = {}
        for i in range(_count(walk, "the count of variables", _LEAST)):
            name = _text(walk, f"the name of variable {i}")
            if name in fields or name in tensors:
                raise ValueError(f"{path}: {shown(name)} stands there twice")
            _variable(walk, name, fields, tensors)
        for i in range(_count(walk, "the count of other names", 4)):
            other = _text(walk, f"other name {i}")
            name = _text(walk, f"what other name {i} stands for")
            if other in fields or other in tensors:
                raise ValueError(f"{path}: {shown(other)} stands there twice")
            if name in fields:
                fields[other] = fields[name]
            elif name in tensors:
                tensors[other] = tensors[name]
            else:
                raise walk.error(f"what {shown(other)} stands for", "a variable", name)
        if walk.at != walk.size:
            raise ValueError(f"{path} should end after {walk.at} bytes, got {walk.size}")
    return CTranslate2(fields, tensors)


def _count(walk: Walk, field: str, least: int) -> int:
    """Return how many things come, or refuse more than there can be in the rest."""
    count: int = walk.number(field, "I")
    most = (walk.size - walk.at) // least
    if count > most:
        raise walk.error(field, f"at most {most} in what is left of the file", count)
    return count


def _text(walk: Walk, field: str) -> str:
    """Return the next text: its length, so many bytes, and the last of them zero."""
    content = walk.taken(field, walk.number(f"{field}: the length", "H"))
    if not content or content[-1] or not content[:-1].isascii() or 0 in content[:-1]:
        raise walk.error(field, "ASCII that ends in a zero", content[:20])
    return content[:-1].decode("ascii")


def _variable(walk: Walk, name: str, fields: dict[str, Any], tensors: dict[str, Stored]) -> None:
    """Keep the next variable: a number itself, a tensor's place."""
    where = shown(name)
    axes = walk.number(f"{where}: the number of axes", "B")
    if axes > _MOST_AXES:
        raise walk.error(f"{where}: the number of axes", f"at most {_MOST_AXES}", axes)
    shape = tuple(walk.number(f"{where}: the shape", "I") for _ in range(axes))
    code = walk.number(f"{where}: the type", "B")
    if code not in _KINDS:
        raise walk.error(f"{where}: the type", "one of 0 to 5", code)
    dtype, letter = _KINDS[code]
    size = math.prod(shape) * dtype.itemsize
    told = walk.number(f"{where}: the size", "I")
    if told != size:
        raise walk.error(f"{where}: the size", f"{size} bytes for the shape {shape}", told)
    if shape or not letter:
        tensors[name] = _stored(walk.path, walk.at, shape, dtype)
        walk.skip(where, size)
    else:
        fields[name] = walk.number(where, letter)


def _stored(path: Path, begin: int, shape: tuple[int, ...], dtype: torch.dtype) -> Stored:
    size = math.prod(shape) * dtype.itemsize

    def read() -> Tensor:
        with path.open("rb") as file:
            file.seek(begin)
            content = bytearray(file.read(size))
        if not size:
            return torch.empty(shape, dtype=dtype)
        return torch.frombuffer(content, dtype=dtype).reshape(shape)

    return Stored(path, shape, dtype, read, own=True)
