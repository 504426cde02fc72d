"""Where ``txlite`` begins.

The command line needs the extra ``txlite[cli]``; this file does not, so that its absence can be
said clearly.
"""

import io
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command that the words after ``txlite`` name, and exit with its code.

    0: done. 1: it could not be done, and why is on the error output. 2: the command was called in
    a wrong way. 130: stopped from the keyboard.
    """
    try:
        from txlite.cli.app import app
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"rich", "typer"}:
            raise
        sys.exit('txlite: the command line needs typer and rich: pip install "txlite[cli]"')
    for stream in (sys.stdout, sys.stderr):  # a pipe of Windows cannot say "→", and must not fail
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app()
