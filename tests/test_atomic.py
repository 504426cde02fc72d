"""What is written is there whole, or what was there before is."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from txlite._atomic import draft_of, remove, remove_drafts, whole

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
