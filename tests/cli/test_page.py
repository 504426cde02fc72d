"""The page about the command line speaks of commands and options that are there."""

import re
import shlex
from pathlib import Path

import click
import pytest
import typer

from txlite.cli.app import app
from txlite.cli.translator.recipe import RECIPES

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


def test_the_table_of_the_page_is_the_recipe() -> None:
    rows = ROW.findall(PAGES[0].read_text(encoding="utf-8"))
    for option, *values in rows:
        recipes = [RECIPES[name] for name in ("smoke", "laptop", "full")]
        assert values == [str(getattr(recipe, option.replace("-", "_"))) for recipe in recipes]
    options = {p.name for p in GROUP.commands["train"].params}  # type: ignore[attr-defined]
    assert {option.replace("-", "_") for option, *_ in rows} == options - {"corpus", "out", "seed"}
