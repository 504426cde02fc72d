import math

import pytest
import torch

from tests.checks.written import earns
from txlite import checks


def gap(layer, x, order):
    return (layer(x[order]) - layer(x)[order]).abs().max()


@pytest.mark.parametrize(
    "answer",
    [
        gap,
        lambda layer, x, order: gap(layer, x, order).item(),
        lambda layer, x, order: (layer(x[order])[order.argsort()] - layer(x)).abs().max(),
        lambda layer, x, order: max(
            abs(layer(x[order])[t, j].item() - layer(x)[k, j].item())
            for t, k in enumerate(order.tolist())
            for j in range(x.shape[1])
        ),
    ],
    ids=["tensor", "float", "put back", "loops"],
)
def test_right_answers_in_other_words_pass(answer):
    checks.order_gap(answer).require()


def differences(f, x, order):
    return f(x[order]) - f(x)[order]


def put_at(f, x, order):
    """Send output t to position order[t], instead of taking it from there."""
    moved = torch.zeros_like(x)
    for t, target in enumerate(order.tolist()):
        moved[target] = f(x)[t]
    return moved


def sizes(gaps):
    return [abs(number) for row in gaps.tolist() for number in row]


WRITTEN = {
    "outputs not reordered": lambda f, x, order: max(sizes(f(x[order]) - f(x))),
    "order undone instead of done": lambda f, x, order: max(
        sizes(f(x[order]) - put_at(f, x, order))
    ),
    "words not reordered": lambda f, x, order: max(sizes(f(x) - f(x)[order])),
    "columns reordered": lambda f, x, order: max(sizes(f(x.T[order].T) - f(x).T[order].T)),
    "averaged over the words": lambda f, x, order: max(
        abs(number) / len(x) for number in (sum(f(x[order])) - sum(f(x))).tolist()
    ),
    "the sign counts": lambda *case: max(max(row) for row in differences(*case).tolist()),
    "mean instead of largest": lambda *case: (
        sum(sizes(differences(*case))) / len(sizes(differences(*case)))
    ),
    "sum instead of largest": lambda *case: sum(sizes(differences(*case))),
    "norm instead of largest": lambda *case: math.hypot(*sizes(differences(*case))),
    "yes or no": lambda f, x, order: not torch.allclose(f(x[order]), f(x)[order], atol=1e-5),
    "one gap for every word": lambda *case: torch.stack(
        [max(row.max(), -row.min()) for row in differences(*case)]
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(checks.order_gap, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(checks.order_gap.mistakes)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda f, x, order: (f(x[order]) - f(x)).abs().max(), "outputs not reordered"),
        (
            lambda f, x, order: (f(x[order]) - f(x)[order.argsort()]).abs().max(),
            "order undone instead of done",
        ),
        (lambda f, x, order: (f(x[order]) - f(x)[order]).max(), "the sign counts"),
        (
            lambda f, x, order: (f(x[order]) - f(x)).norm(),
            "outputs not reordered + norm instead of largest",
        ),
        (lambda f, x, order: 0.0, "outputs not reordered + words not reordered"),
        (lambda f, x, order: 7.0, None),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    earns(checks.order_gap, answer, name)


def test_among_the_layers_one_is_blind_to_order_and_others_are_not():
    gaps = [float(gap(*case)) for case in checks.order_gap.cases]
    assert min(gaps) < 1e-6 < 0.5 < sorted(gaps)[1]


def test_a_layer_shows_itself_as_code():
    assert "lambda x: x.cumsum(0)" in checks.order_gap(lambda f, x, order: 7.0).message
