"""Sizes that no machine has room for are refused in one line, before anything is made."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.cli.running import TRAINING, run
from txlite.cli._console import report_errors
from txlite.cli.translator import room
from txlite.cli.translator.recipe import RECIPES, Recipe
from txlite.cli.translator.room import check_room, parameters
from txlite.models import Transformer

pytestmark = pytest.mark.plain
HUGE = 4_000_000_000


@pytest.mark.parametrize("layers", [1, 2, 3, 7])
@pytest.mark.parametrize("sizes", [{}, {"d_model": 64, "d_ff": 100, "num_heads": 8}])
def test_parameters_are_those_of_the_model(layers: int, sizes: dict[str, int]) -> None:
    recipe = replace(RECIPES["laptop"], num_layers=layers, **sizes)
    model = Transformer(recipe.config(70, 90))
    assert parameters(recipe, 70, 90) == sum(p.numel() for p in model.parameters())


def test_room_is_what_training_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe()
    enough = 16 * parameters(recipe, 50, 60)
    monkeypatch.setattr(room, "_memory", lambda: enough)
    check_room(recipe, 50, 60)
    monkeypatch.setattr(room, "_memory", lambda: enough - 1)
    with pytest.raises(ValueError, match=r"^the model should fit into this machine's .* GiB, got"):
        check_room(recipe, 50, 60)
    monkeypatch.setattr(room, "_memory", lambda: None)
    check_room(recipe, 50, 60)


def test_a_machine_says_how_much_memory_it_has() -> None:
    memory = room._memory()
    assert memory is None or 2**28 < memory < 2**50


@pytest.mark.parametrize("number", [HUGE, 2**63, 10**30])
@pytest.mark.parametrize("option", ["--d-model", "--d-ff", "--num-layers"])
def test_huge_sizes_are_a_wrong_call(pairs: Path, tmp_path: Path, option: str, number: int) -> None:
    even = number - number % 2  # two heads
    result = run("train", pairs, "--out", tmp_path / "m", *TRAINING, option, even)
    assert result.exit_code == 2
    assert result.output.startswith("error: the model should fit into this machine")
    assert result.output.count("\n") == 1
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("number", [HUGE, 10**30])
@pytest.mark.parametrize("option", ["--vocab-size", "--tokens-per-batch"])
def test_more_than_the_sentences_hold_is_all_that_they_hold(
    pairs: Path, tmp_path: Path, option: str, number: int
) -> None:
    words = ["train", pairs, "--out", tmp_path, *TRAINING, "--steps", 1, option, number]
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert "22 pairs, vocabularies of " in result.output


def test_a_vocabulary_that_is_too_large_is_refused_when_it_is_known(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def told(recipe: Recipe, source: int, target: int) -> None:
        seen.append((source, target))
        if len(seen) == 2:
            raise ValueError("the model should fit into this machine")

    monkeypatch.setattr("txlite.cli.translator.train.check_room", told)
    options = [*TRAINING, "--vocab-size", 5000]
    result = run("train", pairs, "--out", tmp_path, *options)
    assert result.exit_code == 1
    assert "error: the model should fit into this machine\n" in result.output
    assert seen[0] == (1000, 1000)
    assert max(seen[1]) < 300


@pytest.mark.parametrize(
    ("option", "value"),
    [("--num-pairs", HUGE), ("--num-pairs", 10**30), ("--num-pairs", 250_001)],
)
def test_more_sentences_than_there_are(tmp_path: Path, option: str, value: int) -> None:
    result = run("train", "french-english", "--out", tmp_path / "m", option, value)
    assert result.exit_code == 1
    assert f"error: num_train should be at most 250,000, got {value:,}\n" in result.output


@pytest.mark.parametrize(
    "words",
    [
        ["translate", "--beams", HUGE],
        ["translate", "--beams", 1001],
        ["translate", "--beams", 2, "--alternatives", HUGE],
        ["translate", "--max-tokens", HUGE],
        ["translate", "--length-penalty", "nan"],
        ["translate", "--length-penalty", "inf"],
        ["generate", "--samples", HUGE],
        ["generate", "--max-tokens", 0],
        ["generate", "--seed", 2**63],
        ["generate", "--seed", -1],
        ["generate", "--temperature", "nan"],
        ["generate", "--temperature", "inf"],
        ["generate", "--top-p", "nan"],
        ["generate", "--min-p", "nan"],
    ],
)
def test_what_can_be_no_number_of_anything_is_refused(trained: Path, words: list[object]) -> None:
    name, *options = words
    result = run(name, trained, *options, "je vois un chat")
    assert result.exit_code in {1, 2}
    assert "Traceback" not in result.output
    assert str(options[-2]) in result.output or result.output.startswith("error: ")
    assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(
    "words",
    [
        ["generate", "--top-k", 10**30, "--samples", 1],
        ["generate", "--seed", 2**63 - 1, "--samples", 1],
        ["generate", "--temperature", "1e300", "--samples", 1],
        ["translate", "--length-penalty", "1e300"],
        ["translate", "--length-penalty", "-1e300"],
        ["translate", "--beams", 1000],
    ],
)
def test_what_is_only_extreme_is_answered(trained: Path, words: list[object]) -> None:
    name, *options = words
    result = run(name, trained, *options, "je vois un chat")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("\n") == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.empty(2**60, dtype=torch.uint8),
        lambda: bytearray(2**62),
        lambda: (_ for _ in ()).throw(torch.OutOfMemoryError("CUDA out of memory. Tried to")),
    ],
)
def test_memory_that_is_not_there_is_one_line(
    make: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(make)
    with pytest.raises(Exception, match="1"):
        report_errors(make)()
    said = capsys.readouterr().err
    assert said == "error: there is not enough memory for this: ask for less at once\n"


def test_other_faults_of_torch_are_not_called_so() -> None:
    def broken() -> None:
        raise RuntimeError("a fault of ours")

    with pytest.raises(RuntimeError, match="a fault of ours"):
        report_errors(broken)()
