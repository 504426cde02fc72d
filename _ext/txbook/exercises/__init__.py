"""Exercises: one way to write them, and three kinds that a page checks by itself, without a kernel.

`fields` is what every exercise says of itself, and its folded hints. `number_box`, `puzzle` and
`detective` are what a reader answers on the page; `page` gives the script to the pages that need
it. What a page holds to check an answer is a hash (`locks`): no reader meets it by accident.
"""

from typing import Any

from txbook.exercises import detective, fields, number_box, page, puzzle

__all__ = ["connect"]


def connect(app: Any) -> None:
    """Connect the parts to Sphinx."""
    for part in (fields, number_box, puzzle, detective, page):
        part.connect(app)
