"""Where a picture, a table or a number leaves for the notebook."""

from collections.abc import Callable
from typing import Any, cast

import IPython
import IPython.display

__all__ = ["emit", "emit_bundle"]

_display = cast(Callable[..., None], IPython.display.display)


def emit(thing: object) -> None:
    """Display a thing by its own representations; outside a notebook, print it.

    Parameters
    ----------
    thing : object
        For instance a picture or a table.
    """
    _display(thing)


def emit_bundle(data: dict[str, str], metadata: dict[str, Any]) -> None:
    """Display raw data by media type; outside a notebook, do nothing.

    Parameters
    ----------
    data : dict of str to str
        The data of each media type.
    metadata : dict
        What the output's receiver has to know beside them.
    """
    if cast(Callable[[], object], IPython.get_ipython)() is not None:
        _display(data, raw=True, metadata=metadata)
