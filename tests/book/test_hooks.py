"""Every hook of .pre-commit-config.yaml passes on the tree, and sees what it is there to see."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import browsing  # noqa: F401 (puts _ext on the path)
import nbformat
import pytest
import yaml
from browsing import ROOT
from nbformat.v4 import new_code_cell, new_notebook, new_output
from txbook import kept

CONFIG = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
HOOKS = [hook for repo in CONFIG["repos"] for hook in repo["hooks"]]
ENDINGS = {"python": (".py",), "jupyter": (".ipynb",), "javascript": (".js",)}
TEXT = (".py", ".md", ".ipynb", ".toml", ".yml", ".yaml", ".js", ".css", ".bib", ".cff", ".svg")


def files(hook: dict[str, Any]) -> list[str]:
    """Return the files in git that pre-commit would hand to a hook."""
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    kinds = hook.get("types_or")
    endings = tuple(e for kind in kinds for e in ENDINGS[kind]) if kinds else TEXT
    return [
        name
        for name in names.stdout.splitlines()
        if name.endswith(endings)
        and (ROOT / name).is_file()
        and re.search(hook.get("files", ""), name)
        and not re.search(hook.get("exclude", "^$"), name)
    ]


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_passes_on_the_tree(hook: dict[str, Any]) -> None:
    assert hook["language"] == "system", "hooks work without a network"
    here = Path(sys.executable).parent
    words = [
        word.replace(".venv/bin", str(here)) if word.startswith(".venv/bin/") else word
        for word in shlex.split(hook["entry"])
    ]
    named = files(hook)
    assert named
    done = subprocess.run([*words, *named], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_spelling_sees_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("It is rec" + "ieved counts.\n", encoding="utf-8")
    command = [sys.executable, "-m", "codespell_lib", str(path)]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode


@pytest.mark.parametrize(
    ("tags", "outputs", "count", "says"),
    [
        ([], [new_output("stream", text="left")], None, "cell 0 holds what a run has left"),
        ([], [], 3, "cell 0 holds what a run has left"),
        (
            ["nbval-check-output"],
            [new_output("display_data", data={"text/plain": "x", "image/png": "eA=="})],
            1,
            "cell 0 holds more than the text of an output",
        ),
        (["nbval-check-output"], [], 1, "cell 0 is compared and has no output"),
    ],
)
def test_what_git_does_not_keep_is_refused(
    tmp_path: Path, tags: list[str], outputs: list[Any], count: int | None, says: str
) -> None:
    cell = new_code_cell("1", metadata={"tags": tags}, outputs=outputs, execution_count=count)
    path = tmp_path / "a.ipynb"
    metadata = {"language_info": {"name": "python"}}
    nbformat.write(new_notebook(cells=[cell], metadata=metadata), path)
    assert kept.faults(path) == [f"{path}: {says}"]
    assert kept.main([str(path)]) == 1
