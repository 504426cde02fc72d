"""Text comes in by every door of the command line, whatever it holds, and a line stays a line."""

import io
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.running import TRAINING, run
from tests.texts import FRAGMENTS, LINE_ENDS, SEPARATORS, many, one_line, texts
from txlite.cli._console import say
from txlite.cli._lines import line_of, print_groups, read_batches, text_of
from txlite.cli.main import speak_utf8
from txlite.cli.translator.corpus import read_lesson
from txlite.cli.translator.folder import load_translator
from txlite.data.corpora import tidy

pytestmark = pytest.mark.plain
MARK = "\ufeff"
LINES = one_line([text for text in FRAGMENTS if "\t" not in text])


def lines_of(content: bytes, cuts: list[int]) -> list[str]:
    """Return the lines that come in when a text arrives in pieces."""

    class Pieces(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            return self.read(cuts.pop() if cuts else -1)

    before, sys.stdin = sys.stdin, io.TextIOWrapper(Pieces(content))
    try:
        return [line for batch in read_batches(None, 64) for line in batch]
    finally:
        sys.stdin = before


def joined(lines: list[str], end: str, last: bool) -> str:
    return end.join(lines) + end * (last or not lines[-1])


@many
@given(
    st.lists(one_line(), min_size=1, max_size=8),
    st.sampled_from(LINE_ENDS),
    st.booleans(),
    st.booleans(),
    st.lists(st.integers(1, 9), max_size=40),
)
def test_the_input_has_the_lines_that_an_editor_shows(
    lines: list[str], end: str, last: bool, marked: bool, cuts: list[int]
) -> None:
    text = MARK * marked + joined(lines, end, last)
    got = lines_of(text.encode(), cuts)
    assert len(got) == len(lines)
    first = lines[0] if marked else lines[0].removeprefix(MARK)
    assert got == [line.strip() for line in (first, *lines[1:])]


@pytest.mark.parametrize("pieces", [[1] * 20, [3], []])
def test_every_end_of_a_line_is_one(pieces: list[int]) -> None:
    assert lines_of(b"a\r\nb\rc\nd\r\r\n\ne\r", list(pieces)) == ["a", "b", "c", "d", "", "", "e"]


@pytest.mark.parametrize(
    ("before", "line"),
    [(b"", 1), (b"a\n", 2), (b"a\r\n", 2), (b"a\r", 2), (b"a\n\r\n\r", 4), ("a\u2028".encode(), 1)],
)
def test_a_line_is_counted_as_an_editor_counts(before: bytes, line: int) -> None:
    assert line_of(before + b"\xe9", len(before)) == line


@many
@given(texts())
def test_an_argument_is_read_as_utf8_where_the_locale_is_none(text: str) -> None:
    assert text_of(text) == text
    foreign = text.encode("utf-8").decode("ascii", "surrogateescape")  # as a C locale reads it
    assert text_of(foreign) == text
    (batch,) = read_batches([foreign, ""], 64)
    assert batch == [text, ""]


@many
@given(
    st.lists(st.tuples(LINES, LINES), min_size=1, max_size=8),
    st.sampled_from(LINE_ENDS),
    st.booleans(),
    st.integers(0, 2),
)
def test_a_file_has_the_pairs_that_an_editor_shows(
    tmp_path_factory: pytest.TempPathFactory,
    pairs: list[tuple[str, str]],
    end: str,
    marked: bool,
    blank: int,
) -> None:
    pairs = [*pairs, ("je vois", "I see"), ("tu vois", "you see")]
    rows = [f"{a}\t{b}" for a, b in pairs]
    path = tmp_path_factory.getbasetemp() / "door.tsv"
    path.write_bytes((MARK * marked + f"{end}{' ' * blank}{end}".join(rows)).encode())
    wanted = [(tidy(a), unicodedata.normalize("NFC", b).strip()) for a, b in pairs]
    bad = [number for number, pair in enumerate(wanted) if not all(pair)]
    said = [n for n in bad if rows[n].replace(MARK, "").strip()]
    if said:
        with pytest.raises(ValueError, match=rf"door.tsv:{2 * said[0] + 1} should hold a sentence"):
            read_lesson(str(path))
        return
    lesson = read_lesson(str(path))
    kept = {pair for pair in wanted if all(pair)}
    assert {*lesson.train, *lesson.held_out} == kept
    assert not {a for a, _ in lesson.train} & {a for a, _ in lesson.held_out}


@pytest.mark.parametrize("separator", [*SEPARATORS, "\xa0"])
def test_what_ends_no_line_is_part_of_it(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "pairs.tsv"
    text = f"je{separator}vois\tI{separator}see\ntu vois\tyou see\nil voit\n"
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(ValueError, match=r"pairs.tsv:3 should hold a sentence, a tab and its tr"):
        read_lesson(str(path))
    path.write_text(text.removesuffix("il voit\n"), encoding="utf-8", newline="")
    lesson = read_lesson(str(path))
    assert lesson.held_out == [("je vois", f"I{separator}see")]
    assert lesson.train == [("tu vois", "you see")]


@pytest.mark.parametrize(
    ("content", "line"),
    [(b"a\tb\r\nc\td\r\n\xe9\te", 3), ("a\tb\n".encode("utf-16"), 1), (b"a\tb\rc\t\xff", 2)],
)
def test_a_file_in_another_encoding_is_told_by_its_line(
    tmp_path: Path, content: bytes, line: int
) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_bytes(content)
    result = run("train", path, "--out", tmp_path / "m")
    assert result.exit_code == 1
    assert f"error: {path}:{line} should be text in UTF-8: " in result.output


def test_blanks_of_all_kinds_alone_are_no_pair(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("a\tb\n \u3000\xa0\t\n\ufeff\n\n\ufeffc\td\n", encoding="utf-8")
    lesson = read_lesson(str(path))
    assert [*lesson.held_out, *lesson.train] == [("a", "b"), ("c", "d")]
    path.write_text("a\tb\n\u3000\tc\nd\te\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"pairs.tsv:2 should hold a sentence"):
        read_lesson(str(path))


@settings(max_examples=8)
@given(st.lists(one_line(), min_size=1, max_size=40), st.sampled_from(LINE_ENDS), st.booleans())
def test_a_line_is_answered_with_a_line(
    trained: Path, lines: list[str], end: str, last: bool
) -> None:
    text = joined(lines, end, last)
    words = ["translate", trained, "--beams", 1, "--max-tokens", 6]
    result = run(*words, stdin=text.encode())
    assert result.exit_code == 0, result.output
    answers = result.stdout.split("\n")[:-1]
    assert [bool(answer) or not tidy(line) for answer, line in zip(answers, lines, strict=True)]
    if not any("\x00" in line for line in lines):
        assert run(*words, "--", *lines).stdout == result.stdout


def test_a_result_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["a\tb", "x\x0by\x0c", "\u2028", "[bold]no[/]", ":smile:", "\x1b[31mred", "é" * 300, ""]
    print_groups([[line] for line in lines], apart=False)
    assert capsys.readouterr().out == "".join(f"{line}\n" for line in lines)
    print_groups([["a\nb\r\nc"], ["d", "e"]], apart=True)
    assert capsys.readouterr().out == "a b  c\n\nd\ne\n"


def test_a_warning_is_one_line_without_control(trained: Path) -> None:
    result = run("translate", trained, "je\nvois\x1b[31m\u2028un\t" + "chat " * 30)
    warnings = [line for line in result.stderr.split("\n") if "never seen" in line]
    assert len(result.stderr.splitlines()) == result.stderr.count("warning: ")
    (said,) = warnings
    assert "\x1b" not in said
    assert "never seen \\x1b [ 3 1 (in “je vois\\x1b[31m un chat chat" in said
    assert said.endswith("cha…”)")


def test_what_was_learned_has_the_characters_of_its_texts(tmp_path: Path) -> None:
    """Normal forms on both sides, and marks in a text: the folder knows them, and gives them."""
    path = tmp_path / "pairs.tsv"
    rows = ["e\u0301te\u0301\tthe dogs' </s> e\u0301", "été 2\tsum ▁ mer", "hiver\t<pad> ' winter"]
    path.write_text("\n".join(rows), encoding="utf-8")
    out = tmp_path / "m"
    result = run("train", path, "--out", out, "--steps", 1, *TRAINING)
    assert result.exit_code == 0, result.output
    translator = load_translator(out)
    assert min(translator.source.encode("hiver 2")) > 3
    for text in ("sum ▁ mer", "<pad> ' winter", "<pad>"):
        ids = translator.target.encode(text)
        assert min(ids) > 3
        assert translator.target.decode(ids) == text


def started(
    env: dict[str, str], *words: str, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHONUTF8"))}
    return subprocess.run(
        [sys.executable, "-m", "txlite", *words],
        env=kept | env,
        input=stdin,
        capture_output=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def chinese(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a translator into Chinese."""
    folder = tmp_path_factory.mktemp("chinese")
    path = folder / "pairs.tsv"
    rows = [f"{a} voit {b}\t{x}看{y}" for a, x in WHO.items() for b, y in WHAT.items()]
    path.write_text("\n".join(rows), encoding="utf-8")
    out = folder / "en→zh"
    result = run("train", path, "--out", out, "--steps", 100, *TRAINING)
    assert result.exit_code == 0, result.output
    return out


WHO = {"Léa": "她", "Luc": "他", "Anna": "你", "Noël": "我"}
WHAT = {"un chat": "猫", "un chien": "狗", "un œuf": "蛋"}


def test_results_are_utf8_whatever_the_console_is(chinese: Path) -> None:
    sentences = ["Léa voit un œuf", "Luc voit un chat"]
    wanted = run("translate", chinese, *sentences).stdout
    assert set("看蛋猫") & set(wanted)
    windows = {"PYTHONIOENCODING": "cp1252"}
    done = started(windows, "translate", str(chinese), stdin="\n".join(sentences).encode())
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode("utf-8").replace("\r\n", "\n") == wanted
    bare = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = started(bare, "translate", str(chinese), *sentences)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode("utf-8").replace("\r\n", "\n") == wanted


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8", "shift_jis"])
@pytest.mark.parametrize("errors", ["strict", "replace"])
def test_only_the_error_output_replaces(
    encoding: str, errors: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = io.BytesIO(), io.BytesIO()
    for name, stream in (("stdout", out), ("stderr", err)):
        text = io.TextIOWrapper(stream, encoding=encoding, errors=errors, newline="\n")
        monkeypatch.setattr(sys, name, text)
    speak_utf8()
    for stream in (sys.stdout, sys.stderr):
        stream.write("看 é 👋🏽\n")
        stream.flush()
    assert out.getvalue() == "看 é 👋🏽\n".encode()
    assert err.getvalue() == "看 é 👋🏽\n".encode(encoding, "replace")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no names of files that are no text")
def test_a_name_that_is_no_text_goes_out_as_it_came_in(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding="ascii"))
    speak_utf8()
    say(b"caf\xe9.tsv".decode("utf-8", "surrogateescape"))
    assert out.getvalue() == b"caf\xe9.tsv\n"


def test_streams_that_are_closed_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    speak_utf8()
    say("nobody reads this")
    sys.stdout.close()
    sys.stderr.close()
    monkeypatch.undo()
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(
        ValueError, match="sentences should be given, or come in as lines; got none"
    ):
        next(read_batches(None, 64))
