import pytest
import torch
from torch.nn import functional

from tests.checks.written import earns
from txlite import checks

check = checks.feed_forward


@pytest.mark.parametrize(
    "answer",
    [
        lambda x, a, b, c, d: (x @ a + b).clamp(min=0) @ c + d,
        lambda x, a, b, c, d: functional.linear(functional.linear(x, a.T, b).relu(), c.T, d),
    ],
)
def test_right_answers_in_other_words_pass(answer):
    check(answer).require()


def relu(h):
    return torch.where(h > 0, h, 0.0)


def layer(x, a, b, c, d, act=relu):
    """Sum over the entries, then over the units."""
    h = act(torch.einsum("...d,df->...f", x, a) + b)
    return torch.einsum("...f,fd->...d", h, c) + d


def mean_position(x):
    return torch.stack([sum(x.unbind(-2)) / x.shape[-2]] * x.shape[-2], -2)


WRITTEN = {
    "no activation": lambda x, a, b, c, d: x @ (a @ c) + (b @ c + d),
    "activation after the second map": lambda *case: relu(layer(*case, act=lambda h: h)),
    "activation after both maps": lambda *case: relu(layer(*case)),
    "activation before the first map": lambda x, *rest: layer(relu(x), *rest, act=lambda h: h),
    "b_up forgotten": lambda x, a, b, c, d: layer(x, a, 0 * b, c, d),
    "b_down forgotten": lambda x, a, b, c, d: layer(x, a, b, c, 0 * d),
    "b_down twice": lambda x, a, b, c, d: (
        sum(layer(x, a[:, i : i + 1], b[i : i + 1], c[i : i + 1], 0 * d) for i in range(len(b)))
        + (d + d)
    ),
    "bent before the sum": lambda x, a, b, c, d: (
        layer(x[..., : len(a) // 2], a[: len(a) // 2], b, c, d)
        + layer(x[..., len(a) // 2 :], a[len(a) // 2 :], 0 * b, c, 0 * d)
    ),
    "b_up after the activation": lambda x, a, b, c, d: layer(x, a, 0 * b, c, d) + b @ c,
    "matrices transposed": lambda x, a, b, c, d: functional.linear(
        functional.linear(x, a, b).relu(), c, d
    ),
    "residual added": lambda x, *rest: layer(x, *rest) + x,
    "GELU": lambda *case: layer(*case, act=lambda h: h * (1 + torch.erf(h / 2**0.5)) / 2),
    "absolute value": lambda *case: layer(*case, act=lambda h: torch.where(h < 0, -h, h)),
    "softmax over the hidden units": lambda *case: layer(
        *case, act=lambda h: (h - h.logsumexp(-1, keepdim=True)).exp()
    ),
    "positions averaged": lambda x, *rest: layer(mean_position(x), *rest),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(check, WRITTEN[name], name)


def on_two_machines(x, a, b, c, d, last=True):
    """Each has half of the hidden units; what both return is added up."""
    half = len(b) // 2
    one = (x @ a[:, :half] + b[:half]).relu() @ c[:half]
    other = (x @ a[:, half:] + b[half:]).relu() @ c[half:]
    return one + other + d if last else (one + d) + (other + d)


def test_two_machines_are_as_good_as_one_if_one_of_them_adds_the_last_bias():
    check(on_two_machines).require()
    earns(check, lambda *case: on_two_machines(*case, last=False), "b_down twice")


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(check.mistakes)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda x, a, b, c, d: (x @ a).relu() @ c, "b_up forgotten + b_down forgotten"),
        (lambda x, a, b, c, d: (x @ a + b).relu() @ c - d, None),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    earns(check, answer, name)
