"""Running an answer on one case, and comparing what came out.

An answer is a function that may do anything: it may raise, return nothing, or scribble over its
inputs. It gets copies, and whatever it does becomes an :class:`Outcome`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = [
    "Answer",
    "Case",
    "Outcome",
    "as_tensor",
    "as_texts",
    "copied",
    "on_the_cpu",
    "run",
    "same",
]

Answer = Callable[..., object]
Case = tuple[object, ...]  # the arguments of one call, in order

MISFIT = (RuntimeError, IndexError, ValueError)
TOLERANCE = 1e-4  # float32 on any device stays below; every mistake in the banks stays above


@dataclass(frozen=True)
class Outcome:
    """What one call did.

    Parameters
    ----------
    result : object
        What it returned; None if it raised.
    error : Exception or None
        What it raised.
    changed : tuple of int
        Positions of the arguments that no longer hold what they held.
    """

    result: object
    error: Exception | None = None
    changed: tuple[int, ...] = ()


def copied(case: Case) -> Case:
    """Return copies of the arguments, tensors on the CPU."""
    return tuple(_copy(x) for x in case)


def _copy(x: object) -> object:
    if isinstance(x, Tensor):
        return x.detach().clone().cpu()
    return type(x)(_copy(y) for y in x) if isinstance(x, list | tuple) else x


@contextmanager
def on_the_cpu() -> Iterator[None]:
    """Let new tensors lie on the CPU, whatever the session's default is."""
    if torch.get_default_device().type == "cpu":  # what every call of torch would pay for
        yield
        return
    with torch.device("cpu"):
        yield


def run(answer: Answer, case: Case) -> Outcome:
    """Call the answer on copies of the case, on the CPU.

    There an index out of range is an error like any other. On a GPU it ends the process, and with
    it all that the reader has computed; an answer that needs a device asks its arguments.
    """
    given, kept = copied(case), copied(case)
    try:
        with on_the_cpu():
            result = answer(*given)
    except Exception as error:
        return Outcome(None, error, _changed(given, kept))
    return Outcome(result, None, _changed(given, kept))


def _changed(given: Case, kept: Case) -> tuple[int, ...]:
    return tuple(i for i, pair in enumerate(zip(given, kept, strict=True)) if _differ(*pair))


def _differ(given: object, kept: object) -> bool:
    if isinstance(given, Tensor) and isinstance(kept, Tensor):
        if given.shape != kept.shape:
            return True
        return not torch.allclose(given.detach(), kept, rtol=0.0, atol=0.0, equal_nan=True)
    return isinstance(given, list) and given != kept


def as_tensor(result: object) -> Tensor | None:
    """Return a result as a bool or float64 tensor on the CPU, or None if it cannot be one."""
    if isinstance(result, list | tuple):
        entries = [as_tensor(x) for x in result]
        if any(x is None or x.ndim for x in entries):
            return None
        numbers = [x.item() for x in entries if x is not None]
        return torch.tensor(numbers, dtype=torch.float64, device="cpu")
    if isinstance(result, bool | int | float):
        result = torch.tensor(result, device="cpu")
    if not isinstance(result, Tensor) or result.is_complex() or result.layout != torch.strided:
        return None
    x = result.detach().cpu()
    return x if x.dtype == torch.bool else x.to(torch.float64)


def as_texts(result: object) -> list[str] | str | None:
    """Return a result as a text or a list of texts, or None if it is neither."""
    if isinstance(result, str):
        return result
    if isinstance(result, list | tuple) and result:
        texts = [x for x in result if isinstance(x, str)]
        return texts if len(texts) == len(result) else None
    return None


def same(a: Outcome, b: Outcome) -> bool:
    """Tell whether two calls came to the same: both misfitted, or equal values of equal shape.

    NaN equals NaN, so that a mistake that produces NaN can be recognised. True and False are
    not the numbers 1 and 0. A misfit is an error that tensors raise when shapes disagree; a
    misspelt name is another kind of error, and like no other.
    """
    if a.error is not None or b.error is not None:
        return isinstance(a.error, MISFIT) and isinstance(b.error, MISFIT)
    if (texts := as_texts(a.result)) is not None:
        return texts == as_texts(b.result)
    x, y = as_tensor(a.result), as_tensor(b.result)
    if x is None or y is None or x.shape != y.shape or x.dtype != y.dtype:
        return False
    return torch.allclose(x, y, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
