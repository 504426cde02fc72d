"""What a layer decided when it ran first, for when it runs again.

A reversible layer runs a second time in the backward pass, from inputs that are equal but for
rounding. A decision, such as a vector's bucket, could then fall otherwise, and the gradient would
be that of another computation. So decisions are kept: they are whole numbers, and small.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor

__all__ = ["decided", "deciding"]


class _Run(threading.local):
    """The decisions of the run that is going on in this thread, and whether it is the first."""

    kept: list[Tensor] | None = None
    again: Iterator[Tensor] | None = None


_RUN = _Run()


def decided(decide: Callable[[], Tensor]) -> Tensor:
    """Return what ``decide`` returns; in a second run, what it returned in the first."""
    if _RUN.again is not None:
        return next(_RUN.again)
    made = decide()
    if _RUN.kept is not None:
        _RUN.kept.append(made)
    return made


@contextmanager
def deciding(kept: list[Tensor], again: bool) -> Iterator[None]:
    """Keep the decisions of what runs inside, or let it take those that are kept."""
    before = _RUN.kept, _RUN.again
    _RUN.kept, _RUN.again = (None, iter(kept)) if again else (kept, None)
    try:
        yield
    finally:
        _RUN.kept, _RUN.again = before
