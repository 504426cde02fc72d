"""The executed notebooks, each with the files it used and what it cost, in ``_build/store``.

An entry is one notebook, written whole or not at all. It is valid for a chapter if the chapter's
key is the entry's (`key.py`) and every file that the run used is what it was (`closure.py`).
"""

import hashlib
import json
import os
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from filelock import FileLock

from txbook.closure import is_current
from txbook.key import Conditions, cells, key

NAME = "txbook"  # of our part of a notebook's metadata
KEPT = 6  # entries of one chapter: two budgets, and what a branch or two have changed
OLD_SECONDS = 24 * 3600  # a lock or a half-written file this old belongs to nobody


@dataclass(frozen=True)
class Run:
    """A chapter that was executed from its first cell to its last."""

    chapter: str
    notebook: nbformat.NotebookNode
    files: dict[str, str]
    cost: dict[str, Any]


class Store:
    """The executed notebooks of the repository at ``root``."""

    def __init__(self, root: Path, conditions: Conditions | None = None):
        self.root = root
        self.conditions = conditions or Conditions.here(root)
        folder = root / "_build" / "store"
        seed = self.conditions.seed  # the page's own has none
        self.folder = folder / f"seed-{seed}" if seed else folder

    def key(self, path: Path) -> str:
        """Return what the chapter at ``path`` is looked up by."""
        return key(nbformat.read(path, as_version=4), self.conditions)

    def find(self, path: Path) -> Run | None:
        """Return the valid run of the chapter at ``path``, or None."""
        for file in _newest_first(self.folder.glob(f"*-{self.key(path)}-*.ipynb")):
            run = self._read(file)
            if run is not None and is_current(self.root, run.files):
                os.utime(file)  # it is in use: do not trim it
                return run
        return None

    def drop(self, path: Path) -> None:
        """Forget the runs of the chapter at ``path``: it is executed anew when it is asked for."""
        for file in self.folder.glob(f"*-{self.key(path)}-*.ipynb"):
            file.unlink(missing_ok=True)

    def _read(self, file: Path) -> Run | None:
        try:
            notebook = nbformat.read(file, as_version=4)
            own = notebook.metadata.pop(NAME)
            return Run(own["chapter"], notebook, dict(own["files"]), dict(own["cost"]))
        except (OSError, ValueError, KeyError):  # another process trimmed it, or it is no entry
            return None

    def save(self, run: Run) -> Path:
        """Write an executed chapter under its key; return where."""
        self.folder.mkdir(parents=True, exist_ok=True)
        notebook = nbformat.from_dict(run.notebook)
        notebook.metadata[NAME] = {"chapter": run.chapter, "files": run.files, "cost": run.cost}
        name = key(run.notebook, self.conditions)
        file = self.folder / f"{run.chapter}-{name}-{_short(run.files)}.ipynb"
        write_whole(file, nbformat.writes(notebook))
        notebook.metadata.pop(NAME)
        return file

    def lock(self, name: str) -> FileLock:
        """Return the lock of a key: who holds it executes, everybody else waits."""
        folder = self.folder / ".locks"
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / name, thread_local=False)

    def trim(self) -> None:
        """Keep the last few entries of each chapter; drop what killed processes left."""
        chapters = defaultdict(list)
        for file in _newest_first(self.folder.glob("*.ipynb")):
            chapters[file.name.rsplit("-", 2)[0]].append(file)
        for files in chapters.values():
            for file in files[KEPT:]:
                file.unlink(missing_ok=True)
        for file in (*self.folder.glob("*.part"), *self.folder.glob(".locks/*")):
            if time.time() - file.stat().st_mtime > OLD_SECONDS:
                file.unlink(missing_ok=True)


def write_whole(file: Path, text: str) -> None:
    """Write a text file whole or not at all: nobody ever reads a part of it."""
    scratch = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        scratch.write_text(text, encoding="utf-8")
        os.replace(scratch, file)
    finally:
        scratch.unlink(missing_ok=True)


def merged(notebook: nbformat.NotebookNode, run: Run) -> nbformat.NotebookNode:
    """Return the chapter as it is written now with the outputs of its run."""
    whole = nbformat.from_dict(notebook)
    for cell, executed in zip(cells(whole), cells(run.notebook), strict=True):
        cell.outputs, cell.execution_count = joined(executed.outputs), executed.execution_count
    for name in ("widgets", "language_info"):
        if name in run.notebook.metadata:
            whole.metadata[name] = run.notebook.metadata[name]
    return whole


def joined(outputs: list[Any]) -> list[Any]:
    """Join what one stream wrote in several pieces: where it is cut depends on the machine.

    A page would put every piece into a line of its own.
    """
    whole: list[Any] = []
    for output in outputs:
        last = whole[-1] if whole else {}
        if output.get("name") is not None and output.get("name") == last.get("name"):
            whole[-1] = nbformat.from_dict({**last, "text": last["text"] + output["text"]})
        else:
            whole.append(output)
    return whole


def _newest_first(files: Any) -> list[Path]:
    return sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)


def _short(files: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]
