import math

import pytest
import torch

from tests.checks.written import earns
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


def highest(scores):
    return scores.sort(-1).values[..., -1:]


def over(scores, total):
    """Shift every row rightly, then divide by a total of the exponentials."""
    e = torch.exp(scores - highest(scores))
    return e / total(e)


WRITTEN = {
    "nothing subtracted": lambda s: s.exp() / s.exp().sum(-1, keepdim=True),
    "subtracts the maximum of everything": lambda s: exp_shifted(s, max(s.flatten().tolist())),
    "maximum over axis 0": lambda s: exp_shifted(s, s.max(0).values),
    "maximum without keepdim": lambda s: exp_shifted(s, s.max(-1)[0]),
    "subtracts the mean": lambda s: exp_shifted(s, (s.sum(-1) / s.shape[-1])[..., None]),
    "subtracts the minimum": lambda s: exp_shifted(s, s.sort(-1).values[..., :1]),
    "divides by the maximum": lambda s: exp_shifted(s / highest(s), 0),
    "clamps the scores": lambda s: exp_shifted(torch.where(s > 50, 50.0, s), 0),
    "subtracts only below the line": lambda s: (
        torch.exp(s) / torch.exp(s - highest(s)).sum(-1, keepdim=True)
    ),
    "subtracts only above the line": lambda s: over(
        s, lambda e: sum(torch.exp(s).unbind(-1))[..., None]
    ),
    "not divided by the sum": lambda s: (s - s.amax(-1, keepdim=True)).exp(),
    "divided by the sum of everything": lambda s: over(s, lambda e: sum(e.flatten())),
    "sums over axis 0": lambda s: over(s, lambda e: sum(e.unbind(0))),
    "sum without keepdim": lambda s: over(s, lambda e: sum(e.unbind(-1))),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(check, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(check.mistakes)


def test_subtracting_in_place_is_named():
    def answer(scores):
        scores -= scores.amax(-1, keepdim=True)
        e = scores.exp()
        return e / e.sum(-1, keepdim=True)

    assert check(answer).mistake == "changes its input"


def test_the_reference_by_hand():
    got = check.reference(torch.tensor([1000.0, 1001.0]))
    assert got[0].item() == pytest.approx(1 / (1 + math.e))
