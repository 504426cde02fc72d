import pytest
import torch

from txlite import checks

check = checks.nucleus


def test_right_answers_in_other_words_pass():
    def by_loop(probabilities, p):
        out = torch.zeros_like(probabilities)
        for row, kept in zip(probabilities.tolist(), out, strict=True):
            mass = 0.0
            for token in sorted(range(len(row)), key=lambda i: -row[i]):
                if mass >= p:
                    break
                kept[token], mass = row[token], mass + row[token]
            kept /= mass
        return out

    check(by_loop).require()


@pytest.mark.parametrize(
    ("keep", "name"),
    [
        (lambda x, p: x.cumsum(-1) <= p, "the crossing token dropped"),
        (lambda x, p: x >= p * x.amax(-1, keepdim=True), "min-p"),
        (lambda x, p: x.cumsum(-1) - x < p, None),
    ],
)
def test_natural_mistakes_are_named(keep, name):
    def answer(probabilities, p):
        ordered, order = probabilities.sort(-1, descending=True)
        kept = ordered * keep(ordered, p)
        return torch.zeros_like(kept).scatter(-1, order, kept / kept.sum(-1, keepdim=True))

    verdict = check(answer)
    assert verdict.mistake == name
    assert bool(verdict) is (name is None)
