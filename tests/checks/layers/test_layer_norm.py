import pytest
import torch
from torch.nn import functional

from tests.checks.written import earns
from txlite import checks

check = checks.layer_norm
EPS = 1e-5


@pytest.mark.parametrize(
    "answer",
    [
        lambda x, w, b: functional.layer_norm(x, x.shape[-1:], w, b),
        lambda x, w, b: (
            (x - x.mean(-1, True)) * (x.var(-1, correction=0, keepdim=True) + EPS).rsqrt() * w + b
        ),
    ],
)
def test_right_answers_in_other_words_pass(answer):
    check(answer).require()


def by_std(x, weight, bias):
    return (x - x.mean(-1, keepdim=True)) / x.var(-1, keepdim=True).add(EPS).sqrt() * weight + bias


def normed(x, shape=None):
    """Normalise over the last axes, no weight and no bias."""
    return functional.layer_norm(x, shape or x.shape[-1:])


def centred(x):
    return x - torch.einsum("...d->...", x)[..., None] / x.shape[-1]


def square_sum(x):
    return torch.einsum("...d,...d->...", x, x)[..., None]


def variance(x):
    return square_sum(centred(x)) / x.shape[-1]


def over_axis_0(x, w, b):
    c = x - sum(x) / len(x)
    return c / (sum(y * y for y in c) / len(x) + EPS) ** 0.5 * w + b


def axis_lost(x, w, b):
    c = x - sum(x.unbind(-1)) / len(w)
    return c / (torch.einsum("...d,...d->...", c, c) / len(w) + EPS) ** 0.5 * w + b


WRITTEN = {
    "over axis 0": over_axis_0,
    "over the positions": lambda x, w, b: normed(x.swapaxes(-1, -2)).swapaxes(-1, -2) * w + b,
    "over everything": lambda x, w, b: normed(x, x.shape) * w + b,
    "over positions and entries": lambda x, w, b: normed(x.flatten(-2)).view_as(x) * w + b,
    "keepdim forgotten": axis_lost,
    "unbiased variance": by_std,
    "sum instead of mean": lambda x, w, b: (
        centred(x) * (square_sum(centred(x)) + EPS) ** -0.5 * w + b
    ),
    "eps outside the root": lambda x, w, b: (
        (x - x.mean(-1, True)) / (x.std(-1, keepdim=True, correction=0) + EPS) * w + b
    ),
    "eps forgotten": lambda x, w, b: centred(x) * w / variance(x) ** 0.5 + b,
    "divides by the variance": lambda x, w, b: centred(x) * w / (EPS + variance(x)) + b,
    "mean not subtracted": lambda x, w, b: functional.rms_norm(x, w.shape, w, EPS) + b,
    "mean subtracted below the line only": lambda x, w, b: x * w * (variance(x) + EPS) ** -0.5 + b,
    "weight and bias forgotten": lambda x, w, b: normed(x),
    "weight forgotten": lambda x, w, b: functional.layer_norm(x, w.shape, None, b),
    "bias forgotten": lambda x, w, b: functional.layer_norm(x, w.shape, w, None),
    "bias scaled too": lambda x, w, b: functional.layer_norm(x, w.shape, w, w * b),
    "weight before the norm": lambda x, w, b: normed(x * w) + b,
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(check, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(check.mistakes)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda x, w, b: normed(x) + w * b, None),
        (
            lambda x, w, b: functional.layer_norm(x, x.shape[-2:]) * w + b,
            None,  # raises for one vector, so it is like no mistake of the bank
        ),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    earns(check, answer, name)
