"""Exercise: how strongly the last state of a recurrence depends on each input.

Sources
    Pascanu et al. (2013), "On the difficulty of training recurrent neural networks", section 2.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, halves, swapped

__all__ = ["gradient_reach"]


@dataclass(frozen=True, repr=False)
class Recurrence:
    """A step that shows itself as text: state, input → next state.

    Parameters
    ----------
    text : str
        The step as code.
    function : callable
        The step as a function.
    """

    text: str
    function: Step

    def __call__(self, state: Tensor, x: Tensor) -> Tensor:
        """Return the next state."""
        after: Tensor = self.function(state, x)
        return after

    def __repr__(self) -> str:
        return self.text


def _mix(state: Tensor, x: Tensor) -> Tensor:
    keep = torch.tensor([[0.5, -1.0], [1.0, 0.5]]).to(state)
    write = torch.tensor([[1.0, -0.5, 0.0], [0.5, 0.0, -1.0]]).to(x)
    return torch.tanh(keep @ state + write @ x)


_HALVE = Recurrence("lambda state, x: 0.5 * state + x", lambda state, x: 0.5 * state + x)
_APART = Recurrence(
    "lambda state, x: 0.5 * state + torch.stack([x[0], -2 * x[0]])",
    lambda state, x: 0.5 * state + torch.stack([x[0], -2 * x[0]]),
)
_MIX = Recurrence(
    "lambda state, x: torch.tanh(keep @ state + write @ x)\n"
    "keep = [[0.5, -1], [1, 0.5]]\n"
    "write = [[1, -0.5, 0], [0.5, 0, -1]]",
    _mix,
)


def _last_state(step: Step, state: Tensor, inputs: Tensor) -> Tensor:
    for x in inputs:
        state = step(state, x)
    return state


def _jacobian(step: Step, state: Tensor, inputs: Tensor) -> Tensor:
    """Return the Jacobian of the last state, shape (D, T, C)."""
    return _derivative(lambda x: _last_state(step, state, x), inputs)


def _derivative(function: Step, at: Tensor) -> Tensor:
    x = at.detach().clone().requires_grad_()
    with torch.enable_grad():
        y = function(x)
        rows = [torch.autograd.grad(entry, x, retain_graph=True)[0] for entry in y]
    return torch.stack(rows)


def _frobenius(jacobian: Tensor) -> Tensor:
    return jacobian.square().sum((0, 2)).sqrt()


def _as_list(norms: Tensor) -> list[float]:
    return [float(norm) for norm in norms]


def _reach_recipe(
    step: Step,
    state: Tensor,
    inputs: Tensor,
    differentiate: Step = _jacobian,
    measure: Step = _frobenius,
    finish: Callable[[Tensor], list[float]] = _as_list,
) -> object:
    return finish(measure(differentiate(step, state, inputs)))


def _of_the_length(step: Step, state: Tensor, inputs: Tensor) -> Tensor:
    return _derivative(lambda x: _last_state(step, state, x).norm()[None], inputs)


def _of_all_states(step: Step, state: Tensor, inputs: Tensor) -> Tensor:
    def total(x: Tensor) -> Tensor:
        now, states = state, []
        for row in x:
            now = step(now, row)
            states.append(now)
        return torch.stack(states).sum(0)

    return _derivative(total, inputs)


def _of_one_step(step: Step, state: Tensor, inputs: Tensor) -> Tensor:
    jacobians = []
    for x in inputs:
        here = state
        jacobians.append(_derivative(lambda x, here=here: step(here, x), x))
        state = step(state, x)
    return torch.stack(jacobians, 1)


def _for_the_states(step: Step, state: Tensor, inputs: Tensor) -> Tensor:
    jacobians = []
    for t, x in enumerate(inputs):
        state = step(state, x)
        rest = inputs[t + 1 :]
        jacobians.append(_derivative(lambda s, rest=rest: 1 * _last_state(step, s, rest), state))
    return torch.stack(jacobians, 1)


gradient_reach = Exercise(
    name="gradient_reach",
    signature="f(step, state: (D,), inputs: (T, C)) -> list of T floats",
    task=(
        "Run state = step(state, inputs[t]) for t = 0, …, T − 1; entry t of the result is the "
        "Frobenius norm of the Jacobian of the last state with respect to inputs[t]."
    ),
    inputs=("step", "state", "inputs"),
    reference=_reach_recipe,
    cases=(
        (_HALVE, torch.tensor([0.0]), torch.tensor([[1.0], [3.0]])),
        (_APART, torch.tensor([0.0, 0.0]), torch.tensor([[1.0], [2.0], [4.0]])),
        (_MIX, torch.tensor([0.5, -0.5]), halves(1, 4, 3)),
    ),
    bank=(
        swapped(
            _reach_recipe,
            "last input first",
            "The list begins with the last input. Entry t belongs to inputs[t], so the oldest "
            "comes first.",
            finish=lambda norms: _as_list(norms.flip(0)),
        ),
        swapped(
            _reach_recipe,
            "sums the state first",
            "This is the gradient of the sum of the last state's entries, where positive and "
            "negative influences cancel. Differentiate each entry, then take the norm over all.",
            measure=lambda j: j.sum(0).square().sum(1).sqrt(),
        ),
        swapped(
            _reach_recipe,
            "gradient of the state's length",
            "This is the gradient of the length of the last state. An input can turn the state "
            "without changing its length: differentiate each entry of the state.",
            differentiate=_of_the_length,
        ),
        swapped(
            _reach_recipe,
            "gradient of all states",
            "All states are differentiated together. Only the last one tells what is still "
            "remembered at the end.",
            differentiate=_of_all_states,
        ),
        swapped(
            _reach_recipe,
            "one step only",
            "Each input is followed through its own step only. The question is what is left of "
            "it at the end, after all later steps: do not detach the state.",
            differentiate=_of_one_step,
        ),
        swapped(
            _reach_recipe,
            "gradient for the states",
            "The last state is differentiated with respect to the earlier states; asked are the "
            "inputs.",
            differentiate=_for_the_states,
        ),
        swapped(
            _reach_recipe,
            "root forgotten",
            "These are sums of squares. The norm is their square root.",
            measure=lambda j: j.square().sum((0, 2)),
        ),
        swapped(
            _reach_recipe,
            "largest entry",
            "This is the largest entry of each Jacobian. The Frobenius norm is the root of the "
            "sum of all squares.",
            measure=lambda j: j.abs().amax((0, 2)),
        ),
        swapped(
            _reach_recipe,
            "sum of absolute values",
            "The absolute values are summed. The Frobenius norm sums squares and takes the root.",
            measure=lambda j: j.abs().sum((0, 2)),
        ),
        swapped(
            _reach_recipe,
            "relative to the last",
            "Everything is divided by the norm for the last input. Asked are the norms themselves.",
            finish=lambda norms: _as_list(norms / norms[-1]),
        ),
    ),
    praise="With it you can watch a recurrence forget.",
)
