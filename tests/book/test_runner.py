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
from tiny import command, make, repository, run, write, write_notebook  # noqa: F401 (a fixture)
from txbook.key import Conditions
from txbook.progress import Progress, time_left
from txbook.runner import Runner, cores
from txbook.store import KEPT, Run, Store, write_whole

ONE = "chapters/01_one.ipynb"


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
def stored(executed: Path, repository: Path) -> Path:  # noqa: F811
    shutil.copytree(executed, repository, dirs_exist_ok=True)
    return repository


def found(root: Path) -> bool:
    return Store(root).find(root / ONE) is not None


def test_a_run_is_found_again_and_not_made_again(stored: Path, capsys: pytest.CaptureFixture[str]):
    outcome = run(stored)["01_one"]
    assert outcome.stored
    assert "1 stored, 0 to run" in capsys.readouterr().out
    assert outcome.run.notebook.cells[2].outputs[0].text == '{"a": 1} 1\n'
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


def test_the_packages_that_cells_may_use_are_part_of_the_key(repository: Path) -> None:  # noqa: F811
    extras = '[project.optional-dependencies]\nweights = ["NoSuch-Thing>=1"]\ntest = ["ruff"]\n'
    project = f'[project]\nname = "tiny"\ndependencies = ["torch>=2"]\n{extras}'
    write(repository, "pyproject.toml", project)
    conditions = Conditions.here(repository)
    assert dict(conditions.packages) == {"nosuch-thing": None, "torch": conditions.torch}
    assert conditions.torch


def test_a_file_that_changes_during_the_run_makes_it_stale(repository: Path) -> None:  # noqa: F811
    late = "import pathlib; pathlib.Path('../tiny/used.py').write_text('value = 5')"
    write_notebook(repository / ONE, "import tiny.used", late)
    assert run(repository)["01_one"].run is not None
    assert not found(repository)


def test_what_a_cell_writes_and_reads_is_nobodys_source(repository: Path) -> None:  # noqa: F811
    scratch = "import pathlib; p = pathlib.Path('scratch.txt'); p.write_text('1'); p.read_text()"
    write_notebook(repository / ONE, scratch, "p.unlink()")
    assert run(repository)["01_one"].run.files == {}
    assert found(repository)


# ------------------------------------------------------------------ several, failures, interrupts


def test_a_failing_cell_is_shown_and_the_other_chapters_go_on(
    repository: Path,  # noqa: F811
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
    repository: Path,  # noqa: F811
    cell: str,
    text: str,
) -> None:
    write_notebook(repository / ONE, "1", cell)
    outcome = run(repository, timeout=3)["01_one"]
    assert outcome.run is None
    assert outcome.cell == 1
    assert text in outcome.error


def test_a_cell_may_be_meant_to_fail(repository: Path) -> None:  # noqa: F811
    write_notebook(repository / ONE, "1 / 0", tags=["raises-exception"])
    assert run(repository)["01_one"].run is not None


def children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_the_kernels_and_leaves_the_store_whole(
    repository: Path,  # noqa: F811
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


def test_two_runs_at_once_execute_a_chapter_once(repository: Path) -> None:  # noqa: F811
    count = repository / "count"
    slow = f"import time\nwith open({str(count)!r}, 'a') as file: file.write('x')\ntime.sleep(3)"
    write_notebook(repository / ONE, slow)
    both = [command(repository, "run") for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert count.read_text() == "x"
    assert sum("another process is running it" in text for text in said) == 1
    assert len(list((repository / "_build/store").glob("*.ipynb"))) == 1


def test_the_root_is_taken_before_and_after_the_command(repository: Path) -> None:  # noqa: F811
    from txbook.__main__ import main, parser

    for words in (["--root", "x", "run"], ["run", "--root", "x"], ["build", "--root", "x"]):
        assert parser().parse_args(words).root == Path("x").resolve()
    assert main(["--root", str(repository), "run"]) == 0
    assert found(repository)


# ------------------------------------------------------------------ the store


def a_run(files: dict[str, str]) -> Run:
    cell = nbformat.v4.new_code_cell("import tiny.used")
    other = nbformat.v4.new_code_cell("print(open('../tiny/table.json').read(), tiny.used.value)")
    notebook = nbformat.v4.new_notebook(cells=[cell, other])
    return Run("01_one", notebook, files, {"seconds": 1})


def test_only_the_last_runs_of_a_chapter_are_kept(repository: Path) -> None:  # noqa: F811
    store = Store(repository)
    for age in range(KEPT + 3):
        file = store.save(a_run({"gone.py": str(age)}))
        os.utime(file, (1e9 - age, 1e9 - age))
    (store.folder / "old.ipynb.1.part").touch()
    os.utime(store.folder / "old.ipynb.1.part", (0, 0))
    store.trim()
    assert len(list(store.folder.glob("*"))) == KEPT
    assert min(file.stat().st_mtime for file in store.folder.iterdir()) == 1e9 - KEPT + 1


def test_an_entry_that_is_no_notebook_is_no_run(repository: Path) -> None:  # noqa: F811
    store = Store(repository)
    file = store.save(a_run({}))
    assert store.find(repository / ONE) is not None
    file.write_text(file.read_text()[:200])
    assert store.find(repository / ONE) is None


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(file, "\ud800")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


# ------------------------------------------------------------------ what it says


def test_the_time_left_follows_the_pace_of_what_is_done() -> None:
    expected = {"a": 10.0, "b": 20.0, "c": 40.0}
    assert time_left(expected, {}, {}, 2) is None
    assert time_left(expected, {"x": 5.0}, {}, 2) is None
    assert time_left(expected, {"a": 20.0}, {"b": 30.0}, 1) == 10 + 80
    assert time_left(expected, {"a": 20.0}, {"b": 30.0}, 2) == 80  # c alone takes so long
    assert time_left(expected, {"a": 20.0, "b": 40.0, "c": 80.0}, {}, 2) == 0


def test_a_silence_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    progress = Progress(["a"], {}, 1, said.append)
    progress.start("a")
    progress.remind()
    assert said == ["start  a"]
    progress.cell["a"] = "cell 3 of 9"
    progress.said -= 29
    progress.remind()
    assert "a cell 3 of 9" in said[1]
    progress.end("a", "done   a")
    assert "1 of 1" in said[2]


def test_jobs_says_how_many_run_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBS", "3")
    assert Runner(Path()).jobs == 3
    monkeypatch.setenv("JOBS", "many")
    assert cores() >= 1
