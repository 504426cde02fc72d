"""What is written is there whole, or what was there before is."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from txlite import _atomic
from txlite._atomic import alone, draft_of, remove, remove_drafts, whole

pytestmark = pytest.mark.plain


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_is_replaced_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "notes"
    for text in ("old", "new"):
        with whole(path) as draft:
            draft.write_text(text)
            assert path.exists() == (text == "new")
            assert draft == draft_of(path)
            assert draft.name.startswith(".writing")
        assert path.read_text() == text
    assert names(path.parent) == {"notes"}


def test_a_folder_appears_with_all_its_files(tmp_path: Path) -> None:
    with whole(tmp_path / "box") as draft:
        draft.mkdir()
        (draft / "a").write_text("1")
        assert not (tmp_path / "box").exists()
    assert (tmp_path / "box" / "a").read_text() == "1"
    assert names(tmp_path) == {"box"}


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
@pytest.mark.parametrize("make", [lambda p: p.write_text("x"), lambda p: p.mkdir(), lambda p: None])
def test_an_error_leaves_what_was_there(
    tmp_path: Path, make: Callable[[Path], object], error: type[BaseException]
) -> None:
    (tmp_path / "notes").write_text("old")

    def fail() -> None:
        with whole(tmp_path / "notes") as draft:
            make(draft)
            raise error

    with pytest.raises(error):
        fail()
    assert names(tmp_path) == {"notes"}
    assert (tmp_path / "notes").read_text() == "old"


def test_everything_is_on_the_disk_before_the_name_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, os.replace

    def synced(handle: int) -> None:
        done.append("sync")
        sync(handle)

    def replaced(old: Path, new: Path) -> None:
        done.append("replace")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    with whole(tmp_path / "box") as draft:
        draft.mkdir()
        for name in "ab":
            (draft / name).write_text(name)
    files, folders = 2, 0 if os.name == "nt" else 1
    assert done == ["sync"] * (files + folders) + ["replace"] + ["sync"] * folders


def test_what_a_dead_process_left_goes(tmp_path: Path) -> None:
    left = draft_of(tmp_path / "box")
    left.mkdir()
    (left / "half").write_text("")
    with whole(tmp_path / "box") as draft:
        draft.mkdir()
    assert list((tmp_path / "box").iterdir()) == []
    (tmp_path / ".writing-box-1").mkdir()
    (tmp_path / ".writing-latest-1").write_text("")
    remove_drafts(tmp_path)
    assert names(tmp_path) == {"box"}
    remove(tmp_path / "nowhere")


def test_a_folder_is_held_by_one(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "box"
    for _ in range(2):
        with alone(folder):
            with pytest.raises(ValueError, match=r"box is in use: another process writes to it$"):
                hold(folder)
            with alone(tmp_path / "other"):
                pass
        assert names(folder) == set()


def hold(folder: Path) -> None:
    with alone(folder):
        pass


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, ValueError])
def test_an_error_lets_a_folder_go(tmp_path: Path, error: type[BaseException]) -> None:
    def fail() -> None:
        with alone(tmp_path):
            raise error

    with pytest.raises(error):
        fail()
    hold(tmp_path)
    assert names(tmp_path) == set()


HOLDS = """import runpy, sys, time
from pathlib import Path
atomic = runpy.run_path(sys.argv[1])
with atomic["alone"](Path(sys.argv[2])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDS, _atomic.__file__, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match="is in use"):
            hold(tmp_path)
        child.kill()
    hold(tmp_path)
    assert names(tmp_path) == set()


@pytest.mark.skipif(os.name == "nt", reason="Windows removes no file that is open")
def test_who_waited_at_the_door_of_one_that_left_knocks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that was opened is removed before it is locked: another one decides by then."""
    path = tmp_path / ".held"
    lock, gone = _atomic._lock, []

    def late(handle: int) -> None:
        if not gone:
            gone.append(path.unlink())
        lock(handle)

    monkeypatch.setattr(_atomic, "_lock", late)
    with alone(tmp_path):
        assert path.exists()
        with pytest.raises(ValueError, match="is in use"):
            hold(tmp_path)
    assert len(gone) == 1


def test_a_file_system_without_locks_is_used_as_before_there_were_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(handle: int) -> None:
        raise OSError(errno.ENOTSUP, "no locks here")

    monkeypatch.setattr(_atomic, "_lock", unknown)
    with alone(tmp_path):
        hold(tmp_path)
    assert names(tmp_path) == set()


def test_no_handle_stays_open(tmp_path: Path) -> None:
    opened = os.open(tmp_path, os.O_RDONLY) if os.name != "nt" else os.open(__file__, os.O_RDONLY)
    os.close(opened)
    with alone(tmp_path), pytest.raises(ValueError, match="is in use"):
        hold(tmp_path)
    again = os.open(__file__, os.O_RDONLY)
    os.close(again)
    assert again == opened  # the lowest number that is free


def test_the_first_error_is_told_where_the_draft_cannot_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(path: Path) -> None:
        if path.exists():
            raise PermissionError("second")

    monkeypatch.setattr(_atomic, "remove", stuck)

    def fail() -> None:
        with whole(tmp_path / "notes") as draft:
            draft.write_text("x")
            raise OSError("first")

    with pytest.raises(OSError, match="first"):
        fail()
