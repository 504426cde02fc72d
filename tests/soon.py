"""How long something takes, on a machine that others use too."""

import time
from collections.abc import Callable

AGAIN = 3


def takes_at_most(
    seconds: float, action: Callable[[], object], *, clock: Callable[[], float] = time.process_time
) -> bool:
    """Return whether an action takes at most some seconds in one of three tries.

    A busy machine, or memory that is tidied meanwhile, makes one measurement longer; what is slow
    each time is slow. ``clock`` is the processor's, which does not count while others run.
    """
    for _ in range(AGAIN):
        begin = clock()
        action()
        if clock() - begin <= seconds:
            return True
    return False
