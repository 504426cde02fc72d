"""What every exercise is made of: cases, a recipe, its swapped steps, and the checker itself."""

from txlite.checks.framework._cases import counting, halves, normal
from txlite.checks.framework._recipes import Step, as_given, swapped
from txlite.checks.framework.exercise import Exercise, Mistake
from txlite.checks.framework.verdict import Verdict

__all__ = [
    "Exercise",
    "Mistake",
    "Step",
    "Verdict",
    "as_given",
    "counting",
    "halves",
    "normal",
    "swapped",
]
