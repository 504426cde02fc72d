import pytest
import torch

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


@pytest.mark.parametrize(
    ("back", "name"),
    [
        (lambda g, j: g @ j, "residual forgotten"),
        (lambda g, j: g + j @ g, "not transposed"),
    ],
)
def test_natural_mistakes_are_named(back, name):
    def answer(gradient, jacobians):
        rows = [gradient]
        for jacobian in reversed(jacobians):
            rows.insert(0, back(rows[0], jacobian))
        return torch.stack(rows)

    verdict = check(answer)
    assert not verdict
    assert verdict.mistake == name
