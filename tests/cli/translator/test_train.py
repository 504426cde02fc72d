"""What `txlite train` does in a folder that is not empty: it goes on, or leaves it as it is."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.running import SIZES, TRAINING, run
from txlite.training import TeacherForcing, fit

pytestmark = pytest.mark.plain
STEPS = ["--steps", 12]


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def begun(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("begun") / "m5"
    assert run("train", pairs, "--out", folder, *STEPS, *TRAINING).exit_code == 0
    return folder


@pytest.fixture
def finished(begun: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(begun, tmp_path / "m5"))


@pytest.fixture
def interrupted(finished: Path) -> Path:
    for name in ("config.json", "model.safetensors", "source.json", "target.json"):
        (finished / name).unlink()
    return finished


def refused(folder: Path, *words: object, code: int = 1) -> str:
    """Run a command that should change nothing; return what it says."""
    before = contents(folder)
    result = run(*words)
    assert result.exit_code == code, result.output
    assert contents(folder) == before
    assert "Traceback" not in result.output
    (error,) = [line for line in result.output.splitlines() if line.startswith("error: ")]
    return error.removeprefix("error: ")


@pytest.mark.parametrize("state", ["finished", "interrupted"])
def test_other_sentences_are_refused(
    pairs: Path, tmp_path: Path, state: str, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(state)
    other = tmp_path / "other.tsv"
    swapped = [line.split("\t")[::-1] for line in pairs.read_text().splitlines()]
    other.write_text("\n".join("\t".join(line) for line in swapped))
    said = refused(folder, "train", other, "--out", folder, *STEPS, *TRAINING)
    assert said == (
        f"{folder} was begun with other sentences (22 pairs): repeat that, or name another folder"
    )


def test_other_options_are_refused_by_name(pairs: Path, finished: Path) -> None:
    words = ["train", pairs, "--out", finished, *STEPS, *TRAINING]
    said = refused(finished, *words, "--learning-rate", 0.02, "--dropout", 0.1)
    assert "was begun with dropout 0.0 and learning_rate 0.01: repeat that" in said
    assert "seed 0" in refused(finished, *words, "--seed", 1)
    assert "other sentences (22 pairs)" in refused(finished, *words, "--num-pairs", 20)


def test_the_same_command_scores_again(pairs: Path, finished: Path) -> None:
    before = contents(finished)
    result = run("train", pairs, "--out", finished, *STEPS, *TRAINING)
    assert result.exit_code == 0
    assert "m5 is already trained for 12 steps; scored again." in result.output
    assert contents(finished) == before


def test_more_steps_go_on_and_fewer_are_refused(pairs: Path, finished: Path) -> None:
    more = run("train", pairs, "--out", finished, "--steps", 14, *TRAINING)
    assert more.exit_code == 0
    assert "Going on after step 12." in more.output
    said = refused(finished, "train", pairs, "--out", finished, "--steps", 12, *TRAINING)
    assert said.startswith("steps should be at least 14, which step-00000014 in")


def test_before_the_first_checkpoint_anything_may_change(pairs: Path, tmp_path: Path) -> None:
    words = ["train", pairs, "--out", tmp_path, "--steps", 1, *TRAINING]
    assert run(*words).exit_code == 0
    shutil.rmtree(tmp_path / "checkpoints")
    (tmp_path / "config.json").unlink()
    assert run(*words, "--seed", 3).exit_code == 0
    assert json.loads((tmp_path / "training.json").read_text())["options"]["seed"] == 3


def test_the_record_is_there_before_the_first_step(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("txlite.cli.translator.train.fit", killed)
    assert run("train", pairs, "--out", tmp_path, *STEPS, *TRAINING).exit_code == 130
    assert [path.name for path in tmp_path.iterdir()] == ["training.json"]
    said = refused(tmp_path, "translate", tmp_path, "je")
    assert said == f"{tmp_path} holds an unfinished training (step 0): repeat the train command"


def test_an_unfinished_folder_says_how_far_it_is(interrupted: Path) -> None:
    for command in (["info"], ["translate"], ["generate"]):
        said = refused(interrupted, *command, interrupted, *(["je"] if len(command) > 1 else []))
        assert said.endswith("unfinished training (step 12): repeat the train command")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda f: (f / "config.json").write_text('{"model_type": "x"}'), "belongs to something"),
        (lambda f: (f / "config.json").write_text("{"), "is damaged"),
        (lambda f: (f / "training.json").write_text("{}"), "belongs to something else"),
        (lambda f: (f / "model.safetensors").write_text("x"), "holds model.safetensors and no"),
        (lambda f: (f / "checkpoints").mkdir(), "holds checkpoints and no training.json"),
    ],
)
def test_what_belongs_to_others_stays(
    pairs: Path, tmp_path: Path, make: Callable[[Path], object], reason: str
) -> None:
    make(tmp_path)
    assert reason in refused(tmp_path, "train", pairs, "--out", tmp_path, *STEPS, *TRAINING)
    assert "Reading" not in run("train", pairs, "--out", tmp_path, *STEPS, *TRAINING).output


def test_a_file_is_no_folder(pairs: Path, tmp_path: Path) -> None:
    file = tmp_path / "notes"
    file.write_text("mine")
    for out in (file, file / "deeper" / "still"):
        said = refused(tmp_path, "train", pairs, "--out", out, *STEPS, *TRAINING)
        assert said == f"{out} should be a folder, and {file} is a file"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_whoever_may_read_one_file_may_read_all(trained: Path) -> None:
    modes = {path.stat().st_mode & 0o777 for path in trained.iterdir() if path.is_file()}
    os.umask(mask := os.umask(0))
    assert modes == {0o666 & ~mask}


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        (["--learning-rate", -1], "learning_rate should be a positive number, got -1.0"),
        (["--dropout", 1.5], "dropout should be a probability in [0, 1), got 1.5"),
        (["--num-heads", 5], "should be a multiple of num_heads=5"),
        (["--tokens-per-batch", 0], "tokens_per_batch should be a positive whole number, got 0"),
    ],
)
def test_a_recipe_without_a_model_is_a_wrong_call(
    pairs: Path, tmp_path: Path, option: list[object], reason: str
) -> None:
    said = refused(tmp_path, "train", pairs, "--out", tmp_path, *TRAINING, *option, code=2)
    assert reason in said


def test_a_training_that_diverges_names_the_folder(pairs: Path, tmp_path: Path) -> None:
    words = ["train", pairs, "--out", tmp_path, *STEPS, *TRAINING, "--learning-rate", 1e30]
    result = run(*words)
    assert result.exit_code == 1
    assert f"{tmp_path} leads no further: name another folder" in result.output


def test_a_log_shows_the_recipe_and_the_loss(pairs: Path, tmp_path: Path) -> None:
    lines = run("train", pairs, "--out", tmp_path, "--steps", 15, *SIZES).output.splitlines()
    assert lines[1].startswith("22 pairs, vocabularies of ")
    assert lines[1].endswith("d_model 16, 1 + 1 layers, 15 steps.")
    steps = [line.split(" of ")[0] for line in lines if line.startswith("step ")]
    assert steps == [f"step {n}" for n in range(1, 16)]
    losses = [float(line.split()[-1]) for line in lines if line.startswith("step ")]
    assert 6 > losses[0] > losses[-1] > 0
    assert "Scoring 2 held-out sentences …" in lines
    about = json.loads((tmp_path / "config.json").read_text())["about"]
    assert losses[-1] == round(about["loss"], 3)


def test_a_terminal_changes_nothing_but_what_is_shown(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = []

    def spied(*args: object, **options: object) -> object:
        losses.append((args[2], options.get("evaluate")))
        return fit(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("txlite.cli.translator.train.fit", spied)
    for name, is_terminal in (("log", False), ("bar", True)):
        monkeypatch.setattr(
            "txlite.cli.translator.train._shows_a_bar", lambda shown=is_terminal: shown
        )
        assert run("train", pairs, "--out", tmp_path / name, *STEPS, *TRAINING).exit_code == 0
    assert losses == [(TeacherForcing(), None)] * 2
    log, bar = (contents(tmp_path / name) for name in ("log", "bar"))
    weights = [name for name in log if name.endswith(".safetensors")]
    assert len(weights) == 7  # the result, and two checkpoints
    assert all(log[name] == bar[name] for name in weights)


def test_the_example_needs_no_quoting_inside(tmp_path: Path) -> None:
    lines = [f"l'homme {i}\tthe man {i}\nun chat {i}\ta cat {i}" for i in range(11)]
    path = tmp_path / "pairs.tsv"
    path.write_text("\n".join(lines))  # line 1 is held out, and so is line 21: both with l'
    path.write_text(path.read_text() + "\n" + "\n".join(f"x {i}\ty" for i in range(20)))
    output = run("train", path, "--out", tmp_path / "m", "--steps", 1, *SIZES).output
    assert output.splitlines()[-1].endswith("/m 'x 18'")


def test_a_file_is_learned_whole_unless_its_pairs_are_numbered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TXLITE_BUDGET", "smoke")  # its corpora have three hundred pairs
    path = tmp_path / "pairs.tsv"
    path.write_text("\n".join(f"le chat {i}\tthe cat {i}" for i in range(340)))
    words = ["train", path, "--steps", 1, *SIZES]
    assert "\n323 pairs, " in run(*words, "--out", tmp_path / "all").output
    assert "\n50 pairs, " in run(*words, "--out", tmp_path / "some", "--num-pairs", 50).output
