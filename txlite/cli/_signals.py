"""How a command ends that is told to stop: from the keyboard, by a queue, by a terminal that goes.

The first signal is heard: it ends the command at once and in order, or, where something is being
done that should not be lost, as soon as that is done. The second one ends the process on the spot.
What a shell has the process ignore, as ``nohup`` does, stays ignored.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Ear", "Stopped", "orderly", "patient"]

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no terminal that goes
_SIGNALS: list[signal.Signals] = [s for name in _NAMES if (s := getattr(signal, name, None))]


class Stopped(KeyboardInterrupt):
    """A command was told to stop; nothing on the way takes it for a failure.

    Parameters
    ----------
    number : int
        Of the signal.
    remark : str
        What became of the work.
    """

    def __init__(self, number: int = signal.SIGINT, remark: str = "") -> None:
        by = "from the keyboard" if number == signal.SIGINT else f"by {signal.Signals(number).name}"
        super().__init__(f"stopped {by}{remark}")
        self.number = number

    @property
    def code(self) -> int:
        """What a shell expects of a program that a signal has stopped."""
        return 128 + self.number


class Ear:
    """Hears the first signal, and leaves the next to the system."""

    def __init__(self) -> None:
        self.heard: int | None = None
        self.waits = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        for each in _SIGNALS:
            if signal.getsignal(each) is self:
                signal.signal(each, signal.SIG_DFL)
        self.heard = number
        if not self.waits:
            raise Stopped(number)


_EAR = Ear()


@contextmanager
def orderly() -> Iterator[None]:
    """Until the block ends, raise :class:`Stopped` at the first signal."""
    _EAR.heard, _EAR.waits = None, False
    here = threading.current_thread() is threading.main_thread()  # no other may set handlers
    before = {each: signal.getsignal(each) for each in _SIGNALS if here}
    ours = {k: handler for k, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    try:
        for each in ours:
            signal.signal(each, _EAR)
        yield
    finally:
        for each, handler in ours.items():
            signal.signal(each, handler)


@contextmanager
def patient() -> Iterator[Ear]:
    """Until the block ends, only note the first signal; raise :class:`Stopped` when it has ended.

    Yields
    ------
    Ear
        Whose ``heard`` is the signal's number, or None as long as there was none.
    """
    _EAR.waits = True
    try:
        yield _EAR
    finally:
        _EAR.waits = False
    if _EAR.heard is not None:
        raise Stopped(_EAR.heard)
