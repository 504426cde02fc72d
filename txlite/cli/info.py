"""``txlite info``: what is installed, what a preset costs, what a folder holds."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.table import Table

from txlite.cli._console import OUT, report_errors
from txlite.cli._family import Family, Rows
from txlite.cli._files import family_of
from txlite.cli._threads import SMALL, threads_for
from txlite.runtime import budget, device

__all__ = ["info"]


@report_errors
def info(
    context: typer.Context,
    what: Annotated[
        str | None,
        typer.Argument(help="A folder or file with a model, or a preset: base, big, gpt2 …"),
    ] = None,
) -> None:
    """Say what is installed here, what a folder holds, or what a preset costs."""
    families: tuple[Family, ...] = context.obj
    presets = {name: preset for family in families for name, preset in family.presets.items()}
    if what is None:
        _show("txlite", _here())
    elif what in presets:
        title, rows = presets[what]
        _show(title, rows())
    elif not Path(what).exists():
        raise ValueError(f"there is no folder {what}; the presets are {', '.join(presets)}")
    else:
        _show(what, family_of(Path(what), families).describe(Path(what)))


def _here() -> dict[str, str]:
    return {
        "version": version("txlite"),
        "torch": torch.__version__,
        "device": str(device()),
        "budget": budget(),
        "threads": _threads(),
    }


def _threads() -> str:
    small, large = threads_for(SMALL), threads_for(SMALL + 1)
    return f"{small}" if small == large else f"{small}, or {large} if d_model is above {SMALL}"


def _show(title: str, rows: Rows) -> None:
    table = Table(title=title, show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column(overflow="fold")  # a signature is for copying: no end may be cut off
    for name, value in rows.items():
        if value != "0":
            table.add_row(name, value)
    OUT.print(table)
