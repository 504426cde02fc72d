"""The page about the command line speaks of commands and options that are there."""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import typer

from txlite.cli.app import app
from txlite.cli.forecaster import recipe as forecaster
from txlite.cli.translator import recipe as translator

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "book" / "command_line.md", ROOT / "README.md"]
CALL = re.compile(r"(?:^|-m )txlite (\w+.*)$", re.MULTILINE)
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
ROW = re.compile(r"\| `--([\w-]+)` \| (\S+) \| (\S+) \| (\S+) \|")
GROUP = typer.main.get_command(app)


def calls() -> list[str]:
    """Return every call of txlite in the pages' blocks for the console, without redirections."""
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    blocks = [block for text in texts for block in BLOCK.findall(text)]
    return [re.sub(r"\s[<>].*", "", call) for call in CALL.findall("\n".join(blocks))]


def test_the_pages_show_every_command() -> None:
    assert {call.split()[0] for call in calls()} | {"info"} == set(GROUP.commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("call", calls())
def test_every_call_of_the_pages_is_understood(call: str) -> None:
    name, *words = shlex.split(call)
    command = GROUP.commands[name]  # type: ignore[attr-defined]
    with click.Context(command) as context:
        command.parse_args(context, words)


@pytest.mark.parametrize(
    ("name", "recipes", "others"),
    [
        ("train", translator.RECIPES, {"corpus", "out", "seed"}),
        (
            "forecast", forecaster.RECIPES,
            {"file", "out", "time", "value", "horizon", "season", "context", "level", "origins",
             "fill", "zone", "step", "time_format", "decimal", "seed", "picture", "as_json"},
        ),
    ],
)  # fmt: skip
def test_the_tables_of_the_page_are_the_recipes(
    name: str, recipes: dict[Any, Any], others: set[str]
) -> None:
    before, after = PAGES[0].read_text(encoding="utf-8").split("## Forecast a series")
    rows = ROW.findall(before if name == "train" else after)
    for option, *values in rows:
        made = [recipes[budget] for budget in ("smoke", "laptop", "full")]
        assert values == [str(getattr(recipe, option.replace("-", "_"))) for recipe in made]
    options = {p.name for p in GROUP.commands[name].params}  # type: ignore[attr-defined]
    assert {option.replace("-", "_") for option, *_ in rows} == options - others
