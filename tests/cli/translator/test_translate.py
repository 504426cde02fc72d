"""Sentences in, sentences out: a line for a line, whatever the lines hold."""

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.cli.running import run
from txlite.cli import _threads
from txlite.cli._lines import read_batches
from txlite.cli.translator import translate
from txlite.cli.translator.folder import load_translator
from txlite.cli.translator.translate import translations
from txlite.generation import beam_search

pytestmark = pytest.mark.plain
COMMANDS = [["translate"], ["generate", "--samples", 1, "--temperature", 0]]


@pytest.mark.parametrize("command", COMMANDS)
def test_an_empty_line_stays_one(trained: Path, command: list[object]) -> None:
    name, *options = command
    want = ["", "he see a cat", "", "I see a book", ""]
    lines = ["", "il vois un chat", " ", "je vois un livre", "."]
    for stdin in ("\n".join(lines), "\r\n".join([*lines, ""])):
        result = run(name, trained, *options, stdin=stdin)
        assert result.exit_code == 0
        assert result.output.split("\n") == [*want, ""]
    assert run(name, trained, *options, "--", *lines).output.split("\n") == [*want, ""]


def test_groups_of_several_sentences_stand_apart(trained: Path) -> None:
    words = ["translate", trained, "--alternatives", 2, "--beams", 3]
    one, other = (run(*words, s).output for s in ("il vois un chat", "je vois un livre"))
    assert len(one.splitlines()) == 2
    both = run(*words, "il vois un chat", "je vois un livre").output
    assert both == f"{one}\n{other}"
    blank = run(*words, stdin="il vois un chat\n\nje vois un livre\n").output
    assert blank == f"{one}\n\n\n{other}"
    drawn = run("generate", trained, "--samples", 2, "je", "tu").stdout.split("\n")
    assert [bool(line) for line in drawn] == [True, True, False, True, True, False]


def test_a_batch_gives_what_each_sentence_gives(trained: Path) -> None:
    translator = load_translator(trained)
    lines = [f"{who} vois {what}" for what in ("un chat", "le vin") for who in ("je", "tu", "nous")]
    lines += ["il vois un chat et elle vois une pomme et je vois le vin", "chat"]
    alone = [line for s in lines for line in translations(translator, [s], beams=4)]
    assert run("translate", trained, stdin="\n".join(lines)).output.splitlines() == alone


def test_lines_are_translated_64_at_once(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    search = beam_search

    def counted(*args: object, **options: object) -> object:
        sizes.append(len(options["source"]))  # type: ignore[arg-type]
        return search(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(translate, "beam_search", counted)
    assert run("translate", trained, "--beams", 1, stdin="je\n" * 130).stdout.count("\n") == 130
    assert sizes == [64, 64, 2]


def test_what_has_come_does_not_wait_for_what_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(io.BytesIO):
        pieces: Iterator[bytes] = iter([b"\xef\xbb\xbfun\nde", b"ux\n", b"tro", b"is"])

        def read1(self, size: int | None = -1, /) -> bytes:
            return next(self.pieces, b"")

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Slow()))
    assert list(read_batches(None, 64)) == [["un"], ["deux"], ["trois"]]


def test_bytes_that_are_no_text_are_one_line(trained: Path) -> None:
    result = run("translate", trained, stdin=b"je vois un chat\n\xe9t\xe9\n")
    assert result.exit_code == 1
    assert result.output == "error: line 2 of the input should be text in UTF-8\n"
    for words in (
        ["translate", trained, "\udce9"],
        ["generate", trained, "--prompt", "\udce9", "a"],
    ):
        result = run(*words)
        assert result.exit_code == 1
        assert result.output.startswith("error: sentences should be text in UTF-8, got '")
        assert result.output.endswith("\\udce9'\n")
    assert run("generate", trained, "--prompt", "\udce9", "je").exit_code == 1


def test_a_mark_before_the_text_is_no_text(trained: Path) -> None:
    result = run("translate", trained, stdin=b"\xef\xbb\xbfil vois un chat\n")
    assert result.output == "he see a cat\n"


def test_what_was_never_seen_is_said_in_one_line(trained: Path) -> None:
    for name in ("translate", "generate"):
        result = run(name, trained, "je vois un Φ ζ", "je vois un chat")
        assert result.exit_code == 0
        assert result.stderr == (
            "warning: this translator has never seen Φ ζ (in “je vois un Φ ζ”)\n"
        )
    assert run("translate", trained, "je vois un éléphant").stderr.startswith("warning")
    assert run("translate", trained, "un chat vois").stderr == ""


@pytest.mark.parametrize("width", [256, 257])
def test_a_small_model_gets_one_thread(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TXLITE_DEVICE", "cpu")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    torch.set_num_threads(3)
    assert _threads.threads_for(width) == (1 if width == 256 else 3)
    assert "1, or 3 if d_model is above 256" in run("info").output
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert _threads.threads_for(width) == 3


def test_the_commands_use_few_threads(
    trained: Path, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TXLITE_DEVICE", "cpu")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    sizes = ["--steps", 1, "--d-model", 16]
    for words in (
        ["translate", trained, "je"],
        ["generate", trained, "je"],
        ["train", pairs, "--out", tmp_path / "m", *sizes],
    ):
        torch.set_num_threads(3)
        assert run(*words).exit_code == 0
        assert torch.get_num_threads() == 1


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    for words in (["translate", nowhere, "je"], ["generate", nowhere, "je"]):
        assert run(*words).output == f"error: there is no folder {nowhere}\n"
    want = f"error: there is no folder {nowhere}; the presets are base, big, "
    assert run("info", nowhere).output.startswith(want)
    assert os.listdir(tmp_path) == []
