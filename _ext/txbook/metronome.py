"""How fast this machine is right now: one small fixed piece of work, timed in core-seconds.

A chapter's core-seconds mean little alone: another machine is faster, and a core that is shared
with others does less in a second of its time. While chapters run, the runner therefore times this
work every few seconds; it is of the same kind as theirs, and costs are compared as multiples of it.
"""

import asyncio
import contextlib
import subprocess
import sys
import threading
import time

ROUNDS = 50
EVERY = 8  # seconds between two readings: two in a hundred of one core
SERVE = "from txbook.metronome import serve; serve()"


def beat() -> float:
    """Do the work once: a small layer forward and backward, and some plain Python."""
    import torch

    generator = torch.Generator().manual_seed(0)
    x = torch.randn(32, 48, 32, generator=generator)
    weight = torch.randn(32, 32, generator=generator).requires_grad_()
    begin = time.process_time()
    for step in range(ROUNDS):
        scores = (x @ weight) @ x.mT
        loss = (scores.softmax(-1) @ x).square().mean()
        loss.backward()
        sum(i % 7 for i in range(step * 10))
    return time.process_time() - begin


def serve() -> None:
    """Answer each line of the input with the time of one beat."""
    beat()  # the first one pays for torch's own beginnings
    for _ in sys.stdin:
        print(f"{beat():.6f}", flush=True)


class Metronome:
    """A process of its own that beats when asked, so that torch is loaded once."""

    def __init__(self, environ: dict[str, str]):
        environ = {**environ, "OMP_NUM_THREADS": "1"}
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVE],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # Ctrl-C is for us to hand on
        )

    def read(self) -> float | None:
        """Return the core-seconds of one beat, or None where torch cannot be had."""
        with self._lock:
            try:
                self._process.stdin.write("\n")
                self._process.stdin.flush()
                return float(self._process.stdout.readline())
            except (OSError, ValueError):
                return None

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # a line that nobody read
                pipe.close()


class Beats:
    """The readings of a metronome while chapters run, each with the moment it was taken."""

    def __init__(self, metronome: Metronome | None):
        self.metronome = metronome
        self.readings: list[tuple[float, float]] = []

    async def read(self) -> None:
        """Take one reading, if there is a metronome."""
        if self.metronome is None:
            return
        beat = await asyncio.to_thread(self.metronome.read)
        if beat is not None:
            self.readings.append((time.perf_counter(), beat))

    async def keep_reading(self) -> None:
        """Take readings until this is cancelled."""
        while True:
            await self.read()
            await asyncio.sleep(EVERY)

    async def since(self, begin: float) -> list[float]:
        """Return the readings since a moment, with a last one of now."""
        await self.read()
        return [beat for moment, beat in self.readings if moment >= begin]
