"""``make quick``: what the changed files need, in at most a minute.

ruff looks at the changed files, mypy at the package (it remembers what it has seen), and pytest
runs the tests of the changed files: tests mirror the package file by file, so that
``txlite/nn/attention.py`` has ``tests/nn/test_attention.py`` and its relatives
``tests/nn/test_attention_*.py``. This is for the time between two commits; ``make test`` decides.
"""

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

SECONDS = 60
CODE = ("txlite", "_ext/txbook")
FAST = "not site and not slow and not browser"


def git(root: Path, *arguments: str) -> list[str]:
    """Return the lines that git prints."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def changed(root: Path, since: str) -> list[str]:
    """Return the files that are there and differ from a revision, new ones too, sorted."""
    tracked = git(root, "diff", "--name-only", "--no-renames", since, "--")
    new = git(root, "ls-files", "--others", "--exclude-standard")
    return sorted(name for name in {*tracked, *new} if (root / name).is_file())


def linted(files: Iterable[str]) -> list[str]:
    """Return what ruff reads."""
    return [name for name in files if name.endswith((".py", ".ipynb"))]


def tests_of(root: Path, file: str) -> list[str]:
    """Return the tests that belong to one file, sorted; none where only everything would do.

    A test stands for itself. A file of the package has the tests of its own name in the folder that
    mirrors its own; ``_private.py`` has those of ``private``, ``__init__.py`` those of its folder.
    Where there are none, the tests of the folder's name answer for it, and then its whole folder.
    """
    path = Path(file)
    if path.suffix == ".py" and path.parts[0] == "tests":
        return [file] if path.name.startswith("test_") else _with_name(root, path.parent, "*")
    if path.suffix == ".ipynb" or file == "_toc.yml":
        names = ("exercises", "notebooks", "tables")
        return [f"tests/book/test_{name}.py" for name in names]
    if path.suffix != ".py" or not file.startswith(CODE):
        return []
    if path.parts[0] == "_ext":
        own = _with_name(root, Path("tests/book"), path.stem)
        return own or ["tests/book/test_machinery.py"]
    folder = Path("tests", *path.parts[1:-1])
    if path.stem == "__init__":
        return _with_name(root, folder, "*") if folder != Path("tests") else []
    return _nearest(root, folder, path.stem.removeprefix("_"))


def _nearest(root: Path, folder: Path, stem: str) -> list[str]:
    """Return the tests of a name, else of the folder's name, else all those in the folder."""
    found = _with_name(root, folder, stem)
    if found or folder == Path("tests"):
        return found
    return (
        _with_name(root, folder.parent, folder.name)
        or _with_name(root, folder, "*")
        or _nearest(root, folder.parent, folder.name)
    )


def _with_name(root: Path, folder: Path, stem: str) -> list[str]:
    """Return a folder's tests of this name and of names that it begins."""
    patterns = {f"test_{stem}.py", f"test_{stem}_*.py"}
    found = {path for pattern in patterns for path in (root / folder).glob(pattern)}
    return sorted(path.relative_to(root).as_posix() for path in found)


def plan(root: Path, files: list[str]) -> list[list[str]]:
    """Return the commands, the quickest first."""
    python, commands = [sys.executable, "-m"], []
    if lint := linted(files):
        commands.append([*python, "ruff", "check", *lint])
        commands.append([*python, "ruff", "format", "--check", *lint])
    if any(name.startswith("txlite/") and name.endswith(".py") for name in files):
        commands.append([*python, "mypy"])
    if tests := sorted({test for name in files for test in tests_of(root, name)}):
        commands.append([*python, "pytest", "-q", "-x", "-m", FAST, *tests])
    return commands


def run(root: Path, since: str = "HEAD") -> int:
    """Run the plan until something fails or the minute is over; return an exit status."""
    files = changed(root, since)
    commands = plan(root, files)
    print(f"{len(files)} files differ from {since}", flush=True)
    begin = time.monotonic()
    for command in commands:
        print("+", *command[2:], flush=True)
        left = SECONDS - (time.monotonic() - begin)
        try:
            done = subprocess.run(command, cwd=root, check=False, timeout=max(left, 0))
        except subprocess.TimeoutExpired:
            print(f"The {SECONDS} s are over: what ran is right, the rest is for make unit")
            return 1
        # pytest says 5 where all the tests are for a browser or a built site
        if done.returncode and (done.returncode, command[2]) != (5, "pytest"):
            return done.returncode
    print(f"quick: all is well after {time.monotonic() - begin:.0f} s")
    return 0
