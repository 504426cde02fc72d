import pytest

from txlite import checks

check = checks.residual_branch


def test_right_answers_in_other_words_pass():
    check(lambda x, f, n, first: x + f(n(x)) if first else n(x + f(x))).require()


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda x, f, n, first: x + f(n(x)), "always pre-norm"),
        (lambda x, f, n, first: f(n(x)) if first else n(f(x)), "residual forgotten"),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    verdict = check(answer)
    assert not verdict
    assert verdict.mistake == name


def test_a_branch_shows_its_functions_as_text():
    message = check(lambda x, f, n, first: f(x)).message
    assert "lambda x: 2 * x + 1" in message
    assert "lambda x: x / 10" in message
