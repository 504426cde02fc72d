"""The commands, gathered."""

from importlib.metadata import version
from typing import Annotated

import typer

from txlite.cli._say import OUT
from txlite.cli.info import info
from txlite.cli.speak import generate_samples, translate
from txlite.cli.train import train

__all__ = ["app"]

app = typer.Typer(
    name="txlite",
    help="Transformers from nothing: train a translator, and use it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("train")(train)
app.command("translate")(translate)
app.command("generate")(generate_samples)
app.command("info")(info)


def _version(wanted: bool) -> None:
    if wanted:
        OUT.print(f"txlite {version('txlite')}")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Transformers from nothing: train a translator, and use it."""
