"""The package as others get it: built, installed in a clean place, a chapter run with it."""

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHAPTER = "02_scaled_dot_product.ipynb"
RUN = """
import nbformat, nbclient, sys, txlite
assert sys.prefix in txlite.__file__, txlite.__file__
notebook = nbformat.read(sys.argv[1], as_version=4)
client = nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3",
                                 resources={"metadata": {"path": "."}})
client.execute()
print("cells run:", sum(cell.cell_type == "code" for cell in notebook.cells))
"""

pytestmark = pytest.mark.slow


def run(command: list[str | Path], cwd: Path) -> str:
    """Run a command away from the repository; return what it said."""
    env = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=env | {"TXLITE_BUDGET": "smoke"},
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--outdir", folder, ROOT], cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    """The wheel."""
    (found,) = dist.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment into which the wheel was installed, as Colab would."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder / "env", with_pip=True)
    scripts = "Scripts" if sys.platform == "win32" else "bin"
    python = folder / "env" / scripts / "python"
    pip = [python, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt"]
    run([*pip, f"{wheel}[notebook]", "nbclient"], cwd=folder)
    return python


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {t for t in tops if not t.endswith(".dist-info")} == {"txlite"}
    here = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "txlite").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    kept = {f"txlite/_studies/{path.name}" for path in (ROOT / "book" / "studies").iterdir()}
    assert {name for name in names if name.startswith("txlite/")} == here | kept
    assert "txlite/py.typed" in names
    assert any(name.endswith(".js") for name in names)
    assert any(name.endswith("LICENSE") for name in names)


def test_the_wheel_alone_asks_for_torch_and_jaxtyping(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (path,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = email.message_from_bytes(archive.read(path))
    wanted = [text for text in metadata.get_all("Requires-Dist", []) if "extra ==" not in text]
    assert {re.match(r"[\w-]+", text)[0] for text in wanted} == {"torch", "jaxtyping"}
    assert set(metadata.get_all("Provides-Extra", [])) >= {"notebook", "book", "test"}


def test_the_index_would_take_both(dist: Path) -> None:
    said = run([sys.executable, "-m", "twine", "check", "--strict", *dist.iterdir()], cwd=dist)
    assert said.count("PASSED") == 2


def test_the_source_distribution_holds_the_chapters_and_the_tests(dist: Path) -> None:
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", f"chapters/{CHAPTER}"} <= names
    assert any(name.startswith("tests/") for name in names)
    assert not [name for name in names if name.startswith(("_build", ".venv", ".git/"))]


def test_the_installed_package_imports_without_the_extras(clean: Path, tmp_path: Path) -> None:
    check = (
        "import sys, txlite.nn; "
        "heavy = {'matplotlib', 'IPython', 'anywidget', 'ipywidgets'} & set(sys.modules); "
        "assert not heavy, heavy; print(txlite.__version__)"
    )
    assert re.match(r"\d+\.\d+", run([clean, "-c", check], cwd=tmp_path))


def test_the_installed_package_finds_its_studies(clean: Path, tmp_path: Path) -> None:
    check = (
        "import sys; from txlite import studies; "
        "assert sys.prefix in str(studies.find('01.json')); "
        "print(len(studies.read('01').seeds), studies.find('15_chinese.safetensors').suffix)"
    )
    assert run([clean, "-c", check], cwd=tmp_path) == "5 .safetensors\n"


def test_a_chapter_runs_with_the_installed_package(clean: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "chapters" / CHAPTER, tmp_path)
    assert "cells run:" in run([clean, "-c", RUN, CHAPTER], cwd=tmp_path)
