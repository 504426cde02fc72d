import pytest
import torch
from torch import nn
from torch.linalg import vector_norm

from tests.checks.written import earns
from txlite import checks
from txlite.training import clip_gradients

check = checks.clip_by_global_norm


def by(clip):
    def answer(gradients, max_norm):
        rows = [nn.Parameter(torch.zeros_like(g)) for g in gradients]
        for p, g in zip(rows, gradients, strict=True):
            p.grad = g.clone()
        clip(rows, max_norm)
        return torch.stack([p.grad for p in rows])

    return answer


def test_torch_and_txlite_pass():
    check(by(clip_gradients)).require()
    check(by(nn.utils.clip_grad_norm_)).require()


def shortened(gradients, max_norm, length):
    return gradients if length <= max_norm else gradients * max_norm / length


def each(rows, max_norm):
    return torch.stack([shortened(row, max_norm, row.norm()) for row in rows])


WRITTEN = {
    "each parameter by itself": each,
    "each column by itself": lambda g, m: each(g.T, m).T,
    "each entry by itself": by(nn.utils.clip_grad_value_),
    "stretches short gradients too": lambda g, m: g * m / (g.norm() + 1e-9),
    "always to length one": lambda g, m: nn.functional.normalize(g.flatten(), dim=0).view_as(g),
    "no root": lambda g, m: shortened(g, m, (g * g).sum()),
    "sum of the lengths": lambda g, m: shortened(g, m, sum(row.norm() for row in g)),
    "longest row": lambda g, m: shortened(g, m, max(row.norm() for row in g)),
    "largest entry": lambda g, m: shortened(g, m, vector_norm(g, torch.inf)),
    "sum of the entries' sizes": lambda g, m: shortened(g, m, vector_norm(g, 1)),
    "mean instead of sum": lambda g, m: shortened(g, m, vector_norm(g) / g.numel() ** 0.5),
    "never clips": lambda g, m: g,
    "zero when too long": lambda g, m: g if vector_norm(g) <= m else torch.zeros_like(g),
    "zero divided by zero": lambda g, m: g / g.norm() * min(g.norm(), m),
}


def test_shortening_by_the_length_of_all_is_right():
    check(lambda g, m: shortened(g, m, vector_norm(g))).require()


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda g, m: m * g / g.norm(), "stretches short gradients too + zero divided by zero"),
        (lambda g, m: g / g.norm(), "always to length one + zero divided by zero"),
    ],
)
def test_two_mistakes_at_once_are_named(answer, name):
    earns(check, answer, name)
