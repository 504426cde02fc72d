"""What makes a series of numbers: its look, and its values as plain floats."""

from collections.abc import Sequence

from torch import Tensor

from txlite.viz.palette import PALETTE

__all__ = ["COLORS", "DASHES", "MARKERS", "Numbers", "floats"]

Numbers = Sequence[float | int] | Tensor

# Six series are told apart by three things at once, so that colour is never the only one.
COLORS = list(PALETTE.values())
DASHES = ["-", (0, (5, 1.6)), (0, (1.2, 1.6)), (0, (6, 1.6, 1.2, 1.6)), (0, (3, 1.2)), "-"]
MARKERS = ["o", "s", "^", "D", "v", "P"]


def floats(numbers: Numbers) -> list[float]:
    """Return numbers, from any device, as a list of Python floats.

    Parameters
    ----------
    numbers : sequence of float or Tensor
        One series.

    Returns
    -------
    list of float
        The same numbers.
    """
    values = numbers.detach().cpu().tolist() if isinstance(numbers, Tensor) else numbers
    return [float(value) for value in values]
