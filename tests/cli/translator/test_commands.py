"""The command line as a user meets it: what it writes, what it says, how it exits."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.cli.running import run
from txlite.cli.translator.corpus import read_lesson
from txlite.cli.translator.folder import load_translator, save_translator
from txlite.cli.translator.translate import translations
from txlite.data.tokenizers import train_bpe
from txlite.generation import generate

pytestmark = pytest.mark.plain


def test_a_file_of_pairs_becomes_a_translator(trained: Path) -> None:
    result = run("translate", trained, "Tu vois une pomme.", "elle vois le vin")
    assert result.exit_code == 0
    assert result.output.splitlines() == ["you see an apple", "she see the wine"]


def test_lines_of_the_input_are_translated_in_order(trained: Path) -> None:
    result = run("translate", trained, "--beams", 1, stdin="il vois un chat\n\nje vois un livre\n")
    assert result.output.splitlines() == ["he see a cat", "", "I see a book"]


def test_alternatives_are_the_best_beams_in_order(trained: Path) -> None:
    result = run("translate", trained, "--beams", 4, "--alternatives", 3, "nous vois le vin")
    lines = result.output.splitlines()
    assert lines[0] == "we see the wine"
    assert len(set(lines)) == 3
    refused = run("translate", trained, "--beams", 2, "--alternatives", 3, "je")
    assert refused.exit_code == 2
    assert "alternatives should be at most the 2 beams" in refused.output


def test_one_beam_is_greedy_search(trained: Path) -> None:
    translator = load_translator(trained)
    source = torch.tensor([[*translator.source.encode("ils vois un chat"), 2]])
    tokens = generate(
        translator.model, torch.tensor([[1]]), source=source, max_new_tokens=20, eos_id=2
    )
    want = translator.target.decode(tokens[0].tolist())
    assert translations(translator, ["ils vois un chat"], beams=1) == [want]


def test_samples_are_drawn_by_the_seed_and_hold_the_prompt(trained: Path) -> None:
    words = ["generate", trained, "je vois un chat", "--samples", 5, "--temperature", 3.0]
    first, again, other = (run(*words, "--seed", seed).output for seed in (1, 1, 2))
    assert first == again != other
    assert len(set(first.splitlines())) > 1
    assert len({*run(*words, "--top-k", 1).output.splitlines()}) == 1
    begun = run("generate", trained, "je vois un chat", "--prompt", "they", "--temperature", 0)
    assert all(line.startswith("they") for line in begun.output.splitlines())
    wrong = run("generate", trained, "je", "--top-p", 3.0)
    assert wrong.exit_code == 2
    assert "--top-p" in wrong.output


def test_info_says_what_a_folder_holds_and_what_a_preset_costs(trained: Path) -> None:
    text = run("info", trained).output
    numbers = sum(p.numel() for p in load_translator(trained).model.parameters())
    assert f"{numbers:,}" in text
    assert "see" in text
    assert "exact match" in text
    assert "63,082,496" in run("info", "base").output
    here = run("info").output
    assert torch.__version__ in here
    assert "budget" in here


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda f: (f / "config.json").unlink(),
            "should be a folder that txlite train has written",
        ),
        (lambda f: (f / "config.json").write_text("{"), "is damaged"),
        (lambda f: (f / "config.json").write_text('{"format": "x"}'), "belongs to something else"),
        (lambda f: (f / "model.safetensors").write_bytes(b"abc"), "should hold the weights"),
        (lambda f: (f / "model.safetensors").unlink(), "should hold the weights"),
        (lambda f: save_file({"x": torch.zeros(1)}, f / "model.safetensors"), "unexpected: ['x']"),
        (lambda f: (f / "source.json").unlink(), "should hold a tokenizer, and is not there"),
        (lambda f: (f / "target.json").write_text("{}"), "should hold a tokenizer, and is damaged"),
        (lambda f: train_bpe(["je"], 50).save(f / "source.json"), "should have tokenizers of"),
    ],
)
def test_what_is_damaged_is_said(
    trained: Path, tmp_path: Path, change: object, reason: str
) -> None:
    folder = tmp_path / "copy"
    save_translator(load_translator(trained), folder)
    assert run("translate", folder, "je").exit_code == 0
    change(folder)  # type: ignore[operator]
    result = run("translate", folder, "je vois un chat")
    assert result.exit_code == 1
    assert reason in result.output
    assert "Traceback" not in result.output


def test_a_size_that_does_not_fit_the_weights_is_said(trained: Path, tmp_path: Path) -> None:
    save_translator(load_translator(trained), tmp_path)
    path = tmp_path / "config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["config"]["d_ff"] += 1
    path.write_text(json.dumps(content), encoding="utf-8")
    result = run("info", tmp_path)
    assert result.exit_code == 1
    assert "does not fit its config" in result.output


@pytest.mark.parametrize("file", ["model.safetensors", "source.json", "target.json"])
def test_new_weights_never_meet_an_old_config(
    trained: Path, tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    translator = load_translator(trained)
    save_translator(translator, tmp_path)
    move = os.replace

    def killed(source: Path, target: Path) -> None:
        move(source, target)
        if Path(target).name == file:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        save_translator(translator, tmp_path)
    monkeypatch.setattr(os, "replace", move)
    with pytest.raises(ValueError, match=r"got one without config.json"):
        load_translator(tmp_path)
    save_translator(translator, tmp_path)
    assert load_translator(tmp_path).about == translator.about


def test_a_file_of_ones_own_is_read_as_its_sentences_will_be(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("\ufeffUn  chat.\tone\nC’est toi?\tis it you?\n", encoding="utf-8")
    lesson = read_lesson(str(path))
    assert [*lesson.train, *lesson.held_out] == [("c'est toi ?", "is it you?"), ("un chat", "one")]
    path.write_bytes("été\tsummer".encode("latin-1"))
    with pytest.raises(ValueError, match=r"pairs.tsv:1 should be text in UTF-8"):
        read_lesson(str(path))


def test_an_output_that_lacks_a_letter_is_no_error(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "txlite", "translate", str(tmp_path / "fr→en"), "je"],
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert b"fr?en" in done.stderr
    assert b"error: there is no folder" in done.stderr


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("un\tone\ndeux\n", "pairs.tsv:2 should hold a sentence, a tab and its translation, got 0"),
        (
            "un\tone\nun\ta\tb\n",
            "pairs.tsv:2 should hold a sentence, a tab and its translation, got 2",
        ),
        ("un\tone\n.\ttwo\n", "a tab and its translation, got a side without words"),
        ("un\tone\n", "should hold at least two different sentences, got 1"),
        ("un\tone\nUn.\ta\n", "should hold at least two different sentences, got 1"),
        (None, "the corpus should be one of french-english, chinese-english, or a file"),
    ],
)
def test_a_corpus_that_is_none_is_said(tmp_path: Path, lines: str | None, reason: str) -> None:
    path = tmp_path / "pairs.tsv"
    if lines is not None:
        path.write_text(lines, encoding="utf-8")
    result = run("train", path, "--out", tmp_path / "out")
    assert result.exit_code == (2 if lines is None else 1)
    assert reason in result.output
    assert ("Reading" in result.output) == (lines is not None)
    assert not (tmp_path / "out").exists()


def test_a_corpus_and_its_test_have_nothing_in_common(pairs: Path) -> None:
    for lesson in (read_lesson("french-english", 50), read_lesson(str(pairs))):
        assert lesson.train
        assert lesson.held_out
        assert not {*lesson.train} & {*lesson.held_out}


def test_a_wrong_call_exits_with_two() -> None:
    assert run("train").exit_code == 2
    assert run("translate", "nowhere", "--beams", 0, "x").exit_code == 2
    assert run("--version").output.startswith("txlite ")
