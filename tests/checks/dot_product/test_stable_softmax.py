import math

import pytest
import torch

from txlite import checks

check = checks.stable_softmax


def exp_shifted(scores, shift):
    e = (scores - shift).exp()
    return e / e.sum(-1, keepdim=True)


@pytest.mark.parametrize(
    "answer",
    [
        lambda s: exp_shifted(s, s.max(-1, keepdim=True).values),
        lambda s: exp_shifted(s, s.amax(-1, keepdim=True).detach()),
        lambda s: exp_shifted(s, s.amax(-1)[..., None]),
        lambda s: (s - s.logsumexp(-1, keepdim=True)).exp(),
        lambda s: exp_shifted(s.double(), s.amax(-1, keepdim=True)),
        lambda s: torch.nn.functional.softmax(s, dim=-1),
    ],
    ids=["max", "detached", "amax", "logsumexp", "float64", "torch"],
)
def test_right_answers_in_other_words_pass(answer):
    check(answer).require()


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda s: s.exp() / s.exp().sum(-1, keepdim=True), "nothing subtracted"),
        (lambda s: exp_shifted(s, s.max()), "subtracts the maximum of everything"),
        (lambda s: exp_shifted(s, s.max(0).values), "maximum over axis 0"),
        (lambda s: exp_shifted(s, s.max(-1)[0]), "maximum without keepdim"),
        (lambda s: exp_shifted(s.clamp(max=50), 0), "clamps the scores"),
        (lambda s: (s - s.amax(-1, keepdim=True)).exp(), "not divided by the sum"),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    assert check(answer).mistake == name


def test_subtracting_in_place_is_named():
    def answer(scores):
        scores -= scores.amax(-1, keepdim=True)
        e = scores.exp()
        return e / e.sum(-1, keepdim=True)

    assert check(answer).mistake == "changes its input"


def test_the_reference_by_hand():
    got = check.reference(torch.tensor([1000.0, 1001.0]))
    assert got[0].item() == pytest.approx(1 / (1 + math.e))
