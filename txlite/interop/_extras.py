"""The libraries of the extras ``interop`` and ``onnx``, imported where they are used."""

import importlib
from typing import Any

__all__ = ["needs"]


def needs(library: str, *, extra: str = "interop") -> Any:
    """Import a library of an extra.

    Parameters
    ----------
    library : str
        Its name.
    extra : str
        The extra that brings it.

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
            f'{library} is needed here: pip install "txlite[{extra}]" ({error})'
        ) from error
