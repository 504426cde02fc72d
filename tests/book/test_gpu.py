"""``make gpu``: what it counts, what it stops, and what it says; tried on the CPU."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tiny import write, write_notebook
from txbook import gpu

TESTS = """
import os, sys, time
import pytest

def test_computes_where_it_is_told():
    assert os.environ["TXLITE_DEVICE"] == "cpu"

def test_comes_from_a_wheel():
    import from_a_wheel

@pytest.mark.plain
def test_is_plain(): ...

@pytest.mark.skip
def test_is_skipped(): ...

@pytest.mark.xfail
def test_is_known_to_fail():
    assert False
"""
BROKEN = """
import os, time
import pytest

def test_fails():
    assert False

@pytest.fixture
def unmade():
    raise RuntimeError

def test_cannot_be_set_up(unmade): ...

@pytest.fixture
def unclosed():
    yield
    raise RuntimeError

def test_cannot_be_torn_down(unclosed): ...

def test_waits_for_ever():
    time.sleep(60)

def test_ends_its_process():
    os._exit(3)

@pytest.mark.plain
def test_after_all_that(): ...

@pytest.mark.slow
def test_takes_hours():
    assert False
"""
MARKERS = "[tool.pytest.ini_options]\nmarkers = ['plain', 'site', 'browser', 'slow']\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a test, a notebook, a measurement, and a folder of wheels."""
    write(tmp_path, "pyproject.toml", MARKERS)
    write(tmp_path, "tests/test_one.py", TESTS)
    write(tmp_path, "tests/book/test_page.py", "def test_page(): assert False\n")
    write(tmp_path, "tests/book/nbval_sanitize.cfg", "")
    write(tmp_path, "txlite/__init__.py", "")
    write(tmp_path, "benchmarks/attention.py", "import from_a_wheel\n")
    write_notebook(tmp_path / "chapters" / "01_one.ipynb", "assert 1 + 1 == 2", "x = 3")
    folder = tmp_path / "wheels"
    folder.mkdir()
    about = "from_a_wheel-1.0.dist-info"
    with zipfile.ZipFile(folder / "from_a_wheel-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("from_a_wheel.py", "")
        named = "Metadata-Version: 2.1\nName: from-a-wheel\nVersion: 1.0\n"
        wheel.writestr(f"{about}/METADATA", named)
        tagged = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        wheel.writestr(f"{about}/WHEEL", tagged)
        wheel.writestr(f"{about}/RECORD", "")
    return tmp_path


def run(root: Path, *parts: str, limit: float = 30, seconds: float = 200) -> tuple[int, dict]:
    """Run parts as ``make gpu`` does, on the CPU; return the exit status and the report."""
    report = root / "_build" / "gpu.json"
    options = ["--root", str(root), "--report", str(report), "--wheels", str(root / "wheels")]
    options += ["--device", "cpu", "--jobs", "1"]
    status = gpu.main([*parts, *options, "--limit", str(limit), "--seconds", str(seconds)])
    return status, json.loads(report.read_text())


@pytest.mark.slow
def test_all_that_passes_is_counted_and_the_machine_is_named(root):
    status, report = run(root, "tests", "notebooks", "bench")
    assert report["failures"] == []
    assert status == 0
    parts = report["parts"]
    assert (parts["tests"]["passed"], parts["tests"]["skipped"]) == (3, 2)
    assert (parts["notebooks"]["passed"], parts["bench"]["passed"]) == (2, 1)
    assert (report["passed"], report["failed"]) == (6, 0)
    assert report["versions"]["from-a-wheel"] == "1.0"
    assert {"card", "cuda", "python", "seconds"} <= report.keys()
    assert report["device"] == "cpu"
    assert not (root / "from_a_wheel.py").exists()


@pytest.mark.slow
def test_what_fails_is_named_and_the_rest_is_run(root):
    write(root, "tests/test_two.py", BROKEN)
    write(root, "tests/test_three.py", "import nowhere\n")
    status, report = run(root, "tests", limit=3)
    assert status == 1
    short = [name.rpartition("/")[2].replace("test_two.py::", "") for name in report["failures"]]
    assert sorted(short) == sorted(
        [
            "test_fails",
            "test_cannot_be_set_up",
            "test_cannot_be_torn_down",
            "test_waits_for_ever",
            "test_ends_its_process",
            "test_three.py",
        ]
    )
    assert report["passed"] == 4  # those of the sound file, and what came after all that


@pytest.mark.slow
def test_a_part_that_does_not_end_is_stopped_and_what_was_done_is_told(root):
    write(root, "tests/test_two.py", "import time\ndef test_waits(): time.sleep(600)\n")
    status, report = run(root, "tests", limit=500, seconds=20)
    assert status == 1
    assert report["failures"] == ["tests: did not end within 20 seconds"]
    assert report["passed"] == 2  # the plain one would have come later
    assert report["seconds"] < 60


@pytest.mark.slow
def test_a_notebook_and_a_measurement_that_fail_are_told(root):
    write_notebook(root / "chapters" / "02_two.ipynb", "assert 1 + 1 == 3")
    write(root, "benchmarks/attention.py", "raise SystemExit(4)\n")
    status, report = run(root, "notebooks", "bench")
    assert status == 1
    (cell, bench) = report["failures"]
    assert "02_two" in cell
    assert bench == "bench: ended with status 4"


@pytest.mark.slow
def test_nothing_tried_is_no_success(root):
    (root / "tests" / "test_one.py").unlink()
    write(root, "tests/test_none.py", "")
    status, report = run(root, "tests")
    assert status == 1
    assert report["failures"] == ["tests: ended with status 5"] * 2


def test_a_folder_without_wheels_is_named(root, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"empty should hold wheels, and holds none$"):
        gpu.unpack(tmp_path / "empty", tmp_path / "site")


def test_an_unknown_part_is_refused(capsys):
    with pytest.raises(SystemExit):
        gpu.main(["nonsense"])
    assert "unknown: nonsense; choose from tests, notebooks, bench" in capsys.readouterr().err


def test_it_needs_nothing_but_the_standard_library():
    code = "import sys; sys.path.insert(0, sys.argv[1]); import txbook.gpu"
    folder = str(Path(gpu.__file__).resolve().parents[1])
    subprocess.run([sys.executable, "-S", "-c", code, folder], check=True)


def test_the_parts_of_this_repository_are_there():
    typed, plain = gpu.commands(gpu.ROOT, "tests", 3)
    assert str(gpu.ROOT / "tests" / "nn") in typed
    assert str(gpu.ROOT / "tests" / "test_errors.py") in plain
    assert not any("tests/book" in word or "conftest" in word for word in typed)
    (notebooks,) = gpu.commands(gpu.ROOT, "notebooks", 3)
    assert sum(word.endswith(".ipynb") for word in notebooks) >= 13
    bench = gpu.commands(gpu.ROOT, "bench", 3)
    assert bench == [["benchmarks/attention.py"], ["benchmarks/models.py"]]
