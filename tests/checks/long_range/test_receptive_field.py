import operator
from itertools import accumulate

import pytest
import torch

from tests.checks.written import earns
from txlite import checks


@pytest.mark.parametrize(
    ("kernel_sizes", "dilations", "strides", "field"),
    [
        ([3], [1], [1], 3),
        ([3], [1], [2], 3),
        ([3, 3], [1, 1], [1, 1], 5),
        ([3, 3], [1, 1], [2, 1], 7),
        ([2, 2, 2, 2], [1, 2, 4, 8], [1, 1, 1, 1], 16),
        # wav2vec 2.0 at 16 kHz: its paper says 400 samples, section 4.2
        ([10, 3, 3, 3, 3, 2, 2], [1] * 7, [5, 2, 2, 2, 2, 2, 2], 400),
        ([], [], [], 1),
    ],
)
def test_the_reference_agrees_with_values_worked_out_by_hand(
    kernel_sizes, dilations, strides, field
):
    assert checks.receptive_field.reference(kernel_sizes, dilations, strides) == field


@pytest.mark.parametrize("case", checks.receptive_field.cases)
def test_the_reference_agrees_with_a_real_stack_of_convolutions(case):
    field = checks.receptive_field.reference(*case)
    x = torch.zeros(1, 1, 2 * field + 8, requires_grad=True)
    y = x
    for k, d, s in zip(*case, strict=True):
        y = torch.nn.functional.conv1d(y, torch.ones(1, 1, k), dilation=d, stride=s)
    (grad,) = torch.autograd.grad(y[0, 0, 0] * 1, x)
    seen = grad[0, 0].nonzero()
    assert int(seen.max() - seen.min()) + 1 == field


def test_right_answers_in_other_words_pass():
    def downwards(kernel_sizes, dilations, strides):
        layers, field = [*zip(kernel_sizes, dilations, strides, strict=True)], 1
        for k, d, s in reversed(layers):
            field = (field - 1) * s + (k - 1) * d + 1
        return field

    checks.receptive_field(downwards).require()
    checks.receptive_field(lambda *case: float(downwards(*case))).require()
    checks.receptive_field(lambda *case: 1 + sum(reaches(*case))).require()


def steps(strides):
    """How far apart neighbours stand below each layer, and above the last one."""
    return [*accumulate([1, *strides], operator.mul)]


def reaches(kernel_sizes, dilations, strides):
    below = steps(strides)[:-1]
    return [s * d * k - s * d for k, d, s in zip(kernel_sizes, dilations, below, strict=True)]


def by_entries(kernel_sizes, dilations, strides):
    return sum(s * d * k for s, d, k in zip(steps(strides), dilations, kernel_sizes, strict=False))


def accumulated(kernel_sizes, dilations, strides):
    field, step, apart = 1, 1, 1
    for k, d, s in zip(kernel_sizes, dilations, strides, strict=True):
        step *= d
        field += (k - 1) * step * apart
        apart *= s
    return field


def multiplied(*case):
    field = 1
    for reach in reaches(*case):
        field *= 1 + reach
    return field


def stretched(kernel_sizes, dilations, factors):
    """The field where each layer's kernel is stretched by a factor."""
    return 1 + sum(
        f * d * (k - 1) for f, d, k in zip(factors, dilations, kernel_sizes, strict=True)
    )


WRITTEN = {
    "dilation ignored": lambda k, d, s: stretched(k, [1] * len(k), steps(s)[:-1]),
    "sum of the kernel sizes": by_entries,
    "kernel size times dilation": lambda *case: 1 + by_entries(*case),
    "own position forgotten": lambda *case: sum(reaches(*case)),
    "both sides counted": lambda *case: 1 + sum(reaches(*case)) + sum(reaches(*case)),
    "product instead of sum": multiplied,
    "only the widest layer": lambda *case: 1 + max([0, *reaches(*case)]),
    "only the last layer": lambda *case: 1 + sum(reaches(*case)[-1:]),
    "dilations multiplied up": accumulated,
    "strides ignored": lambda k, d, s: stretched(k, d, [1] * len(k)),
    "own stride counted": lambda k, d, s: stretched(k, d, steps(s)[1:]),
    "own stride alone": stretched,
    "last stride alone": lambda k, d, s: stretched(k, d, [1, *s][: len(k)]),
    "strides of the layers above": lambda k, d, s: stretched(k, d, steps(s[:0:-1])[: len(k)][::-1]),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(checks.receptive_field, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(checks.receptive_field.mistakes)


def test_forgetting_the_dilation_and_oneself_is_two_mistakes():
    verdict = checks.receptive_field(lambda k, d, s: WRITTEN["dilation ignored"](k, d, s) - 1)
    assert verdict.mistake == "dilation ignored + own position forgotten"


def test_emptying_the_list_is_noticed():
    def popping(kernel_sizes, dilations, strides):
        field = 1
        while kernel_sizes:
            field = (field - 1) * strides.pop() + (kernel_sizes.pop() - 1) * dilations.pop() + 1
        return field

    verdict = checks.receptive_field(popping)
    assert verdict.mistake == "changes its input"
    assert "kernel_sizes and dilations and strides no longer hold" in " ".join(
        verdict.message.split()
    )
