"""The commands, gathered: what each family brings, and what serves all: ``generate``, ``info``."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from txlite.cli._console import OUT
from txlite.cli._family import Family
from txlite.cli.families import FAMILIES
from txlite.cli.generate import generate
from txlite.cli.info import info

__all__ = ["app", "command_line"]


class Commands(TyperGroup):
    """A group in which a command may have two words: the longer name is tried first."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command that the arguments begin with.

        Parameters
        ----------
        ctx : Context
            Of the group.
        args : list of str
            What follows ``txlite``.

        Returns
        -------
        (str, Command, list of str)
            Its name, itself, and the arguments that are left.
        """
        words = " ".join(args[:2])
        if words in self.commands:
            return words, self.commands[words], args[2:]
        return super().resolve_command(ctx, args)


def _version(wanted: bool) -> None:
    if wanted:
        OUT.print(f"txlite {version('txlite')}")
        raise typer.Exit


def options(
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Transformers from nothing: translators, forecasters, and models of others."""


def _check_own(what: str, names: Sequence[str]) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"families should have {what} of their own, got {twice} more than once")


def command_line(families: Sequence[Family]) -> typer.Typer:
    """Make the command line of some families of models.

    Parameters
    ----------
    families : sequence of Family
        Whose commands it has, in this order, with ``generate`` and ``info`` after them.

    Returns
    -------
    typer.Typer
        The command line.

    Raises
    ------
    ValueError
        If two families have a command of the same name, or folders of the same format.
    """
    commands = [(name, run) for family in families for name, run in family.commands.items()]
    _check_own("commands", [name for name, _ in commands])
    _check_own("formats", [family.format for family in families if family.format is not None])
    line = typer.Typer(
        name="txlite",
        cls=Commands,
        help="Transformers from nothing: translators, forecasters, and models of others.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"obj": tuple(families)},
    )
    for name, run in commands:
        line.command(name)(run)
    line.command("generate")(generate)
    line.command("info")(info)
    line.callback()(options)
    return line


app = command_line(FAMILIES)
