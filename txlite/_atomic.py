"""Files and folders that are there whole or not at all, whatever dies at whatever moment.

What is being written has a name beside its place that begins with ``.writing``. It is forced to the
disk and then renamed, which a file system does in one piece. Nobody reads a thing of such a name.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["draft_of", "remove", "remove_drafts", "whole"]

_DRAFT = ".writing"


def draft_of(path: Path) -> Path:
    """Return the name, beside its place, that a file or folder has while this process writes it."""
    return path.parent / f"{_DRAFT}-{path.name}-{os.getpid()}"


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a place for a file or a folder; when the block ends well it becomes ``path``, whole.

    Parameters
    ----------
    path : Path
        Where it shall be; folders above it are made. A file there is replaced, a folder may not be
        there.

    Yields
    ------
    Path
        Where to write it, or to make the folder. After an error nothing is left there.
    """
    draft = draft_of(path)
    remove(draft)
    draft.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield draft
        for part in draft.iterdir() if draft.is_dir() else ():
            _sync(part)
        _sync(draft)
        os.replace(draft, path)
        _sync(path.parent)
    except BaseException:
        remove(draft)
        raise


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_drafts(folder: Path) -> None:
    """Remove what was never finished in a folder, by whichever process."""
    for path in folder.iterdir():
        if path.name.startswith(_DRAFT):
            remove(path)


def _sync(path: Path) -> None:
    """Force a file, or the names in a folder, to the disk. Windows has no such order for names."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
