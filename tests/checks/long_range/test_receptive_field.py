import pytest
import torch

from tests.checks.written import earns
from txlite import checks


@pytest.mark.parametrize(
    ("kernel_sizes", "dilations", "field"),
    [([3], [1], 3), ([3, 3], [1, 1], 5), ([2, 2, 2, 2], [1, 2, 4, 8], 16), ([], [], 1)],
)
def test_the_reference_agrees_with_values_worked_out_by_hand(kernel_sizes, dilations, field):
    assert checks.receptive_field.reference(kernel_sizes, dilations) == field


@pytest.mark.parametrize("case", checks.receptive_field.cases)
def test_the_reference_agrees_with_a_real_stack_of_convolutions(case):
    field = checks.receptive_field.reference(*case)
    x = torch.zeros(1, 1, 2 * field + 8, requires_grad=True)
    y = x
    for k, d in zip(*case, strict=True):
        y = torch.nn.functional.conv1d(y, torch.ones(1, 1, k), dilation=d)
    (grad,) = torch.autograd.grad(y[0, 0, 0] * 1, x)
    seen = grad[0, 0].nonzero()
    assert int(seen.max() - seen.min()) + 1 == field


def test_right_answers_in_other_words_pass():
    def loop(kernel_sizes, dilations):
        field = 1
        for k, d in zip(kernel_sizes, dilations, strict=True):
            field += (k - 1) * d
        return field

    checks.receptive_field(loop).require()
    checks.receptive_field(lambda k, d: float(loop(k, d))).require()


def reaches(kernel_sizes, dilations):
    return [(k - 1) * d for k, d in zip(kernel_sizes, dilations, strict=True)]


def accumulated(kernel_sizes, dilations):
    field, step = 1, 1
    for k, d in zip(kernel_sizes, dilations, strict=True):
        step *= d
        field += (k - 1) * step
    return field


def multiplied(kernel_sizes, dilations):
    field = 1
    for reach in reaches(kernel_sizes, dilations):
        field *= 1 + reach
    return field


WRITTEN = {
    "dilation ignored": lambda k, d: 1 + sum(k) - len(k),
    "sum of the kernel sizes": lambda k, d: sum(k[i] * d[i] for i in range(len(k))),
    "kernel size times dilation": lambda k, d: 1 + sum(k[i] * d[i] for i in range(len(k))),
    "own position forgotten": lambda k, d: sum(reaches(k, d)),
    "both sides counted": lambda k, d: 1 + sum(reaches(k, d)) + sum(reaches(k, d)),
    "product instead of sum": multiplied,
    "only the widest layer": lambda k, d: 1 + max([0, *reaches(k, d)]),
    "only the last layer": lambda k, d: 1 + sum(reaches(k, d)[-1:]),
    "dilations multiplied up": accumulated,
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(checks.receptive_field, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(checks.receptive_field.mistakes)


def test_forgetting_the_dilation_and_oneself_is_two_mistakes():
    verdict = checks.receptive_field(lambda k, d: sum(k) - len(k))
    assert verdict.mistake == "dilation ignored + own position forgotten"


def test_emptying_the_list_is_noticed():
    def popping(kernel_sizes, dilations):
        field = 1
        while kernel_sizes:
            field += (kernel_sizes.pop() - 1) * dilations.pop()
        return field

    verdict = checks.receptive_field(popping)
    assert verdict.mistake == "changes its input"
    assert "kernel_sizes and dilations no longer hold" in " ".join(verdict.message.split())
