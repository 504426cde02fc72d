"""Which chapters a change concerns, told from git and from the sources alone, before anything runs.

The smoke test runs these. A chapter is concerned if its file has changed, or a file that its cells
import, directly or through others. Names that a package loads when asked for are found by the rule
that their file bears their name: ``checks.causal_mask`` is ``txlite/checks/…/causal_mask.py``. What
this reading misses, the nightly run of everything finds.
"""

import ast
import re
import subprocess
from functools import partial
from pathlib import Path

import nbformat

from txbook.closure import closure, imported, inside, located
from txbook.key import cells
from txbook.runner import chapters

# A change here concerns every chapter.
EVERYTHING = re.compile(
    r"(constraints|weights)\.txt|pyproject\.toml|_ext/txbook/(kernel|execute|key)\.py"
)
MAGIC = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)  # a line that only IPython understands


def git(root: Path, *arguments: str) -> str | None:
    """Return what git says, or None where it fails or is not there."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def base(root: Path) -> str | None:
    """Return the revision to compare with, or None where there is none.

    On a branch it is where the branch left main; on main itself it is the commit before. A clone
    without history has neither.
    """
    head = git(root, "rev-parse", "HEAD")
    for main in ("origin/main", "main"):
        fork = git(root, "merge-base", "HEAD", main)
        if fork and fork != head:
            return fork
    return git(root, "rev-parse", "--verify", "HEAD~1")


def changed_files(root: Path, since: str) -> set[str] | None:
    """Return what has changed since a revision, in commits and beside them; None without git."""
    committed = git(root, "diff", "--name-only", "--no-renames", since)
    new = git(root, "ls-files", "--others", "--exclude-standard")
    if committed is None or new is None:
        return None
    return {*committed.splitlines(), *new.splitlines()}


def sources(root: Path, path: Path) -> set[str]:
    """Return the files below ``root`` that a notebook's cells may import."""
    notebook = nbformat.read(path, as_version=4)
    source = "\n\n".join(MAGIC.sub(r"\1pass", cell.source) for cell in cells(notebook))
    tree = ast.parse(source)
    names = imported(source)
    found = {file for name in names for file in located(root, name)}
    packages = {Path(file).parent.name: Path(file).parent for file in found if "/__init__" in file}
    asked = {name.rpartition(".")[::2] for name in names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            asked.add((node.value.id, node.attr))
    for package, name in asked:
        folder = packages.get(package.rpartition(".")[2])
        lazy = root.joinpath(folder).rglob(f"{name}.py") if folder else ()
        found |= set(filter(None, map(partial(inside, root), lazy)))
    return closure(root, found)


def changed(root: Path, since: str | None = None) -> list[Path]:
    """Return the chapters that the changes since a revision concern; every chapter without git.

    Parameters
    ----------
    root : Path
        The repository.
    since : str, optional
        A revision; where none is named, see `base`.
    """
    since = since or base(root)
    files = changed_files(root, since) if since else None
    if files is None or any(EVERYTHING.fullmatch(file) for file in files):
        return chapters(root)

    def concerned(path: Path) -> bool:
        return bool(files & ({inside(root, path)} | sources(root, path)))

    return [path for path in chapters(root) if concerned(path)]
