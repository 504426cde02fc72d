"""``make quick`` finds the tests of a file by its name, and stops at the first that fails."""

import subprocess
from pathlib import Path

import browsing  # noqa: F401 (puts _ext on the path)
import pytest
from browsing import ROOT
from txbook import quick

TESTS = (
    "nn/test_attention.py",
    "nn/test_attention_parity.py",
    "nn/test_attentive.py",
    "nn/test_kernels.py",
    "nn/masks/test_rules.py",
    "nn/test_masks.py",
    "test_runtime.py",
    "test_data.py",
    "book/test_tables.py",
    "book/test_machinery.py",
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository of empty tests."""
    for name in TESTS:
        path = tmp_path / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("def test_it(): pass\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("file", "tests"),
    [
        ("txlite/nn/attention.py", ["nn/test_attention.py", "nn/test_attention_parity.py"]),
        ("txlite/nn/_kernels.py", ["nn/test_kernels.py"]),
        ("txlite/nn/masks/_rules.py", ["nn/masks/test_rules.py"]),
        ("txlite/nn/masks/kinds.py", ["nn/test_masks.py"]),
        ("txlite/nn/masks/__init__.py", ["nn/masks/test_rules.py"]),
        ("txlite/data/roles/words.py", ["test_data.py"]),
        (
            "txlite/nn/stacks.py",
            [name for name in sorted(TESTS) if name.count("/") == 1 and "nn/" in name],
        ),
        ("txlite/runtime.py", ["test_runtime.py"]),
        ("txlite/__init__.py", []),
        ("tests/nn/test_kernels.py", ["nn/test_kernels.py"]),
        ("tests/nn/masks/tiny.py", ["nn/masks/test_rules.py"]),
        ("_ext/txbook/tables.py", ["book/test_tables.py"]),
        ("_ext/txbook/repairs.py", ["book/test_machinery.py"]),
        (
            "chapters/03_masks.ipynb",
            [f"book/test_{name}.py" for name in ("exercises", "notebooks", "tables")],
        ),
        ("README.md", []),
        ("benchmarks/attention.py", []),
        ("txlite/viz/widgets/base.js", []),
    ],
)
def test_tests_of_a_file(tree: Path, file: str, tests: list[str]) -> None:
    assert quick.tests_of(tree, file) == [f"tests/{name}" for name in tests]


def test_every_file_of_the_package_in_git_has_tests() -> None:
    """What finds no tests would never be tested quickly."""
    files = [path.relative_to(ROOT).as_posix() for path in (ROOT / "txlite").rglob("*.py")]
    lost = {name for name in files if not quick.tests_of(ROOT, name)}
    assert {name for name in lost if not name.endswith("__init__.py")} <= {"txlite/__main__.py"}


def test_changed_files_are_those_of_git_and_the_new_ones(tmp_path: Path) -> None:
    for name in ("kept.py", "edited.py", "gone.py", ".gitignore"):
        (tmp_path / name).write_text("ignored.py\n", encoding="utf-8")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "all"], check=True)
    (tmp_path / "edited.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "gone.py").unlink()
    for name in ("new.py", "ignored.py"):
        (tmp_path / name).write_text("", encoding="utf-8")
    assert quick.changed(tmp_path, "HEAD") == ["edited.py", "new.py"]


def test_only_what_the_files_need_is_run(tree: Path) -> None:
    assert quick.plan(tree, ["README.md"]) == []
    plan = quick.plan(tree, ["txlite/nn/attention.py", "README.md"])
    assert [command[2] for command in plan] == ["ruff", "ruff", "mypy", "pytest"]
    assert "README.md" not in plan[0]
    assert [command[2] for command in quick.plan(tree, ["tests/nn/test_kernels.py"])] == [
        "ruff",
        "ruff",
        "pytest",
    ]


@pytest.mark.parametrize(("body", "status"), [("pass", 0), ("assert False", 1)])
def test_the_status_is_that_of_the_tests(
    tree: Path, monkeypatch: pytest.MonkeyPatch, body: str, status: int
) -> None:
    name = "tests/nn/test_kernels.py"
    (tree / name).write_text(f"def test_it() -> None:\n    {body}\n", encoding="utf-8")
    monkeypatch.setattr(quick, "changed", lambda root, since: [name])
    assert quick.run(tree) == status


def test_a_minute_is_the_limit(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "tests/nn/test_kernels.py"
    slow = "import time\n\n\ndef test_it() -> None:\n    time.sleep(60)\n"
    (tree / name).write_text(slow, encoding="utf-8")
    monkeypatch.setattr(quick, "changed", lambda root, since: [name])
    monkeypatch.setattr(quick, "SECONDS", 3)
    assert quick.run(tree) == 1
    assert "The 3 s are over" in capsys.readouterr().out
