"""Files and folders that are there whole or not at all, whatever dies at whatever moment.

What is being written has a name beside its place that begins with ``.writing``. It is forced to the
disk and then renamed, which a file system does in one piece. Nobody reads a thing of such a name.

Whoever writes many things into one folder holds it meanwhile: two would undo each other's work. The
operating system knows who holds it, so a process that dies leaves the folder free.
"""

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["alone", "draft_of", "remove", "remove_drafts", "whole"]

_DRAFT = ".writing"
_HELD = ".held"
_BUSY = {errno.EAGAIN, errno.EACCES, errno.EDEADLK}  # what a system says where another has the lock


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
        with suppress(OSError):  # the first error is the one to tell
            remove(draft)
        raise


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder: until the block ends, however it ends, nobody else can.

    Parameters
    ----------
    folder : Path
        Made if it is not there.

    Raises
    ------
    ValueError
        If another process holds it, or another block of this one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _HELD
    handle = _hold(path)
    if handle is None:
        raise ValueError(f"{folder} is in use: another process writes to it")
    try:
        yield
    finally:
        if sys.platform == "win32":  # removes no file that is open
            os.close(handle)
        with suppress(OSError):
            path.unlink()
        if sys.platform != "win32":
            os.close(handle)


def _hold(path: Path) -> int | None:
    """Return a handle with the lock of a file, or None where another has it."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(handle)
            if _is_still(handle, path):
                return handle
        except OSError as error:
            if error.errno in _BUSY:
                os.close(handle)
                return None
            return handle  # a file system without locks: as before there were any
        os.close(handle)  # whoever held it has removed it meanwhile


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_still(handle: int, path: Path) -> bool:
    """Whether a path leads to the file that a handle has open."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


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
