import pytest
from torch.nn import functional

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


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda x, a, b, c, d: (x @ a + b) @ c + d, "no activation"),
        (lambda x, a, b, c, d: x + (x @ a + b).relu() @ c + d, "residual added"),
        (lambda x, a, b, c, d: (x @ a).relu() @ c, "b_up forgotten + b_down forgotten"),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    verdict = check(answer)
    assert not verdict
    assert verdict.mistake == name
