"""How long something takes, on a machine that others use too."""

import time
from collections.abc import Callable

TRIES = 3


def takes_at_most(seconds: float, action: Callable[[], object]) -> bool:
    """Return whether an action takes at most some seconds of the processor in one of three tries.

    What else goes on makes one measurement longer; what is slow each time is slow.
    """
    for _ in range(TRIES):
        begin = time.process_time()
        action()
        if time.process_time() - begin <= seconds:
            return True
    return False
