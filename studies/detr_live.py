"""The training of the chapter's page, over seeds: as many steps as the page takes, and its scores.

Scored on the test, beside the budgets of `studies/detr.py`, between two of which it lies.
"""

from studies._detr import answers, built, held_out, scored, trained
from studies._kept import kept

STEPS = 900


def point(seed: int) -> dict[str, float]:
    """Train once and return what it finds."""
    model = built("DETR", seed)
    trained("DETR", model, seed, STEPS)
    return scored(answers("DETR", model, held_out("test")), held_out("test"))


def measure(seed: int) -> dict[str, float]:
    """Return the scores for one seed."""
    return {
        what: round(value, 4) for what, value in kept("live", seed, lambda: point(seed)).items()
    }
