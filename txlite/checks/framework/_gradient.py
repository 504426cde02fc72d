"""Whether the gradient passes through an answer, and unharmed.

A function can return the right numbers and still be useless for training: computed through
``.item()`` or NumPy it passes no gradient, and a NaN that was painted over comes back in the
backward pass.
"""

import torch
from torch import Tensor

from txlite.checks.framework._cases import normal
from txlite.checks.framework._outcome import Answer, Case, copied, on_the_cpu

__all__ = ["gradient_fault"]

TOLERANCE = 1e-3

CUT = "cuts the gradient"
NAN = "NaN in the gradient"
WRONG = "wrong gradient"

SENTENCES = {
    CUT: (
        "The numbers are right, but the gradient with respect to {name} is lost on the way, so "
        "nothing could be trained through this function. Stay with tensor operations: "
        ".item(), .tolist(), .detach(), NumPy and torch.tensor(...) cut the connection."
    ),
    NAN: (
        "The numbers are right, but the gradient with respect to {name} is NaN. A NaN that is "
        "replaced afterwards still multiplies the gradient, and 0 × NaN is NaN: avoid making it."
    ),
    WRONG: (
        "The numbers are right, but the gradient with respect to {name} is not the derivative "
        "of the result: some part of the computation is hidden from it."
    ),
}


def gradient_fault(
    answer: Answer, reference: Answer, names: tuple[str, ...], case: Case
) -> tuple[str, str] | None:
    """Compare gradients with the reference's; return the fault's name and sentence, or None."""
    wanted = _gradients(reference, case)
    try:
        got = _gradients(answer, case)
    except Exception:
        got = [None] * len(wanted)
    for name, right, x in zip(names, wanted, got, strict=True):
        fault = _fault(right, x)
        if fault:
            return fault, SENTENCES[fault].format(name=name)
    return None


def _fault(wanted: Tensor | None, got: Tensor | None) -> str | None:
    if wanted is None or not wanted.any():
        return NAN if got is not None and bool(got.isnan().any()) else None
    if got is None:
        return CUT
    if bool(got.isnan().any()):
        return NAN
    close = torch.allclose(got, wanted, rtol=TOLERANCE, atol=TOLERANCE)
    return None if close else WRONG


def _gradients(function: Answer, case: Case) -> list[Tensor | None]:
    """Return the gradient of one weighted sum of the result, for every argument."""
    args = copied(case)
    leaves = [x for x in args if isinstance(x, Tensor) and x.is_floating_point()]
    for x in leaves:
        x.requires_grad_()
    with torch.enable_grad(), on_the_cpu():
        result = function(*args)
        if not isinstance(result, Tensor) or not result.requires_grad:
            return [None] * len(args)
        probe = normal(0, *result.shape).to(result)
        grads = iter(torch.autograd.grad((result * probe).sum(), leaves, allow_unused=True))
    return [_cpu(next(grads)) if any(x is leaf for leaf in leaves) else None for x in args]


def _cpu(grad: Tensor | None) -> Tensor | None:
    return None if grad is None else grad.cpu()
