"""The only file of the floor that reads and writes: what a training keeps, and which is newest."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from torch import Tensor

from txlite._atomic import draft_of, remove_drafts, whole
from txlite.training._names import is_checkpoint, saved

__all__ = [
    "point_at",
    "pointed_at",
    "read_json",
    "read_tensors",
    "sweep",
    "write_json",
    "write_tensors",
]

_POINTER = "latest"


def point_at(folder: Path, name: str) -> None:
    """Say which checkpoint of a folder is the newest whole one."""
    with whole(folder / _POINTER) as unfinished:
        unfinished.write_text(f"{name}\n", encoding="utf-8")


def pointed_at(folder: Path) -> Path | None:
    """Return the newest whole checkpoint of a folder, or None if there is none yet."""
    pointer = folder / _POINTER
    if not pointer.is_file():
        return None
    name = pointer.read_text(encoding="utf-8", errors="replace").strip()
    path = folder / name
    if path.name != name or not is_checkpoint(path):
        raise ValueError(f"{pointer} should name a checkpoint beside it, got {name[:80]!r}")
    return path


def sweep(folder: Path, keep: int) -> None:
    """Remove what was never finished, and all but the newest checkpoints.

    A checkpoint is renamed before it is emptied: half of one is never seen under its own name.
    """
    newest = pointed_at(folder)
    for path in saved(folder)[:-keep]:
        if path != newest:
            os.rename(path, draft_of(path))
    remove_drafts(folder)


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
    """Write tensors as safetensors; return the file's fingerprint. A disk's errors are OSError."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        save_file(tensors, path)
    except SafetensorError as error:
        raise OSError(f"{path} cannot be written to: {error}") from None
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
