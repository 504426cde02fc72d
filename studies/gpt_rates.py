"""GPT, rates: which peak of the learning rate each size is trained with, chosen on ``valid``.

Every size with peaks that are a factor of two apart, on both sides of the best, for 400 steps. What
the sizes reach is compared in `studies/gpt.py`: there each has the peak that is best for it here,
and nothing is scored here on the text of that comparison. The medium size with learned positions is
tried too: so that it is known whether it is behind, there, for the peak that it shares with the
rotary one.
"""

import time

from studies._gpt import PLAIN, built, config, corpus, trained
from studies._kept import kept

STEPS = 400
PEAKS = {
    "small": (2e-3, 4e-3, 8e-3, 1.6e-2),
    "medium": (2e-3, 4e-3, 8e-3),
    "medium, learned": (2e-3, 4e-3, 8e-3),
    "large": (1e-3, 2e-3, 4e-3),
}


def tried(name: str, rate: float, seed: int) -> dict[str, float]:
    """Train one, a size with rotary positions or with learned ones, and return what it scores."""
    size, _, learned = name.partition(", ")
    model, begin = built(config(size, **PLAIN if learned else {}), seed), time.process_time()
    trained(model, seed, STEPS, rate=rate)
    seconds = time.process_time() - begin
    return {"bits": corpus().score(model, "valid").bits_per_character, "seconds": seconds}


def measure(seed: int) -> dict[str, float]:
    """Return what each size scores at each rate."""
    found: dict[str, float] = {}
    for size, peaks in PEAKS.items():
        for rate in peaks:
            name = f"{size}, rate {rate}"
            one = kept(name, seed, lambda s=size, r=rate: tried(s, r, seed))  # type: ignore[misc]
            found |= {f"{name}: {what}": round(value, 4) for what, value in one.items()}
    return found
