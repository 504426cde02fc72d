"""What a cache that forgets remembers: the positions that a sliding window may still reach."""

from dataclasses import dataclass

from txlite._checks import check_positive, check_whole
from txlite.nn.masks._rules import Mask

__all__ = ["Window", "as_window"]


@dataclass(frozen=True)
class Window:
    """A window of ``size`` positions, the newest included, and ``spare`` more to go back to."""

    size: int
    spare: int = 0

    def __str__(self) -> str:
        return f"window={self.size}, " + (f"spare={self.spare}, " if self.spare else "")

    def too_many(self, held: int) -> int:
        """Return how many of the positions held, the first ones, no later query reaches."""
        return max(0, held - (self.size - 1 + self.spare))

    def check_return(self, length: int, forgotten: int) -> None:
        """Require that a query after ``length`` positions finds what it reaches.

        Raises
        ------
        ValueError
            If some of it is among the ``forgotten`` first positions; from 0 nothing is reached.
        """
        least = forgotten + self.size - 1
        if forgotten and 0 < length < least:
            raise ValueError(
                f"length should be 0 or at least {least}, for the cache has forgotten what "
                f"window={self.size} reaches from before, and remembers spare={self.spare} "
                f"positions more; got {length}"
            )

    def check_reach(self, rule: Mask | None) -> None:
        """Require a mask by which no query reaches what is forgotten.

        Raises
        ------
        ValueError
            If it reaches farther back, or says no bound.
        """
        back = None if rule is None else rule.reach.back
        if back is None or back >= self.size:
            raise ValueError(
                f"mask should keep to masks.sliding_window({self.size}), for the cache forgets "
                f"what is farther back, got {rule}"
            )


def as_window(size: int | None, spare: int) -> Window | None:
    """Return a window of that size, or none.

    Raises
    ------
    ValueError
        If ``size`` is not positive, or ``spare`` is negative or comes alone.
    """
    spare = check_whole("spare", spare, "a whole number, 0 or more", lambda n: n >= 0)
    if size is not None:
        return Window(check_positive("window", size), spare)
    if spare:
        raise ValueError(f"spare should come with a window, got spare={spare} alone")
    return None
