"""Which files of the repository a run has used, and whether they are what they were.

A kernel reports the modules it holds and the files it has opened (`kernel.py`). To these come the
modules that they import inside functions, as far as the source says so: a process that a chapter
spawns may be the first to call such a function. What stands under ``if TYPE_CHECKING`` runs nowhere
and is left out.
"""

import ast
import hashlib
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

SKIPPED = {"_build", "_ext", "__pycache__", "build", "dist", "node_modules"}


def inside(root: Path, path: str | os.PathLike[str]) -> str | None:
    """Return a file's path below ``root``, or None where it lies elsewhere or is no source."""
    full = os.path.abspath(path)
    if not full.startswith(f"{root}{os.sep}"):
        return None
    parts = Path(full).relative_to(root).parts
    if any(part in SKIPPED or part.startswith(".") for part in parts):
        return None
    return "/".join(parts)


def digest(path: Path) -> str:
    """Return a short name for a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def snapshot(root: Path) -> dict[str, str]:
    """Return what every file below ``root`` is now: its path and its digest."""
    found: dict[str, str] = {}
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIPPED and not f.startswith("."))
        for name in sorted(names):
            path = inside(root, os.path.join(folder, name))
            if path is not None:
                found[path] = digest(root / path)
    return found


def is_current(root: Path, files: dict[str, str]) -> bool:
    """Tell whether every one of these files still is what it was."""
    return all(
        (root / name).is_file() and digest(root / name) == known for name, known in files.items()
    )


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every node of a file but those that only a type checker reads."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            todo += node.orelse
        else:
            todo += ast.iter_child_nodes(node)


@cache
def imported(source: str, package: str = "") -> frozenset[str]:
    """Return every dotted name that a source may import, also inside functions.

    Parameters
    ----------
    source : str
        Python.
    package : str
        The package that the source belongs to: what ``from . import x`` is relative to.
    """
    found = set()
    for node in _statements(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (base, node.module) if part)
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def located(root: Path, name: str) -> list[str]:
    """Return the files below ``root`` that importing a dotted name reads, packages included."""
    parts = name.split(".")
    found = []
    for length in range(1, len(parts) + 1):
        stem = "/".join(parts[:length])
        path = next((p for p in (f"{stem}/__init__.py", f"{stem}.py") if (root / p).is_file()), "")
        if not path:
            break
        found.append(path)
    return found


def package_of(path: str) -> str:
    """Return the package that a file belongs to: ``txlite.nn`` for ``txlite/nn/masks.py``."""
    return ".".join(path.split("/")[:-1])


def closure(root: Path, files: Iterable[str]) -> set[str]:
    """Return these files below ``root`` and all that the Python ones among them may import."""
    seen: set[str] = set()
    todo = list(files)
    while todo:
        path = todo.pop()
        if path in seen or not (root / path).is_file():
            continue
        seen.add(path)
        if path.endswith(".py"):
            source = (root / path).read_text(encoding="utf-8")
            for name in imported(source, package_of(path)):
                todo += located(root, name)
    return seen
