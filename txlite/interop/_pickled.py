"""PyTorch's own files, looked through before torch reads them.

A `.bin` file is a pickle: a program that builds objects. ``torch.load(weights_only=True)`` runs no
foreign code, but it believes the sizes that the program names, and a few bytes can ask for all the
memory there is. So the program is first followed by :mod:`txlite.interop._program`. Only when every
tensor lies inside its storage, and every storage inside the file, does torch read it.

Two layouts exist. Since version 1.6 the file is a zip archive, each storage one uncompressed entry.
Before, five pickles stood one after the other, then the storages.
"""

import warnings
import zipfile
from io import BytesIO
from pathlib import Path

import torch

from txlite.interop._program import MOST_PROGRAM, Held, InStorage, follow, run, said
from txlite.interop._stored import Stored, shown

__all__ = ["read_pickled"]

_MAGIC = 0x1950A86A20F9469CFC6C  # what a file of the older layout begins with
_PROTOCOL = 1001
_END = 56 + 20 + 22  # bytes: the two tables' ends, and what stands between them


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


def _in_zip(path: Path) -> dict[str, InStorage]:
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
        if len(programs) != 1 or entries[programs[0]].file_size > MOST_PROGRAM:
            raise ValueError("there should be one data.pkl of at most 8 MB")
        root = programs[0].removesuffix("data.pkl")
        if f"{root}byteorder" in entries and archive.read(f"{root}byteorder") != b"little":
            raise ValueError("the byteorder should be little")
        found, storages = follow(BytesIO(archive.read(programs[0])))
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
    if max(told) > MOST_PROGRAM:
        raise ValueError(f"the table of entries should have at most 8 MB, got {max(told)}")


def _in_stream(path: Path) -> dict[str, InStorage]:
    """Look the older layout through."""
    size = path.stat().st_size
    with path.open("rb") as file:
        for wanted in (_MAGIC, _PROTOCOL):
            if (got := run(file)) != wanted:
                raise ValueError(f"it should begin with {wanted}, got {said(got)}")
        if (
            not isinstance(system := run(file), Held)
            or system.items.get("little_endian") is not True
        ):
            raise ValueError("the byteorder should be little")
        found, storages = follow(file)
        keys = run(file)
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise ValueError(f"there should be a list of storages, got {said(keys)}")
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
