"""A second kind of model meets the command line: it brings its commands, and nobody is changed."""

import json
from pathlib import Path
from typing import Annotated

import pytest
import torch
import typer
from torch import nn
from typer.testing import CliRunner, Result

from tests.cli.running import run
from txlite.cli._begun import begin, check_place
from txlite.cli._console import OUT, report_errors
from txlite.cli._family import Family
from txlite.cli._files import CHECKPOINTS, CONFIG, read_config, steps_done
from txlite.cli._progress import LossLines
from txlite.cli.app import command_line
from txlite.cli.families import FAMILIES
from txlite.training import Batches, adamw, fit

pytestmark = pytest.mark.plain
FORMAT = "txlite parrot"


@report_errors
def train_parrot(
    text: Annotated[str, typer.Argument()], out: Annotated[Path, typer.Option()], steps: int = 4
) -> None:
    """Learn which letters a text has."""
    check_place(out, FORMAT, ["letters.json"])
    mine = {"options": {"rate": 0.5}, "sha256": text}
    begin(out, mine, name_data=lambda begun: f"the text {begun['sha256']}")
    model = nn.Linear(1, 1)
    history = fit(
        model,
        Batches(range(7), lambda rows: torch.tensor(rows).float()[:, None], batch_size=3),
        lambda m, x: ((m(x) - x).square().sum(), len(x)),
        steps=steps,
        optimizer=adamw(model, 0.5),
        checkpoint=out / CHECKPOINTS,
        on_step=LossLines(steps_done(out), steps, 2),
    )
    content = {"format": FORMAT, "letters": sorted(set(text)), "loss": history.losses[-1]}
    (out / CONFIG).write_text(json.dumps(content))


def letters(folder: Path) -> dict[str, str]:
    return {"letters": " ".join(read_config(folder, FORMAT)["letters"])}


def say(word: str) -> None:
    """Say a word again."""
    OUT.print(word)


PARROT = Family(
    format=FORMAT,
    commands={"train parrot": train_parrot, "parrot": say},
    describe=letters,
    presets={"grey": ("Parrot, grey", lambda: {"feathers": "4,321"})},
)
LINE = command_line([*FAMILIES, PARROT])


def ask(*words: object) -> Result:
    return CliRunner().invoke(LINE, [str(word) for word in words])


def test_another_family_is_trained_by_two_words(tmp_path: Path, pairs: Path) -> None:
    result = ask("train", "parrot", "hello", "--out", tmp_path / "p", "--steps", 3)
    assert result.exit_code == 0, result.output
    assert [line.split(":")[0] for line in result.output.splitlines()] == [
        "step 2 of 3",
        "step 3 of 3",
    ]
    assert "Usage: txlite train parrot [OPTIONS]" in ask("train", "parrot", "--help").output
    assert "parrot hello" in ask("parrot", "parrot hello").output
    wrong = ask("train", "parrots", "--out", tmp_path / "q")
    assert wrong.exit_code == 2  # the translator's, as ever
    assert "the corpus should be one of french-english" in wrong.output


def test_what_any_model_needs_serves_it_too(tmp_path: Path) -> None:
    words = ["train", "parrot", "hello", "--out", tmp_path]
    assert ask(*words).exit_code == 0
    assert steps_done(tmp_path) == 4
    again = ask("train", "parrot", "other", "--out", tmp_path)
    assert again.exit_code == 1
    assert f"{tmp_path} was begun with the text hello: repeat that" in again.output
    fewer = ask(*words, "--steps", 3)
    assert fewer.output.startswith("error: steps should be at least 4")
    (tmp_path / "training.json").unlink()
    assert "holds config.json and no training.json" in ask(*words).output


def test_info_knows_every_family(tmp_path: Path, trained: Path) -> None:
    ask("train", "parrot", "hello", "--out", tmp_path / "p")
    assert "e h l o" in ask("info", tmp_path / "p").output
    assert ask("info", trained).output == run("info", trained).output
    assert "4,321" in ask("info", "grey").output
    assert "63,082,496" in ask("info", "base").output
    nowhere = ask("info", "nowhere").output
    assert nowhere.startswith("error: there is no folder nowhere; the presets are base, big, ")
    assert nowhere.endswith(", grey\n")
    unknown = run("info", tmp_path / "p")  # where nobody has heard of parrots
    assert unknown.exit_code == 1
    assert "should begin with format 'txlite translator' or 'txlite f" in unknown.output
    (tmp_path / "p" / CONFIG).write_text("{}")
    both = ask("info", tmp_path / "p").output
    assert "'txlite forecaster' or 'txlite parrot': it belongs to something else" in both


def test_the_folder_of_one_family_is_refused_by_another(tmp_path: Path, pairs: Path) -> None:
    ask("train", "parrot", "hello", "--out", tmp_path)
    before = (tmp_path / CONFIG).read_bytes()
    for words in (["translate", tmp_path, "je"], ["train", pairs, "--out", tmp_path]):
        result = run(*words)
        assert result.exit_code == 1
        assert "it belongs to something else" in result.output
    assert (tmp_path / CONFIG).read_bytes() == before


def test_two_families_cannot_have_one_name() -> None:
    with pytest.raises(ValueError, match=r"^families should have commands .* \['parrot', 'train p"):
        command_line([PARROT, PARROT])
    other = Family(format=FORMAT, commands={}, describe=letters)
    with pytest.raises(ValueError, match=r"^families should have formats .* \['txlite parrot'\]"):
        command_line([PARROT, other])
