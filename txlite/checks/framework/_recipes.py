"""Recipes: a right answer in named steps, and mistakes that swap some of them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from txlite.checks.framework.exercise import Mistake

__all__ = ["Step", "as_given", "swapped"]

Step = Callable[..., Any]


def as_given(x: Tensor, *_: Tensor) -> Tensor:
    """Leave everything as it is."""
    return x


def swapped(recipe: Step, name: str, sentence: str, **steps: object) -> Mistake:
    """Name the mistake of swapping steps of a recipe."""
    return Mistake(name, sentence, partial(recipe, **steps))
