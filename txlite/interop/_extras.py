"""The libraries of the extra ``interop``, imported where they are used."""

import importlib
from typing import Any

__all__ = ["needs"]


def needs(library: str) -> Any:
    """Import a library of the extra ``interop``.

    Parameters
    ----------
    library : str
        Its name.

    Returns
    -------
    module
        The library.

    Raises
    ------
    ImportError
        If it is not installed; the message says what installs it.
    """
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise ImportError(
            f'{library} is needed here: pip install "txlite[interop]" ({error})'
        ) from error
