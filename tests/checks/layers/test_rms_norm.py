import pytest
import torch
from torch.nn import functional

from tests.checks.written import earns
from txlite import checks

check = checks.rms_norm


def test_right_answers_in_other_words_pass():
    check(lambda x, w: x * (x.pow(2).mean(-1, True) + 1e-6).rsqrt() * w).require()


def divided(x, w, square, power=0.5, eps=1e-6):
    return x * (square + eps) ** -power * w


def positions_first(x):
    return x.swapaxes(-1, -2)


def positions_joined(x):
    flat = x.flatten(-2)
    return functional.rms_norm(flat, flat.shape[-1:], eps=1e-6).view_as(x)


def square_sum(x):
    return torch.einsum("...d,...d->...", x, x)[..., None]


WRITTEN = {
    "over axis 0": lambda x, w: divided(x, w, sum(y * y for y in x) / len(x)),
    "over the positions": lambda x, w: (
        positions_first(functional.rms_norm(positions_first(x), x.shape[-2:-1], eps=1e-6)) * w
    ),
    "over everything": lambda x, w: functional.rms_norm(x, x.shape, eps=1e-6) * w,
    "over positions and entries": lambda x, w: positions_joined(x) * w,
    "keepdim forgotten": lambda x, w: divided(x, w, torch.einsum("...d,...d->...", x, x) / len(w)),
    "mean subtracted": lambda x, w: functional.layer_norm(x, w.shape, w, None, 1e-6),
    "divides by D − 1": lambda x, w: divided(x, w, square_sum(x) / (len(w) - 1)),
    "sum instead of mean": lambda x, w: divided(x, w, square_sum(x)),
    "eps outside the root": lambda x, w: x * w / ((square_sum(x) / len(w)) ** 0.5 + 1e-6),
    "eps forgotten": lambda x, w: divided(x, w, square_sum(x) / len(w), eps=0),
    "root forgotten": lambda x, w: divided(x, w, square_sum(x) / len(w), power=1),
    "mean of the absolute values": lambda x, w: (
        x * w / (x.norm(p=1, dim=-1, keepdim=True) / len(w) + 1e-6)
    ),
    "weight forgotten": lambda x, w: functional.rms_norm(x, w.shape, eps=1e-6),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(check, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(check.mistakes)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (
            lambda x, w: functional.normalize(x, dim=-1, eps=0) * w,
            "sum instead of mean + eps forgotten",
        ),
        (lambda x, w: x * w, None),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    earns(check, answer, name)
