"""What the runner says while it works: when a chapter starts and ends, and now and then between."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

SILENCE = 25  # seconds after which a line is due


def duration(seconds: float) -> str:
    """Return a duration as people say it: 3.2 s, 41 s, 2 min 5 s."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def time_left(
    expected: dict[str, float], done: dict[str, float], running: dict[str, float], jobs: int
) -> float | None:
    """Return about how many seconds are left, or None while nothing tells.

    Parameters
    ----------
    expected : dict of str to float
        Recorded seconds of each chapter that has to run, as far as they are recorded.
    done : dict of str to float
        Seconds that those took which are done. How they compare with what was recorded says how
        fast this machine is, and how small the budget.
    running : dict of str to float
        Seconds since each of the running ones has started.
    jobs : int
        How many run at a time.
    """
    known = [name for name in done if name in expected]
    if not known:
        return None
    pace = sum(done[name] for name in known) / sum(expected[name] for name in known)
    usual = pace * sum(expected.values()) / len(expected)
    left = [
        max(0.0, pace * expected[name] - running.get(name, 0.0)) if name in expected else usual
        for name in expected
        if name not in done
    ]
    return max([sum(left) / jobs, *left], default=0.0)


@dataclass
class Progress:
    """Says how far the runner is."""

    names: list[str]
    expected: dict[str, float]
    jobs: int
    say: Callable[[str], None]
    done: dict[str, float] = field(default_factory=dict)
    begun: dict[str, float] = field(default_factory=dict)
    cell: dict[str, str] = field(default_factory=dict)
    said: float = field(default_factory=time.perf_counter)

    def start(self, name: str) -> None:
        """Say that a chapter starts."""
        self.begun[name] = time.perf_counter()
        self._line(f"start  {name}")

    def end(self, name: str, how: str) -> None:
        """Say that a chapter has ended, and how much is left."""
        self.done[name] = time.perf_counter() - self.begun.pop(name)
        self.cell.pop(name, None)
        self._line(f"{how}, {duration(self.done[name])}{self._count()}")

    async def tick(self) -> None:
        """Say what runs whenever nothing was said for a while."""
        while True:
            await asyncio.sleep(1)
            self.remind()

    def remind(self) -> None:
        """Say what runs if nothing was said for a while."""
        if time.perf_counter() - self.said >= SILENCE and self.begun:
            now = time.perf_counter()
            running = (
                f"{name} {self.cell.get(name, '')} ({duration(now - begun)})"
                for name, begun in self.begun.items()
            )
            self._line(f"...    {', '.join(running)}{self._count()}")

    def _count(self) -> str:
        now = time.perf_counter()
        running = {name: now - begun for name, begun in self.begun.items()}
        left = time_left(self.expected, self.done, running, self.jobs)
        text = f" | {len(self.done)} of {len(self.names)}"
        return text + (f", about {duration(left)} left" if left else "")

    def _line(self, text: str) -> None:
        self.said = time.perf_counter()
        self.say(text)
