import pytest
from torch.nn import functional

from txlite import checks

check = checks.rms_norm


def test_right_answers_in_other_words_pass():
    check(lambda x, w: x * (x.pow(2).mean(-1, True) + 1e-6).rsqrt() * w).require()


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (
            lambda x, w: functional.normalize(x, dim=-1, eps=0) * w,
            "sum instead of mean + eps forgotten",
        ),
        (lambda x, w: functional.layer_norm(x, x.shape[-1:], w, None, 1e-6), "mean subtracted"),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    verdict = check(answer)
    assert not verdict
    assert verdict.mistake == name
