import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.tower_gradient


def product(gradient, jacobians):
    """Multiply the brackets (I + J) from the top down to every state."""
    rows = [gradient]
    bracket = torch.eye(len(gradient), dtype=gradient.dtype)
    for jacobian in reversed(jacobians):
        bracket = bracket @ (torch.eye(len(gradient), dtype=gradient.dtype) + jacobian)
        rows.insert(0, gradient @ bracket)
    return torch.stack(rows)


def test_right_answers_in_other_words_pass():
    check(product).require()


def test_autograd_finds_the_same():
    torch.manual_seed(0)
    weights = torch.randn(3, 4, 4, dtype=torch.float64) / 2
    x, top = torch.randn(4, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    states = [x.requires_grad_()]
    for weight in weights:
        states.append(states[-1] + (weight @ states[-1]).tanh())
    wanted = torch.stack(torch.autograd.grad(states[-1], states, top))
    found = [
        torch.autograd.functional.jacobian(lambda x, w=w: (w @ x).tanh(), state.detach())
        for w, state in zip(weights, states[:-1], strict=True)
    ]
    torch.testing.assert_close(check.reference(top, torch.stack(found)), wanted)


def down(gradient, jacobians, back, order=reversed):
    """Return the gradients from the bottom to the top, each made of the one above it."""
    rows = [gradient]
    for jacobian in order(list(jacobians)):
        rows.insert(0, back(rows[0], jacobian))
    return torch.stack(rows)


def through(gradient, jacobian):
    """What comes down through a branch: entry j is the sum over i of g_i ∂f_i/∂x_j."""
    return torch.einsum("i,ij->j", gradient, jacobian)


def at_once(gradient, jacobians):
    rows = [gradient]
    for layer in range(1, len(jacobians) + 1):
        rows.append(rows[-1] + through(gradient, jacobians[-layer]))
    return torch.stack(rows[::-1])


WRITTEN = {
    "residual forgotten": lambda g, j: down(g, j, through),
    "not transposed": lambda g, j: down(g, j, lambda g, j: g + through(g, j.T)),
    "branches ignored": lambda g, j: torch.stack([g] * (len(j) + 1)),
    "from the bottom": lambda g, j: down(g, j, lambda g, j: g + through(g, j), order=iter),
    "top first": lambda g, j: torch.stack(list(reversed(product(g, j)))),
    "the top left out": lambda g, j: product(g, j)[:-1],
    "the bottom alone": lambda g, j: product(g, j)[0],
    "subtracted": lambda g, j: product(g, -j),
    "one branch at a time": at_once,
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(check, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(check.mistakes)
