"""A notebook is executed once for what it is, and executing it never leaves half a thing behind."""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from tiny import ONE, command, make, run, write, write_notebook
from txbook.key import Conditions
from txbook.store import Store


def edit(root: Path, name: str, old: str, new: str) -> None:
    text = (root / name).read_text(encoding="utf-8")
    assert old in text
    (root / name).write_text(text.replace(old, new), encoding="utf-8")


# ------------------------------------------------------------------ what makes a run stale


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make(tmp_path_factory.mktemp("executed"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TXLITE_BUDGET", "smoke")
        outcome = run(root)["01_one"]
    assert outcome.run is not None, outcome.error
    assert not outcome.stored
    return root


@pytest.fixture
def stored(executed: Path, repository: Path) -> Path:
    shutil.copytree(executed, repository, dirs_exist_ok=True)
    return repository


def found(root: Path) -> bool:
    return Store(root).find(root / ONE) is not None


def test_a_run_is_found_again_and_not_made_again(stored: Path, capsys: pytest.CaptureFixture[str]):
    outcome = run(stored)["01_one"]
    assert outcome.stored
    assert "1 stored, 0 to run" in capsys.readouterr().out
    assert outcome.run.notebook.cells[2].outputs[0].text == '{"a": 1} 1\n'
    assert outcome.run.notebook.metadata.language_info.pygments_lexer == "ipython3"
    assert sorted(outcome.run.files) == [
        "tiny/__init__.py",
        "tiny/later.py",
        "tiny/table.json",
        "tiny/used.py",
    ]
    assert outcome.run.cost["seconds"] > 0
    assert outcome.run.cost["core_seconds"] > 0
    assert outcome.run.cost["memory_mib"] > 10


@pytest.mark.parametrize("name", ["used.py", "later.py", "table.json", "__init__.py"])
def test_a_changed_file_that_was_used_makes_a_new_run(stored: Path, name: str) -> None:
    file = stored / "tiny" / name
    was = file.read_text()
    file.write_text(was + "\n")
    assert not found(stored)
    file.write_text(was)  # and back on the old branch the old run is there
    assert found(stored)
    file.unlink()
    assert not found(stored)


def test_what_was_not_used_makes_no_new_run(stored: Path) -> None:
    write(stored, "tiny/unused.py", "value = 3\n")
    write(stored, "tiny/new.py", "value = 4\n")
    write(stored, "_ext/txbook/build.py", "")
    (stored / "tiny" / "unused.py").unlink()
    assert found(stored)


def test_prose_outputs_and_captions_make_no_new_run(stored: Path) -> None:
    notebook = nbformat.read(stored / ONE, as_version=4)
    notebook.cells[0].source = "# Another title"
    notebook.cells.append(nbformat.v4.new_markdown_cell("The end."))
    notebook.cells[1].metadata["mystnb"] = {"figure": {"caption": "New."}}
    notebook.cells[2].outputs = [nbformat.v4.new_output("stream", text="old")]
    notebook.cells[2].execution_count = 7
    nbformat.write(notebook, stored / ONE)
    assert found(stored)


def test_a_new_name_makes_no_new_run(stored: Path) -> None:
    (stored / ONE).rename(stored / "chapters" / "02_one.ipynb")
    assert Store(stored).find(stored / "chapters" / "02_one.ipynb") is not None


@pytest.mark.parametrize("change", ["source", "order", "tag"])
def test_changed_code_makes_a_new_run(stored: Path, change: str) -> None:
    notebook = nbformat.read(stored / ONE, as_version=4)
    if change == "source":
        notebook.cells[1].source += "  # why"
    if change == "order":
        notebook.cells[1:] = reversed(notebook.cells[1:])
    if change == "tag":
        notebook.cells[1].metadata["tags"] = ["raises-exception"]
    nbformat.write(notebook, stored / ONE)
    assert not found(stored)


@pytest.mark.parametrize(
    ("name", "value"),
    [("TXLITE_BUDGET", "laptop"), ("TXLITE_SEED", "3"), ("TXLITE_DEVICE", "cuda")],
)
def test_a_changed_setting_makes_a_new_run(
    stored: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert not found(stored)


def test_changed_pins_make_a_new_run(stored: Path) -> None:
    write(stored, "constraints.txt", "torch==2\n")
    assert not found(stored)


def test_the_packages_that_cells_may_use_are_part_of_the_key(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TXLITE_DATA", str(repository / "none"))
    extras = '[project.optional-dependencies]\nweights = ["NoSuch-Thing>=1"]\ntest = ["ruff"]\n'
    project = f'[project]\nname = "tiny"\ndependencies = ["torch>=2"]\n{extras}'
    write(repository, "pyproject.toml", project)
    conditions = Conditions.here(repository)
    assert dict(conditions.packages) == {"nosuch-thing": None, "torch": conditions.torch}
    assert conditions.torch
    write(repository, "weights.txt", "# read as files\nno-such-weights==1 --hash=sha256:0\n")
    assert dict(Conditions.here(repository).packages)["no-such-weights"] is None


def test_data_that_are_fetched_count_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TXLITE_DATA", str(tmp_path / "data"))
    without = Conditions.here(tmp_path)
    (tmp_path / "data" / "drawings").mkdir(parents=True)
    (tmp_path / "data" / ".writing-other-1").mkdir()
    found = Conditions.here(tmp_path)
    assert dict(found.packages) == {**dict(without.packages), "data drawings": "there"}


def test_a_file_that_changes_during_the_run_makes_it_stale(repository: Path) -> None:
    late = "import pathlib; pathlib.Path('../tiny/used.py').write_text('value = 5')"
    write_notebook(repository / ONE, "import tiny.used", late)
    assert run(repository)["01_one"].run is not None
    assert not found(repository)


def test_what_a_cell_writes_and_reads_is_nobodys_source(repository: Path) -> None:
    scratch = "import pathlib; p = pathlib.Path('scratch.txt'); p.write_text('1'); p.read_text()"
    write_notebook(repository / ONE, scratch, "p.unlink()")
    assert run(repository)["01_one"].run.files == {}
    assert found(repository)


# ------------------------------------------------------------------ several, failures, interrupts


def test_a_failing_cell_is_shown_and_the_other_chapters_go_on(
    repository: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_notebook(repository / "chapters/02_bad.ipynb", "x = 1", "x / 0", "print(x)")
    outcomes = run(repository, jobs=2)
    assert outcomes["01_one"].run is not None
    bad = outcomes["02_bad"]
    assert bad.run is None
    assert bad.cell == 1
    said = capsys.readouterr()
    assert "FAILED 02_bad in cell 2" in said.out
    for text in ("02_bad, code cell 2", "x / 0", "ZeroDivisionError"):
        assert text in said.err
    assert "\x1b" not in said.err
    report = (repository / "_build/reports/02_bad.err.log").read_text()
    assert "ZeroDivisionError" in report
    assert Store(repository).find(repository / "chapters/02_bad.ipynb") is None
    write_notebook(repository / "chapters/02_bad.ipynb", "x = 1")
    assert run(repository)["02_bad"].run is not None
    assert not (repository / "_build/reports/02_bad.err.log").exists()


@pytest.mark.parametrize(
    ("cell", "text"),
    [("import time; time.sleep(60)", "timed out"), ("import os; os._exit(3)", "died")],
)
def test_a_cell_that_does_not_end_or_kills_its_kernel_fails(
    repository: Path,
    cell: str,
    text: str,
) -> None:
    write_notebook(repository / ONE, "1", cell)
    outcome = run(repository, timeout=3)["01_one"]
    assert outcome.run is None
    assert outcome.cell == 1
    assert text in outcome.error


def test_a_cell_may_be_meant_to_fail(repository: Path) -> None:
    write_notebook(repository / ONE, "1 / 0", tags=["raises-exception"])
    assert run(repository)["01_one"].run is not None


def children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_the_kernels_and_leaves_the_store_whole(
    repository: Path,
    sent: signal.Signals,
) -> None:
    running = repository / "running"
    patience = f"import pathlib, time\npathlib.Path({str(running)!r}).touch()\ntime.sleep(60)"
    write_notebook(repository / ONE, patience)
    process = command(repository, "run")
    while not running.exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    kernels = children(process.pid)
    assert kernels
    os.kill(process.pid, sent)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    psutil.wait_procs(kernels, timeout=10)
    assert not [kernel for kernel in kernels if kernel.is_running()]
    store = Store(repository)
    assert [path.name for path in store.folder.iterdir()] == [".locks"]
    with store.lock(store.key(repository / ONE)).acquire(blocking=False):
        pass  # nobody holds it


def test_two_runs_at_once_execute_a_chapter_once(repository: Path) -> None:
    count = repository / "count"
    slow = f"import time\nwith open({str(count)!r}, 'a') as file: file.write('x')\ntime.sleep(3)"
    write_notebook(repository / ONE, slow)
    both = [command(repository, "run") for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert count.read_text() == "x"
    assert sum("another process is running it" in text for text in said) == 1
    assert len(list((repository / "_build/store").glob("*.ipynb"))) == 1


def test_the_root_is_taken_before_and_after_the_command(repository: Path) -> None:
    from txbook.__main__ import main, parser

    for words in (["--root", "x", "run"], ["run", "--root", "x"], ["build", "--root", "x"]):
        assert parser().parse_args(words).root == Path("x").resolve()
    assert main(["--root", str(repository), "run"]) == 0
    assert found(repository)
