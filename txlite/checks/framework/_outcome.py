"""Running an answer on one case, and comparing what came out.

An answer is a stranger's function: it may raise, return nothing, or scribble over its inputs. It
gets copies, and whatever it does becomes an :class:`Outcome`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from txlite.runtime import device

__all__ = ["Answer", "Case", "Outcome", "as_tensor", "copied", "run", "run_here", "same"]

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


def copied(case: Case, where: torch.device) -> Case:
    """Return copies of the arguments, tensors on the device ``where``."""
    return tuple(_copy(x, where) for x in case)


def _copy(x: object, where: torch.device) -> object:
    if isinstance(x, Tensor):
        return x.detach().clone().to(where)
    return type(x)(_copy(y, where) for y in x) if isinstance(x, list | tuple) else x


def run(answer: Answer, case: Case) -> Outcome:
    """Call the answer on copies of the case: on the reader's device, else on the CPU.

    An answer that makes its own tensors makes them either on ``txlite.device()`` or, without
    thinking of devices, on the CPU. Both are welcome.
    """
    outcome = run_here(answer, case, device())
    if outcome.error is not None and device().type != "cpu":
        again = run_here(answer, case, torch.device("cpu"))
        return outcome if again.error is not None else again
    return outcome


def run_here(answer: Answer, case: Case, where: torch.device) -> Outcome:
    """Call the answer on copies of the case on one device."""
    given, kept = copied(case, where), copied(case, where)
    try:
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
        return torch.tensor([x.item() for x in entries if x is not None], dtype=torch.float64)
    if isinstance(result, bool | int | float):
        result = torch.tensor(result)
    if not isinstance(result, Tensor) or result.is_complex() or result.layout != torch.strided:
        return None
    x = result.detach().cpu()
    return x if x.dtype == torch.bool else x.to(torch.float64)


def same(a: Outcome, b: Outcome) -> bool:
    """Tell whether two calls came to the same: both misfitted, or equal values of equal shape.

    NaN equals NaN, so that a mistake that produces NaN can be recognised. True and False are
    not the numbers 1 and 0. A misfit is an error that tensors raise when shapes disagree; a
    misspelt name is another kind of error, and like no other.
    """
    if a.error is not None or b.error is not None:
        return isinstance(a.error, MISFIT) and isinstance(b.error, MISFIT)
    x, y = as_tensor(a.result), as_tensor(b.result)
    if x is None or y is None or x.shape != y.shape or x.dtype != y.dtype:
        return False
    return torch.allclose(x, y, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
