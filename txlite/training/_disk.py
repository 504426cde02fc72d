"""Files that are there whole or not at all, whatever dies at whatever moment.

Everything is written into a folder whose name begins with ``.writing``, forced to the disk, and
then renamed, which a file system does in one piece. Nobody else ever reads a folder of that name.
The only file of the package that reads and writes what a training keeps.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

__all__ = [
    "draft",
    "point_at",
    "pointed_at",
    "read_json",
    "read_tensors",
    "sweep",
    "write_json",
    "write_tensors",
]

_DRAFT = ".writing"
_POINTER = "latest"


def _sync(path: Path) -> None:
    """Force a file, or the names in a folder, to the disk. Windows has no such order for names."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def draft(folder: Path, name: str) -> Iterator[Path]:
    """Give a folder to write in; when the block ends well it becomes ``folder/name``, whole."""
    unfinished = folder / f"{_DRAFT}-{name}-{os.getpid()}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        for file in unfinished.iterdir():
            _sync(file)
        _sync(unfinished)
        os.rename(unfinished, folder / name)
        _sync(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def point_at(folder: Path, name: str) -> None:
    """Say which checkpoint of a folder is the newest whole one."""
    unfinished = folder / f"{_DRAFT}-{_POINTER}-{os.getpid()}"
    unfinished.write_text(f"{name}\n", encoding="utf-8")
    _sync(unfinished)
    os.replace(unfinished, folder / _POINTER)
    _sync(folder)


def pointed_at(folder: Path) -> Path | None:
    """Return the newest whole checkpoint of a folder, or None if there is none yet."""
    pointer = folder / _POINTER
    if not pointer.is_file():
        return None
    name = pointer.read_text(encoding="utf-8", errors="replace").strip()
    path = folder / name
    if not name or Path(name).name != name or not path.is_dir():
        raise ValueError(f"{pointer} should name a checkpoint beside it, got {name[:80]!r}")
    return path


def sweep(folder: Path, pattern: str, keep: int) -> None:
    """Remove what was never finished, and all but the newest checkpoints.

    A checkpoint is renamed before it is emptied: half of one is never seen under its own name.
    """
    paths = sorted(path for path in folder.glob(pattern) if path.is_dir())
    for path in paths[:-keep]:
        if path != pointed_at(folder):
            os.rename(path, folder / f"{_DRAFT}-over-{path.name}-{os.getpid()}")
    for path in folder.iterdir():
        if path.name.startswith(_DRAFT):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write numbers, strings, lists and dicts; floats come back bit for bit."""
    path.write_text(json.dumps(content), encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read what ``write_json`` wrote; a ValueError names the file if it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path} should be there: the checkpoint is not whole") from None
    except ValueError as error:
        raise ValueError(f"{path} should hold JSON, and is damaged: {error}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} should hold a JSON object, got {type(content).__name__}")
    return content


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> str:
    """Write tensors as safetensors; return the file's fingerprint."""
    from safetensors.torch import save_file

    save_file(tensors, path)
    return _fingerprint(path)


def read_tensors(path: Path, fingerprint: str | None) -> dict[str, Tensor]:
    """Read tensors; a ValueError names the file if it is not the one that was written."""
    from safetensors.torch import load

    if not path.is_file():
        raise ValueError(f"{path} should be there: the checkpoint is not whole")
    content = path.read_bytes()  # no view of the file: Windows moves none that is looked at
    found = hashlib.sha256(content).hexdigest()
    if found != fingerprint:
        raise ValueError(
            f"{path} should have the fingerprint {str(fingerprint)[:12]}…, and is damaged: "
            f"it has {found[:12]}…"
        )
    tensors: dict[str, Tensor] = load(content)
    return tensors


def _fingerprint(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
