import pytest
import torch

from txlite import checks

check = checks.extend_beams


def test_right_answers_in_other_words_pass():
    def by_topk(scores, log_probs):
        best = (scores[:, None] + log_probs).flatten().topk(len(scores)).indices
        return [(int(i) // log_probs.shape[1], int(i) % log_probs.shape[1]) for i in best]

    check(lambda s, x: torch.tensor(by_topk(s, x))).require()


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (
            lambda s, x: torch.stack([torch.arange(len(s)), x.argmax(1)], 1),
            "every beam keeps its best",
        ),
        (lambda s, x: flat(x, x), "the past forgotten"),
        (lambda s, x: flat(s[:, None] * x, x), "log-probabilities multiplied"),
        (lambda s, x: flat(s[:, None] + x, x).flip(1), "token before beam"),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    assert check(answer).mistake == name


def flat(totals, log_probs):
    best = totals.flatten().topk(len(totals)).indices
    return torch.stack([best // log_probs.shape[1], best % log_probs.shape[1]], 1)
