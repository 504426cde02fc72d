import pytest
import torch

from txlite import checks

nucleus, penalise = checks.nucleus, checks.penalise_repetition


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

    nucleus(by_loop).require()

    def by_sets(logits, tokens, penalty):
        out = logits.clone()
        for row, words in zip(out, tokens.tolist(), strict=True):
            for token in set(words):
                row[token] = row[token] * penalty if row[token] < 0 else row[token] / penalty
        return out

    penalise(by_sets).require()


@pytest.mark.parametrize(
    ("keep", "name"),
    [
        (lambda x, p: x.cumsum(-1) <= p, "the crossing token dropped"),
        (lambda x, p: x >= p * x.amax(-1, keepdim=True), "min-p"),
        (lambda x, p: x.cumsum(-1) - x < p, None),
    ],
)
def test_natural_mistakes_of_the_nucleus_are_named(keep, name):
    def answer(probabilities, p):
        ordered, order = probabilities.sort(-1, descending=True)
        kept = ordered * keep(ordered, p)
        return torch.zeros_like(kept).scatter(-1, order, kept / kept.sum(-1, keepdim=True))

    verdict = nucleus(answer)
    assert verdict.mistake == name
    assert bool(verdict) is (name is None)


def test_a_loop_over_all_tokens_penalises_each_time():
    def answer(logits, tokens, penalty):
        out = logits.clone()
        for row, words in zip(out, tokens.tolist(), strict=True):
            for token in words:
                row[token] = row[token] * penalty if row[token] < 0 else row[token] / penalty
        return out

    assert penalise(answer).mistake == "once for every time"


def test_dividing_alone_is_named():
    def answer(logits, tokens, penalty):
        return logits.scatter(-1, tokens, logits.gather(-1, tokens) / penalty)

    assert penalise(answer).mistake == "negative logits divided"
