"""How long a translation may be: as the training's were, and what is cut off is said."""

import json
from pathlib import Path

import pytest

from tests.cli.running import TRAINING, run
from txlite.cli.translator import translate
from txlite.cli.translator.folder import load_translator, save_translator
from txlite.cli.translator.train import _longest
from txlite.cli.translator.translate import found_for, translations

pytestmark = pytest.mark.plain
LONG = 120  # words


@pytest.fixture(scope="module")
def wordy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a translator whose targets have 120 words, each a token."""
    folder = tmp_path_factory.mktemp("wordy")
    path = folder / "pairs.tsv"
    rows = [f"mot {c}\t{' '.join([d] * LONG)}" for c, d in zip("abcdefgh", "stuvwxyz", strict=True)]
    path.write_text("\n".join(rows), encoding="utf-8")
    size = ["--tokens-per-batch", 1000, "--vocab-size", 40]
    result = run("train", path, "--out", folder / "m", *TRAINING, *size, "--steps", 2)
    assert result.exit_code == 0, result.output
    return folder / "m"


def test_the_limit_comes_from_the_targets_and_is_kept(wordy: Path) -> None:
    translator = load_translator(wordy)
    tokens = len(translator.target.encode(" ".join(["t"] * LONG))) + 1
    assert tokens > LONG
    assert translator.longest == 10 + 3 * tokens // 2
    assert json.loads((wordy / "config.json").read_text())["longest"] == translator.longest
    assert f"{translator.longest} tokens" in run("info", wordy).output


@pytest.mark.parametrize(("longest", "want"), [(1, 11), (2, 13), (3, 14), (121, 191)])
def test_half_as_much_again_and_ten(longest: int, want: int) -> None:
    """The begin mark is given, and the end is one of the tokens."""
    assert _longest([([5, 2], [1, *[6] * (longest - 1), 2]), ([5] * 300, [1, 2])]) == want


@pytest.mark.parametrize(("name", "function"), [("translate", "beam_search"), ("generate", None)])
def test_the_search_goes_to_the_limit_and_no_further(
    wordy: Path, name: str, function: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    function, limits = function or name, []
    kept = getattr(translate, function)

    def watched(*args: object, **options: object) -> object:
        limits.append(options["max_new_tokens"])
        return kept(*args, **options)

    monkeypatch.setattr(translate, function, watched)
    run(name, wordy, "mot c")
    run(name, wordy, "--max-tokens", 3, "mot c")
    assert limits == [load_translator(wordy).longest, 3]


def test_it_is_said_in_one_line_with_the_way_out(wordy: Path) -> None:
    for name, options in (("translate", []), ("generate", ["--samples", 2, "--temperature", 0])):
        words = [name, wordy, *options, "--max-tokens", 7]
        result = run(*words, "mot  c", "mot d")
        assert result.stderr.splitlines() == [
            f"warning: the translation of “mot {c}” has no end after 7 tokens and was cut there; "
            "--max-tokens allows more"
            for c in "cd"
        ]
        assert result.exit_code == 0


def test_the_score_says_how_many_have_no_end(wordy: Path) -> None:
    path = wordy.parent / "pairs.tsv"
    size = ["--tokens-per-batch", 1000, "--vocab-size", 40]
    result = run("train", path, "--out", wordy, *TRAINING, *size, "--steps", 2)
    longest = load_translator(wordy).longest
    assert f"warning: 1 of 1 translations have no end after {longest} tokens" in result.stderr


def test_what_ends_is_not_cut_and_nothing_is_said(trained: Path) -> None:
    translator = load_translator(trained)
    (one,) = found_for(translator, ["je vois un chat"])
    assert one.ended
    assert translations(translator, ["je vois un chat"]) == [one.text]
    assert run("translate", trained, "je vois un chat").stderr == ""
    tokens = len(translator.target.encode(one.text)) + 1
    enough = run("translate", trained, "--beams", 1, "--max-tokens", tokens, "je vois un chat")
    assert (enough.stdout, enough.stderr) == (f"{one.text}\n", "")
    short = run("translate", trained, "--beams", 1, "--max-tokens", tokens - 1, "je vois un chat")
    assert short.stdout == f"{one.text}\n"  # only the end is missing
    assert "has no end" in short.stderr


def test_a_folder_of_before_has_the_limit_of_before(trained: Path, tmp_path: Path) -> None:
    save_translator(load_translator(trained), tmp_path)
    path = tmp_path / "config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["longest"]
    path.write_text(json.dumps(content), encoding="utf-8")
    assert load_translator(tmp_path).longest == 80
    assert run("translate", tmp_path, "je vois un chat").stdout
    for wrong in (0, -1, "80", 1.5, None, True):
        path.write_text(json.dumps({**content, "longest": wrong}), encoding="utf-8")
        result = run("translate", tmp_path, "je")
        assert result.exit_code == 1
        assert f"longest in {path} should be a positive whole number, got" in result.output
