"""What is known of a stored tensor before its numbers are read.

Every kind of file is read in two steps. The first looks at what the file says of itself, and at
nothing that is larger: names, shapes, dtypes, and where the numbers lie. Whatever does not fit the
file's own length is refused there, before memory is asked for. The second reads one tensor.
"""

import math
import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

__all__ = ["Stored", "shown"]

_SHOWN = 80
_SHORT = reprlib.Repr()  # it looks at no more than it shows
_SHORT.maxstring = _SHOWN


@dataclass(frozen=True)
class Stored:
    """A tensor in a file.

    Parameters
    ----------
    path : Path
        The file.
    shape : tuple of int
        Its shape.
    dtype : torch.dtype
        What it holds once it is read.
    read : callable
        Reads it.
    own : bool
        Whether what is read is nobody else's: otherwise it may be a view of the file.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: torch.dtype
    read: Callable[[], Tensor]
    own: bool = False

    @property
    def numel(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


def shown(name: object) -> str:
    """Return what came from a file as a message may show it: short, and in letters that print."""
    text = _SHORT.repr(name).encode("ascii", "backslashreplace").decode()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
