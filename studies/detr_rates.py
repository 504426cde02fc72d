"""Which learning rate each detector wants: trained with each, scored on ``valid``.

What is taken stands in `studies/_detr.py`, as ``RATES``.
"""

from studies._detr import answers, built, held_out, scored, trained
from studies._kept import kept

PEAKS = {"DETR": (5e-4, 1e-3, 2e-3), "CenterNet": (1e-3, 2e-3, 4e-3)}
STEPS = 750


def point(name: str, seed: int, rate: float) -> dict[str, float]:
    """Train once and return what it finds."""
    model = built(name, seed)
    trained(name, model, seed, STEPS, rate=rate)
    return scored(answers(name, model, held_out("valid")), held_out("valid"))


def measure(seed: int) -> dict[str, float]:
    """Return the scores of every rate for one seed."""
    found: dict[str, float] = {}
    for name, peaks in PEAKS.items():
        for rate in peaks:
            run = f"{name}, rate {rate:g}"
            one = kept(run, seed, lambda n=name, r=rate: point(n, seed, r))  # type: ignore[misc]
            found |= {f"{run}: {what}": value for what, value in one.items()}
    return {name: round(value, 4) for name, value in found.items()}
