"""The program of a pickle, followed with nothing but names and numbers in its hands.

No object is built and no code runs: what comes out is a list of tensors and of the storages that
they lie in, each within its storage.
"""

import math
import pickletools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

import torch

from txlite.interop._stored import shown

__all__ = ["MOST_PROGRAM", "Held", "InStorage", "Storage", "follow", "run", "said"]

MOST_PROGRAM = 8 << 20  # bytes
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


class Storage(NamedTuple):
    """A run of numbers in the file."""

    dtype: torch.dtype
    key: str
    numel: int


class InStorage(NamedTuple):
    """A tensor in a storage."""

    storage: Storage
    shape: tuple[int, ...]


class _Name(NamedTuple):
    """A name that the program imports."""

    text: str


@dataclass
class Held:
    """A dict, or an object that is one. It may have attributes: they are of no use here."""

    items: dict[str, Any]


def follow(file: BinaryIO) -> tuple[dict[str, InStorage], dict[str, Storage]]:
    """Follow the program that builds the tensors."""
    storages: dict[str, Storage] = {}
    held = run(file, storages)
    if not isinstance(held, Held):
        raise ValueError(f"there should be a dict, got {said(held)}")
    for name, tensor in held.items.items():
        if not isinstance(tensor, InStorage):
            raise ValueError(f"{shown(name)} should be a tensor, got {type(tensor).__name__}")
    return held.items, storages


def run(file: BinaryIO, storages: dict[str, Storage] | None = None) -> Any:
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
                stack.append(Held({}))
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
                if not isinstance(stack[-1], Held):
                    raise ValueError("only a dict may have attributes")
            case _:
                raise ValueError(f"the operation {code} has no place among tensors")
    raise ValueError("the program has no end")


def said(value: Any) -> str:
    """Return what a message says of a value; what holds others may be endless when written out."""
    return shown(value) if isinstance(value, str | int | None) else type(value).__name__


def _codes(file: BinaryIO) -> Iterator[tuple[str, Any, int | None]]:
    begin = file.tell()
    for code, argument, position in pickletools.genops(file):
        if file.tell() - begin > MOST_PROGRAM:
            raise ValueError("the program should have at most 8 MB")
        yield code.name, argument, position


def _list(stack: list[Any]) -> list[Any]:
    if not isinstance(stack[-1], list):
        raise ValueError(f"there should be a list, got {type(stack[-1]).__name__}")
    return stack[-1]


def _keep(stack: list[Any], pairs: list[Any]) -> None:
    held = stack[-1]
    if not isinstance(held, Held) or len(pairs) % 2:
        raise ValueError("there should be a dict and its pairs")
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        if not isinstance(key, str):  # the hash of anything else can take for ever
            raise ValueError(f"a key should be text, got {type(key).__name__}")
        if key in held.items:
            raise ValueError(f"the key {shown(key)} stands there twice")
        held.items[key] = value


def _storage(told: Any) -> Storage:
    """Read what stands for a storage: a word, its kind, its key, its device, its size."""
    match told:
        case ("storage", _Name(text), str(key), str(), int(numel), *rest) if numel >= 0:
            dtype = _STORAGES.get(text.removeprefix("torch."))
            if dtype is not None and rest in ([], [None]):
                return Storage(dtype, key, numel)
    raise ValueError(f"there should be a storage of numbers, got {said(told)}")


def _made(name: Any, values: Any) -> Any:
    """Return what one of the few allowed functions would make."""
    match name, values:
        case _Name("collections.OrderedDict"), ():
            return Held({})
        case _Name("torch._utils._rebuild_parameter"), (InStorage() as tensor, bool(), Held()):
            return tensor
        case _Name("torch._utils._rebuild_tensor_v2"), (
            Storage() as storage, int(offset), tuple(shape), tuple(stride), bool(), Held(), *rest,
        ) if rest in ([], [Held({})]):  # fmt: skip
            return _tensor(storage, offset, shape, stride)
    text = name.text if isinstance(name, _Name) else name
    raise ValueError(f"{said(text)} is not allowed, or not with these arguments")


def _tensor(
    storage: Storage, offset: int, shape: tuple[Any, ...], stride: tuple[Any, ...]
) -> InStorage:
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
    return InStorage(storage, shape)
