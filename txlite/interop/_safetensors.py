"""The safetensors format: a table of names, shapes and offsets, and then the numbers.

The file begins with the length of the table, eight bytes; the table is JSON; the numbers fill the
rest without a hole. The `safetensors` library reads the numbers. What it lets pass, or says without
the file's name, is looked at here first: a name that stands twice, a table of hundreds of
megabytes, dtypes that torch has no numbers for.

Source
    https://huggingface.co/docs/safetensors: "Format".
"""

import math
from pathlib import Path
from typing import Any

import torch

from txlite.interop._extras import needs
from txlite.interop._json import MOST_BYTES, parse_json
from txlite.interop._stored import Stored, shown

__all__ = ["read_safetensors"]

_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
_AXES = 8


def read_safetensors(path: Path) -> dict[str, Stored]:
    """Return what a safetensors file holds, by name.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to Stored
        Every tensor; reading one reads no other.

    Raises
    ------
    ValueError
        If the file is damaged; the message names the file and the field.
    ImportError
        If the `safetensors` library is missing.
    """
    library = needs("safetensors")
    table, begin = _table(path)
    table.pop("__metadata__", None)
    spans = {name: _span(path, name, entry) for name, entry in table.items()}
    _check_filled(path, begin, spans)
    try:
        opened = library.safe_open(path, "pt")
    except Exception as error:  # the library's own kind, which says nothing of the file
        raise ValueError(f"{path} should be a safetensors file, and is damaged: {error}") from None

    def stored(name: str) -> Stored:
        dtype, shape, *_ = spans[name]
        return Stored(path, shape, _DTYPES[dtype], lambda: opened.get_tensor(name))

    return {name: stored(name) for name in spans}


def _table(path: Path) -> tuple[dict[str, Any], int]:
    """Return the table, and where the numbers begin."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        length = int.from_bytes(head, "little")
        if len(head) < 8 or length > size - 8:
            raise ValueError(
                f"{path}: the header's length should be at most the file's {size} bytes, got "
                f"{length}"
            )
        if length > MOST_BYTES:
            raise ValueError(
                f"{path}: the header's length should be at most {MOST_BYTES}, got {length}"
            )
        return parse_json(f"{path}: the header", file.read(length)), 8 + length


def _span(path: Path, name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """Return dtype, shape, begin and end of one entry."""
    where = f"{path}: {shown(name)}"
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{where} should have dtype, shape and data_offsets, got {shown(entry)}")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise ValueError(
            f"{where}: dtype should be one of {', '.join(_DTYPES)}, got {shown(dtype)}"
        )
    if not _are_sizes(shape) or len(shape) > _AXES:
        raise ValueError(
            f"{where}: shape should be a list of at most {_AXES} sizes, got {shown(shape)}"
        )
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise ValueError(f"{where}: data_offsets should be begin and end, got {shown(offsets)}")
    begin, end = offsets
    wanted = math.prod(shape) * _DTYPES[dtype].itemsize
    if end - begin != wanted:
        raise ValueError(
            f"{where}: data_offsets should span {wanted} bytes for {dtype} of shape {shape}, got "
            f"{end - begin}"
        )
    return dtype, tuple(shape), begin, end


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 1 << 62 for n in value)


def _check_filled(
    path: Path, begin: int, spans: dict[str, tuple[str, tuple[int, ...], int, int]]
) -> None:
    """Require that the tensors fill the rest of the file, without overlap and without a hole."""
    reached = 0
    for name, (_, _, first, last) in sorted(spans.items(), key=lambda item: item[1][2:]):
        if first != reached:
            raise ValueError(
                f"{path}: {shown(name)}: data_offsets should begin at {reached}, where the tensor "
                f"before it ends, got {first}"
            )
        reached = last
    held = path.stat().st_size - begin
    if reached != held:
        raise ValueError(f"{path} should hold {reached} bytes of numbers, got {held}")
