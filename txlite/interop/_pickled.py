"""PyTorch's own files, looked through before torch reads them.

A `.bin` file is a pickle: a program that builds objects. ``torch.load(weights_only=True)`` runs no
foreign code, but it believes the sizes that the program names, and a few bytes can ask for all the
memory there is. So the program is first followed here with nothing but names and numbers in its
hands: the outcome is a list of tensors and of the storages that they lie in. Only when every tensor
lies inside its storage, and every storage inside the file, does torch read it.

Two layouts exist. Since version 1.6 the file is a zip archive, each storage one uncompressed entry.
Before, five pickles stood one after the other, then the storages.
"""

import math
import pickletools
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch

from txlite.interop._stored import Stored, shown

__all__ = ["read_pickled"]

_MOST_PROGRAM = 8 << 20  # bytes
_STORAGES = {
    "DoubleStorage": torch.float64, "FloatStorage": torch.float32, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}  # fmt: skip
_PLAIN = {
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE",
    "BINSTRING", "SHORT_BINSTRING",
}  # fmt: skip
_MAGIC = 0x1950A86A20F9469CFC6C  # what a file of the older layout begins with
_PROTOCOL = 1001
_END = 56 + 20 + 22  # bytes: the two tables' ends, and what stands between them


class _Storage(NamedTuple):
    """A run of numbers in the file."""

    dtype: torch.dtype
    key: str
    numel: int


class _Tensor(NamedTuple):
    """A tensor in a storage."""

    storage: _Storage
    shape: tuple[int, ...]


class _Name(NamedTuple):
    """A name that the program imports."""

    text: str


@dataclass
class _Held:
    """A dict, or an object that is one. It may have attributes: they are of no use here."""

    items: dict[str, Any]


def read_pickled(path: Path) -> dict[str, Stored]:
    """Return what a `.bin` file holds, by name.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to Stored
        Every tensor. The newer layout is mapped into memory, the older one read whole.

    Raises
    ------
    ValueError
        If the file holds anything but a dict of tensors, or is damaged; the message names the file.
    """
    with path.open("rb") as file:
        zipped = file.read(4) == b"PK\3\4"  # as torch tells the two apart
    try:
        found = _in_zip(path) if zipped else _in_stream(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of layouts that are no longer written
            tensors = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except Exception as error:  # each layer of torch's reader has a kind of its own
        text = str(error) or type(error).__name__
        raise ValueError(
            f"{path} should hold a dict of tensors, as torch.save writes it: {text[:300]}"
        ) from None
    for name, tensor in found.items():
        if tuple(tensors[name].shape) != tensor.shape:
            raise ValueError(f"{path}: {shown(name)} should have shape {tensor.shape}")
    return {
        name: Stored(path, tensor.shape, tensor.storage.dtype, lambda name=name: tensors[name])  # type: ignore[misc]
        for name, tensor in found.items()
    }


def _in_zip(path: Path) -> dict[str, _Tensor]:
    """Look a zip archive through."""
    size = path.stat().st_size
    _check_end(path, size)
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        if len(entries) != len(archive.infolist()):
            raise ValueError("two entries have one name")
        for name, entry in entries.items():
            if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
                raise ValueError(f"the entry {shown(name)} should be neither packed nor encrypted")
            if entry.compress_size != entry.file_size:
                raise ValueError(f"the entry {shown(name)} should have the size that it names")
        if sum(entry.file_size for entry in entries.values()) > size:
            raise ValueError(f"the entries should fit into the file's {size} bytes")
        programs = [name for name in entries if name.endswith("/data.pkl")]
        if len(programs) != 1 or entries[programs[0]].file_size > _MOST_PROGRAM:
            raise ValueError("there should be one data.pkl of at most 8 MB")
        root = programs[0].removesuffix("data.pkl")
        if f"{root}byteorder" in entries and archive.read(f"{root}byteorder") != b"little":
            raise ValueError("the byteorder should be little")
        found, storages = _followed(BytesIO(archive.read(programs[0])))
        for storage in storages.values():
            held = entries.get(f"{root}data/{storage.key}")
            wanted = storage.numel * storage.dtype.itemsize
            if held is None or held.file_size != wanted:
                raise ValueError(f"the storage {shown(storage.key)} should have {wanted} bytes")
    return found


def _check_end(path: Path, size: int) -> None:
    """Require one table of entries, at the file's end, and no larger than a model's can be."""
    with path.open("rb") as file:
        file.seek(max(0, size - _END))
        end = file.read(_END)
    if len(end) < _END or end[-22:-18] != b"PK\5\6" or end[-2:] != b"\0\0":
        raise ValueError("a zip archive should end with its table of entries")
    told = [int.from_bytes(end[-10:-6], "little")]
    if end[-42:-38] == b"PK\6\7":  # the same in 64 bits
        told.append(int.from_bytes(end[40:48], "little"))
    if max(told) > _MOST_PROGRAM:
        raise ValueError(f"the table of entries should have at most 8 MB, got {max(told)}")


def _in_stream(path: Path) -> dict[str, _Tensor]:
    """Look the older layout through."""
    size = path.stat().st_size
    with path.open("rb") as file:
        for wanted in (_MAGIC, _PROTOCOL):
            if (got := _run(file)) != wanted:
                raise ValueError(f"it should begin with {wanted}, got {_said(got)}")
        if (
            not isinstance(system := _run(file), _Held)
            or system.items.get("little_endian") is not True
        ):
            raise ValueError("the byteorder should be little")
        found, storages = _followed(file)
        keys = _run(file)
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise ValueError(f"there should be a list of storages, got {_said(keys)}")
        if sorted(keys) != sorted(storages):
            raise ValueError("the list of storages should name each storage once")
        held = size - file.tell()
        wanted = sum(8 + s.numel * s.dtype.itemsize for s in storages.values())
        if held != wanted:
            raise ValueError(f"the storages should have {wanted} bytes, got {held}")
        for key in keys:
            storage = storages[key]
            if (told := int.from_bytes(file.read(8), "little")) != storage.numel:
                raise ValueError(
                    f"the storage {shown(key)} should have {storage.numel} numbers, got {told}"
                )
            file.seek(storage.numel * storage.dtype.itemsize, 1)
    return found


def _followed(file: BinaryIO) -> tuple[dict[str, _Tensor], dict[str, _Storage]]:
    """Follow the program that builds the tensors."""
    storages: dict[str, _Storage] = {}
    held = _run(file, storages)
    if not isinstance(held, _Held):
        raise ValueError(f"there should be a dict, got {_said(held)}")
    for name, tensor in held.items.items():
        if not isinstance(tensor, _Tensor):
            raise ValueError(f"{shown(name)} should be a tensor, got {type(tensor).__name__}")
    return held.items, storages


# ------------------------------------------------------------------ the program


def _run(file: BinaryIO, storages: dict[str, _Storage] | None = None) -> Any:
    """Run one pickle with names and numbers only, and return what it leaves."""
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}
    storages = {} if storages is None else storages

    def since_mark() -> list[Any]:
        start = marks.pop()
        rest = stack[start:]
        del stack[start:]
        return rest

    for code, argument, _ in _codes(file):
        match code:
            case "PROTO" | "FRAME":
                pass
            case "STOP":
                return stack.pop()
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[code])
            case _ if code in _PLAIN:
                stack.append(argument)
            case "GLOBAL":
                stack.append(_Name(argument.replace(" ", ".")))
            case "MARK":
                marks.append(len(stack))
            case "EMPTY_TUPLE":
                stack.append(())
            case "TUPLE":
                stack.append(tuple(since_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(code[-1])
                stack[-count:] = [tuple(stack[-count:])]
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_DICT":
                stack.append(_Held({}))
            case "APPEND":
                value = stack.pop()
                _list(stack).append(value)
            case "APPENDS":
                values = since_mark()
                _list(stack).extend(values)
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                _keep(stack, [key, value])
            case "SETITEMS":
                pairs = since_mark()
                _keep(stack, pairs)
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "BINPERSID":
                storage = _storage(stack.pop())
                if storages.setdefault(storage.key, storage) != storage:
                    raise ValueError(f"the storage {shown(storage.key)} has two sizes")
                stack.append(storage)
            case "REDUCE":
                values = stack.pop()
                stack.append(_made(stack.pop(), values))
            case "BUILD":
                stack.pop()
                if not isinstance(stack[-1], _Held):
                    raise ValueError("only a dict may have attributes")
            case _:
                raise ValueError(f"the operation {code} has no place among tensors")
    raise ValueError("the program has no end")


def _said(value: Any) -> str:
    """Return what a message says of a value; what holds others may be endless when written out."""
    return shown(value) if isinstance(value, str | int | None) else type(value).__name__


def _codes(file: BinaryIO) -> Iterator[tuple[str, Any, int | None]]:
    begin = file.tell()
    for code, argument, position in pickletools.genops(file):
        if file.tell() - begin > _MOST_PROGRAM:
            raise ValueError("the program should have at most 8 MB")
        yield code.name, argument, position


def _list(stack: list[Any]) -> list[Any]:
    if not isinstance(stack[-1], list):
        raise ValueError(f"there should be a list, got {type(stack[-1]).__name__}")
    return stack[-1]


def _keep(stack: list[Any], pairs: list[Any]) -> None:
    held = stack[-1]
    if not isinstance(held, _Held) or len(pairs) % 2:
        raise ValueError("there should be a dict and its pairs")
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        if not isinstance(key, str):  # the hash of anything else can take for ever
            raise ValueError(f"a key should be text, got {type(key).__name__}")
        if key in held.items:
            raise ValueError(f"the key {shown(key)} stands there twice")
        held.items[key] = value


def _storage(told: Any) -> _Storage:
    """Read what stands for a storage: a word, its kind, its key, its device, its size."""
    match told:
        case ("storage", _Name(text), str(key), str(), int(numel), *rest) if numel >= 0:
            dtype = _STORAGES.get(text.removeprefix("torch."))
            if dtype is not None and rest in ([], [None]):
                return _Storage(dtype, key, numel)
    raise ValueError(f"there should be a storage of numbers, got {_said(told)}")


def _made(name: Any, values: Any) -> Any:
    """Return what one of the few allowed functions would make."""
    match name, values:
        case _Name("collections.OrderedDict"), ():
            return _Held({})
        case _Name("torch._utils._rebuild_parameter"), (_Tensor() as tensor, bool(), _Held()):
            return tensor
        case _Name("torch._utils._rebuild_tensor_v2"), (
            _Storage() as storage, int(offset), tuple(shape), tuple(stride), bool(), _Held(), *rest,
        ) if rest in ([], [_Held({})]):  # fmt: skip
            return _tensor(storage, offset, shape, stride)
    text = name.text if isinstance(name, _Name) else name
    raise ValueError(f"{_said(text)} is not allowed, or not with these arguments")


def _tensor(
    storage: _Storage, offset: int, shape: tuple[Any, ...], stride: tuple[Any, ...]
) -> _Tensor:
    sizes = (offset, *shape, *stride)
    if len(shape) != len(stride) or len(shape) > 8:
        raise ValueError("a tensor should have as many strides as axes, at most 8")
    if not all(type(n) is int and 0 <= n < 1 << 62 for n in sizes):
        raise ValueError("a tensor's sizes should be whole numbers, got others")
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
    numel = math.prod(shape)
    if numel and (last >= storage.numel or numel > storage.numel):
        raise ValueError(
            f"a tensor of shape {shape} should lie in its storage of {storage.numel} numbers"
        )
    return _Tensor(storage, shape)
