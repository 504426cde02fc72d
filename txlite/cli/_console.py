"""How the command line speaks: results on the output, errors in one line on the error output."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import ParamSpec

import typer
from rich.console import Console
from rich.markup import escape

from txlite.cli._signals import Stopped, orderly

__all__ = [
    "OUT",
    "WrongCall",
    "abandon_output",
    "excerpt",
    "fail",
    "report_errors",
    "say",
    "visible",
    "warn",
]

OUT = Console(highlight=False, soft_wrap=True, emoji=False)
ERR = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
WRONG_CALL = 2  # as for what the parser of the options refuses by itself
UNHEARD = 141  # what a shell expects where the reader of a pipe has gone
SHOWN = 60  # characters of a sentence in a message

Arguments = ParamSpec("Arguments")


class WrongCall(ValueError):
    """An argument or option has a value that it cannot have."""


def say(line: str) -> None:
    """Print a line of the results as it is: whoever reads it gets every character."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def fail(reason: str, code: int = 1) -> typer.Exit:
    """Say why something cannot be done; raise what comes back."""
    _tell(f"[bold red]error:[/] {escape(_in_one_line(reason))}")
    return typer.Exit(code)


def warn(remark: str) -> None:
    """Say in one line of the error output what a user should know about a result."""
    _tell(f"[bold yellow]warning:[/] {escape(_in_one_line(remark))}")


def _tell(message: str) -> None:
    with suppress(OSError):  # nobody is left to read it, and the exit code says it, too
        ERR.print(message)


def _in_one_line(text: str) -> str:
    return " ".join(text.splitlines())


def visible(text: str) -> str:
    """Return a text in which nothing steers a terminal: such characters are spelt out."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def excerpt(sentence: str) -> str:
    """Return so much of a sentence that a message can name it."""
    text = " ".join(sentence.split())
    return visible(text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…")


@contextmanager
def _errors_in_one_line() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as stop:
        stopped = stop if isinstance(stop, Stopped) else Stopped()
        raise fail(str(stopped), stopped.code) from None
    except WrongCall as error:
        raise fail(str(error), WRONG_CALL) from None
    except BrokenPipeError:
        abandon_output()
        raise typer.Exit(UNHEARD) from None
    except (ValueError, OSError, FloatingPointError) as error:
        abandon_output()
        raise fail(str(error)) from None
    except (RuntimeError, MemoryError) as error:
        if not _lacks_memory(error):
            raise
        raise fail("there is not enough memory for this: ask for less at once") from None
    except ModuleNotFoundError as error:
        raise fail(f'{error.name} is missing: pip install "txlite[cli]"') from None
    except ImportError as error:  # of a library that reads one kind of file, by its extra
        raise fail(str(error)) from None


def _lacks_memory(error: Exception) -> bool:
    """Whether torch or Python could not have as much memory as was asked for."""
    return isinstance(error, MemoryError) or "memory" in str(error)


def abandon_output() -> None:
    """Drop what the output could not take: Python would try it again at the end, and complain."""
    try:
        sys.stdout.flush()
    except OSError:
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), sys.stdout.fileno())


def report_errors(command: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Turn the errors that a user can mend into one line and an exit code."""

    @wraps(command)
    def told(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        with _errors_in_one_line(), orderly():
            command(*args, **kwargs)

    return told
