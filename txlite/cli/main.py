"""Where ``txlite`` begins.

The command line needs the extra ``txlite[cli]``; this file does not, so that its absence can be
said clearly.
"""

import io
import os
import sys

__all__ = ["main", "speak_utf8"]


def main() -> None:
    """Run the command that the words after ``txlite`` name, and exit with its code.

    0: done. 1: it could not be done, and why is on the error output. 2: the command was called in
    a wrong way. 130: stopped from the keyboard; 143: told to stop, as a queue does it; 141: whoever
    read the output has gone.
    """
    try:
        speak_utf8()
        from txlite.cli.app import app
    except KeyboardInterrupt:
        sys.exit(130)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"rich", "typer"}:
            raise
        sys.exit('txlite: the command line needs typer and rich: pip install "txlite[cli]"')
    try:
        app()
    except OSError as error:  # of the help, or of the version: a command tells its own
        from txlite.cli._console import abandon_output

        abandon_output()
        sys.exit(f"error: {error}")


def speak_utf8() -> None:
    """Write results in UTF-8 wherever they go; a console that lacks a letter gets a "?" for it.

    A name of a file that is no text goes out as the bytes that it came in as.
    """
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        kept = "replace" if os.name == "nt" else "surrogateescape"
        sys.stdout.reconfigure(encoding="utf-8", errors=kept)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="replace")
