"""Exercise checkers: pass your function, and be told which mistake it makes.

Each exercise of the book has a checker here. It runs your function on a ladder of inputs, compares
it with the tested version, and where they disagree it says which mistake you made, with the
smallest input that shows it::

    from txlite import checks

    checks.attention(my_attention)
"""

from txlite.checks._exercise import Exercise, Mistake
from txlite.checks._verdict import Verdict
from txlite.checks.dot_product import attention, attention_weights, stable_softmax

__all__ = [
    "Exercise",
    "Mistake",
    "Verdict",
    "attention",
    "attention_weights",
    "stable_softmax",
]
