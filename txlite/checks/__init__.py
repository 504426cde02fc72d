"""Exercise checkers: pass your function, and be told which mistake it makes.

Each exercise of the book has a checker here. It runs your function on a ladder of inputs, compares
it with the tested version, and where they disagree it says which mistake you made, with the
smallest input that shows it::

    from txlite import checks

    checks.attention(my_attention)

An exercise is a file of its name in one of the folders, loaded when it is first asked for. Type
checkers and editors read the names in ``__init__.pyi``.
"""

from txlite.checks.framework import Exercise as Exercise
from txlite.checks.framework import Mistake as Mistake
from txlite.checks.framework import Verdict as Verdict
from txlite.checks.framework._lazy import loaded_when_asked

__all__, __getattr__, __dir__ = loaded_when_asked(
    __name__, __path__, "Exercise", "Mistake", "Verdict"
)
