"""The store keeps whole runs and few of them; the runner says what it does, and for how long."""

import os
import re
from pathlib import Path

import nbformat
import pytest
from tiny import ONE
from txbook.key import shift
from txbook.progress import Progress, time_left
from txbook.runner import Runner, cores
from txbook.store import KEPT, Run, Store, merged, write_whole

import txlite


def a_run(files: dict[str, str]) -> Run:
    cell = nbformat.v4.new_code_cell("import tiny.used")
    other = nbformat.v4.new_code_cell("print(open('../tiny/table.json').read(), tiny.used.value)")
    notebook = nbformat.v4.new_notebook(cells=[cell, other])
    return Run("01_one", notebook, files, {"seconds": 1})


def test_only_the_last_runs_of_a_chapter_are_kept(repository: Path) -> None:
    store = Store(repository)
    for age in range(KEPT + 3):
        file = store.save(a_run({"gone.py": str(age)}))
        os.utime(file, (1e9 - age, 1e9 - age))
    (store.folder / "old.ipynb.1.part").touch()
    os.utime(store.folder / "old.ipynb.1.part", (0, 0))
    store.trim()
    assert len(list(store.folder.glob("*"))) == KEPT
    assert min(file.stat().st_mtime for file in store.folder.iterdir()) == 1e9 - KEPT + 1


def test_an_entry_that_is_no_notebook_is_no_run(repository: Path) -> None:
    store = Store(repository)
    file = store.save(a_run({}))
    assert store.find(repository / ONE) is not None
    file.write_text(file.read_text()[:200])
    assert store.find(repository / ONE) is None


def test_a_page_gets_in_one_piece_what_a_stream_wrote_in_several() -> None:
    run = a_run({})
    for name, text in (("stdout", "a "), ("stdout", "  b"), ("stderr", "c"), ("stdout", "d")):
        piece = nbformat.v4.new_output("stream", name=name, text=text)
        run.notebook.cells[0].outputs.append(piece)
    for _ in range(2):  # what is stored stays as it was
        outputs = merged(run.notebook, run).cells[0].outputs
        assert [(x.name, x.text) for x in outputs] == [
            ("stdout", "a   b"),
            ("stderr", "c"),
            ("stdout", "d"),
        ]


def test_a_run_that_was_dropped_is_not_found(repository: Path) -> None:
    store = Store(repository)
    for files in ({}, {"gone.py": "0"}):
        store.save(a_run(files))
    assert store.find(repository / ONE) is not None
    store.drop(repository / ONE)
    assert store.find(repository / ONE) is None
    assert not list(store.folder.glob("*.ipynb"))


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        (None, "store"),
        ("", "store"),
        ("0", "store"),
        ("00", "store"),
        ("3", "seed-3"),
        ("03", "seed-3"),
    ],
)
def test_the_page_s_own_seed_has_one_folder_whatever_it_is_called(
    repository: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, folder: str
) -> None:
    own = Store(repository)
    if text is not None:
        monkeypatch.setenv("TXLITE_SEED", text)
    store = Store(repository)
    assert store.folder.name == folder
    assert (store.key(repository / ONE) == own.key(repository / ONE)) is (folder == "store")


@pytest.mark.parametrize("text", ["", "0", "00", "3", "03", "-1", "x", "1.5", "٣"])
def test_the_package_and_the_store_read_the_seed_alike(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("TXLITE_SEED", text)
    try:
        moved = txlite.seed(5).initial_seed() - 5
    except ValueError as refused:
        with pytest.raises(ValueError, match=re.escape(str(refused))):
            shift(os.environ)
    else:
        assert moved == shift(os.environ) * 1_000_003


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
