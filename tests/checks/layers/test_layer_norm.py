import pytest
from torch.nn import functional

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


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (by_std, "unbiased variance"),
        (lambda x, w, b: functional.layer_norm(x, x.shape[-1:]) * w, "bias forgotten"),
        (
            lambda x, w, b: (
                (x - x.mean(-1, True)) / (x.std(-1, keepdim=True, correction=0) + EPS) * w + b
            ),
            "eps outside the root",
        ),
        (
            lambda x, w, b: functional.layer_norm(x, x.shape[-2:]) * w + b,
            None,  # raises for one vector, so it is like no mistake of the bank
        ),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    verdict = check(answer)
    assert not verdict
    assert verdict.mistake == name
