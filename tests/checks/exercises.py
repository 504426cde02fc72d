"""All exercises, for the tests that hold for every one of them."""

import functools
import inspect

import torch

from txlite import checks
from txlite.checks import Exercise, Mistake

EXERCISES = [x for x in (getattr(checks, name) for name in checks.__all__) if type(x) is Exercise]
MISTAKES = [(exercise, mistake) for exercise in EXERCISES for mistake in exercise.bank]


def name_of(x: object) -> str:
    """Return the id that a parametrised test shows."""
    return x.name if isinstance(x, Exercise | Mistake) else repr(x)


def scribbling(function, position):
    """Compute the right thing, then overwrite one argument."""

    @functools.wraps(function)
    def answer(*args):
        result = function(*args)
        result = result.clone() if isinstance(result, torch.Tensor) else result
        x = args[position]
        x.append(1) if isinstance(x, list) else x.add_(1)
        return result

    answer.__signature__ = inspect.signature(lambda *args: None)
    return answer
