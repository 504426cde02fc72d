import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.residual_branch


def test_right_answers_in_other_words_pass():
    check(lambda x, f, n, first: x + f(n(x)) if first else n(x + f(x))).require()


def written(before, after):
    """A branch by what is done with norm_first, and what without."""

    def answer(x, sublayer, norm, norm_first):
        return (before if norm_first else after)(x, sublayer, norm)

    return answer


def pre(x, sublayer, norm):
    normed = norm(x)
    return torch.add(sublayer(normed), x)


def post(x, sublayer, norm):
    total = torch.add(sublayer(x), x)
    return norm(total)


def again(x, sublayer, norm):
    return norm(pre(x, sublayer, norm))


def sandwich(x, sublayer, norm):
    return pre(x, lambda y: norm(sublayer(y)), norm)


def unnormed(x, sublayer, norm):
    return pre(x, sublayer, lambda y: y)


def on_the_normed(x, sublayer, norm):
    return pre(norm(x), sublayer, lambda y: y)


WRITTEN = {
    "residual forgotten": lambda x, f, n, first: pre(x, f, n) - x if first else n(f(x)),
    "orders exchanged": written(post, pre),
    "always pre-norm": written(pre, pre),
    "always post-norm": written(post, post),
    "adds to the normalised input": written(on_the_normed, post),
    "normalises the sublayer's output": written(
        pre, lambda x, f, n: pre(x, lambda y: n(f(y)), lambda y: y)
    ),
    "norm forgotten": written(unnormed, unnormed),
    "normalises twice": written(again, post),
    "normalises before and after the sublayer": written(sandwich, post),
    "normalises the residual alone": written(lambda x, f, n: f(x).add(n(x)), post),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(check, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(check.mistakes)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda x, f, n, first: x + f(n(x)), "always pre-norm"),
        (lambda x, f, n, first: f(n(x)) if first else n(f(x)), "residual forgotten"),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    earns(check, answer, name)


def test_a_branch_shows_its_functions_as_text():
    message = check(lambda x, f, n, first: f(x)).message
    assert "lambda x: 2 * x + 1" in message
    assert "lambda x: x / 10" in message
