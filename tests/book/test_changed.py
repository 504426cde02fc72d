"""``make smoke`` in a fresh clone: which chapters a change concerns, told without running them."""

import subprocess
from pathlib import Path

import pytest
from tiny import make, write, write_notebook
from txbook.changed import base, changed, sources

TYPED = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import tiny.unused\n"


def git(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Two chapters, one with a name that its package loads when asked, in one commit on main."""
    root = make(tmp_path)
    write(root, "tiny/lazy/__init__.py", "def __getattr__(name): ...\n")
    write(root, "tiny/lazy/deep/asked_for.py", "def f():\n    import tiny.late\n")
    write(root, "tiny/late.py", "")
    write(root, "tiny/lazy/deep/not_asked_for.py", "")
    write(root, "tiny/typed.py", TYPED)
    lazy = "%matplotlib inline\nfrom tiny import lazy, typed\nlazy.asked_for(1)"
    write(root, "tiny/lazy/deep/named.py", "")
    lazy += "\nfrom tiny.lazy import named"
    write_notebook(root / "chapters" / "02_two.ipynb", lazy)
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "all")
    return root


def names(root: Path, since: str | None = "HEAD") -> list[str]:
    return [path.stem for path in changed(root, since)]


def test_what_a_chapter_uses_is_read_from_its_cells(clone: Path) -> None:
    chapter = clone / "chapters" / "02_two.ipynb"
    assert sources(clone, chapter) == {
        "tiny/__init__.py",
        "tiny/late.py",
        "tiny/lazy/__init__.py",
        "tiny/lazy/deep/asked_for.py",
        "tiny/lazy/deep/named.py",
        "tiny/typed.py",
    }


@pytest.mark.parametrize(
    ("file", "concerned"),
    [
        ("tiny/used.py", ["01_one"]),
        ("tiny/later.py", ["01_one"]),
        ("tiny/lazy/deep/asked_for.py", ["02_two"]),
        ("tiny/late.py", ["02_two"]),
        ("tiny/unused.py", []),
        ("tiny/lazy/deep/not_asked_for.py", []),
        ("README.md", []),
        ("tiny/__init__.py", ["01_one", "02_two"]),
        ("constraints.txt", ["01_one", "02_two"]),
        ("weights.txt", ["01_one", "02_two"]),
        ("chapters/03_new.ipynb", ["03_new"]),
    ],
)
def test_a_change_concerns_the_chapters_that_use_it(
    clone: Path, file: str, concerned: list[str]
) -> None:
    assert names(clone) == []
    if file.endswith(".ipynb"):
        write_notebook(clone / file, "1")
    else:
        write(clone, file, "# new\n")
    assert names(clone) == concerned
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "change")
    assert names(clone) == []
    assert names(clone, "HEAD~1") == concerned


def test_without_a_revision_it_is_the_fork_or_the_commit_before(clone: Path) -> None:
    assert base(clone) is None
    assert names(clone, None) == ["01_one", "02_two"]  # nothing to compare with
    write(clone, "tiny/used.py", "value = 2\n")
    git(clone, "commit", "-q", "-a", "-m", "two")
    assert names(clone, None) == ["01_one"]
    git(clone, "checkout", "-q", "-b", "branch")
    for text in ("3", "4"):
        write(clone, "tiny/late.py", f"value = {text}\n")
        git(clone, "commit", "-q", "-a", "-m", text)
    assert names(clone, None) == ["02_two"]


def test_without_git_every_chapter_is_concerned(tmp_path: Path) -> None:
    root = make(tmp_path)
    assert [path.stem for path in changed(root)] == ["01_one"]
    assert [path.stem for path in changed(root, "no-such-revision")] == ["01_one"]
