import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.gradient_reach


def run(step, state, inputs):
    for x in inputs:
        state = step(state, x)
    return state


def test_the_reference_on_a_recurrence_that_halves():
    reach = check.reference(lambda s, x: 0.5 * s + x, torch.zeros(1), torch.ones(4, 1))
    assert reach == [0.125, 0.25, 0.5, 1.0]


def test_the_reference_on_a_linear_recurrence_is_a_product_of_matrices():
    keep = torch.tensor([[0.5, -1.0], [0.25, 2.0]])
    reach = check.reference(lambda s, x: keep @ s + x, torch.zeros(2), torch.ones(3, 2))
    wanted = [(keep @ keep).norm(), keep.norm(), torch.eye(2).norm()]
    torch.testing.assert_close(torch.tensor(reach), torch.stack(wanted))


def test_right_answers_in_other_words_pass():
    def functional(step, state, inputs):
        jacobian = torch.autograd.functional.jacobian(lambda x: run(step, state, x), inputs)
        return [jacobian[:, t].norm().item() for t in range(len(inputs))]

    def by_rows(step, state, inputs):
        xs = [x.clone().requires_grad_() for x in inputs]
        last = run(step, state, xs)
        rows = [torch.autograd.grad(entry, xs, retain_graph=True) for entry in last]
        return [torch.stack(column).norm() for column in zip(*rows, strict=True)]

    def reverse_mode(step, state, inputs):
        jacobian = torch.func.jacrev(lambda x: run(step, state, x))(inputs)
        return torch.linalg.norm(jacobian.transpose(0, 1).flatten(1), dim=-1)

    check(functional).require()
    check(by_rows).require()
    check(reverse_mode).require()


def jacobians(step, state, inputs):
    """Return the Jacobian (D, C) of the last state with respect to every input."""
    return torch.func.jacrev(lambda x: run(step, state, x))(inputs).unbind(1)


def norms(matrices):
    return [sum(x * x for x in matrix.flatten().tolist()) ** 0.5 for matrix in matrices]


def of_the_length(step, state, inputs):
    inputs.requires_grad_()
    run(step, state, inputs).square().sum().sqrt().backward()
    return inputs.grad.norm(dim=-1)


def of_the_sum(step, state, inputs):
    inputs.requires_grad_()
    run(step, state, inputs).sum().backward()
    return inputs.grad.norm(dim=-1)


def of_all_states(step, state, inputs):
    def total(x):
        return sum(run(step, state, x[: t + 1]) for t in range(len(x)))

    return norms(torch.func.jacrev(total)(inputs).unbind(1))


def of_one_step(step, state, inputs):
    found = []
    for t in range(len(inputs)):
        before = run(step, state, inputs[:t])
        found.append(torch.func.jacrev(lambda x, s=before: step(s, x))(inputs[t]))
    return norms(found)


def for_the_states(step, state, inputs):
    found = []
    for t in range(1, len(inputs) + 1):
        here = run(step, state, inputs[:t])
        found.append(torch.func.jacrev(lambda s, t=t: run(step, s + 0, inputs[t:]))(here))
    return norms(found)


def relative(step, state, inputs):
    found = norms(jacobians(step, state, inputs))
    return [norm / found[-1] for norm in found]


WRITTEN = {
    "last input first": lambda *case: norms(reversed(jacobians(*case))),
    "sums the state first": of_the_sum,
    "gradient of the state's length": of_the_length,
    "gradient of all states": of_all_states,
    "one step only": of_one_step,
    "gradient for the states": for_the_states,
    "root forgotten": lambda *case: [norm * norm for norm in norms(jacobians(*case))],
    "largest entry": lambda *case: [max(map(abs, j.flatten().tolist())) for j in jacobians(*case)],
    "sum of absolute values": lambda *case: [
        sum(map(abs, j.flatten().tolist())) for j in jacobians(*case)
    ],
    "relative to the last": relative,
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(check, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(check.mistakes)


def test_detaching_the_state_is_named():
    def answer(step, state, inputs):
        norms = []
        for x in inputs:
            jacobian = torch.autograd.functional.jacobian(lambda x, s=state: step(s, x), x)
            norms.append(jacobian.norm())
            state = step(state, x).detach()
        return norms

    assert check(answer).mistake == "one step only"


def test_the_step_is_shown_as_code():
    message = check(lambda step, state, inputs: [0.0] * len(inputs)).message
    assert "step    lambda state, x: 0.5 * state + x" in message
