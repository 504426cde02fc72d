"""How the command line speaks: results on the output, errors in one line on the error output."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

import typer
from rich.console import Console
from rich.markup import escape

__all__ = ["OUT", "WrongCall", "fail", "report_errors", "warn"]

OUT = Console(highlight=False, soft_wrap=True, emoji=False)
ERR = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
WRONG_CALL = 2  # as for what the parser of the options refuses by itself
STOPPED = 130  # what a shell expects of a program that was stopped from the keyboard

Arguments = ParamSpec("Arguments")


class WrongCall(ValueError):
    """An argument or option has a value that it cannot have."""


def fail(reason: str, code: int = 1) -> typer.Exit:
    """Say why something cannot be done; raise what comes back."""
    ERR.print(f"[bold red]error:[/] {escape(reason)}")
    return typer.Exit(code)


def warn(remark: str) -> None:
    """Say in one line of the error output what a user should know about a result."""
    ERR.print(f"[bold yellow]warning:[/] {escape(remark)}")


@contextmanager
def _errors_in_one_line() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise fail("stopped from the keyboard", STOPPED) from None
    except WrongCall as error:
        raise fail(str(error), WRONG_CALL) from None
    except (ValueError, OSError, FloatingPointError) as error:
        raise fail(str(error)) from None
    except ModuleNotFoundError as error:
        raise fail(f'{error.name} is missing: pip install "txlite[cli]"') from None


def report_errors(command: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Turn the errors that a user can mend into one line and an exit code."""

    @wraps(command)
    def told(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        with _errors_in_one_line():
            command(*args, **kwargs)

    return told
