import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.extend_beams


def test_right_answers_in_other_words_pass():
    def by_topk(scores, log_probs):
        best = (scores[:, None] + log_probs).flatten().topk(len(scores)).indices
        return [(int(i) // log_probs.shape[1], int(i) % log_probs.shape[1]) for i in best]

    check(lambda s, x: torch.tensor(by_topk(s, x))).require()


def flat(totals, log_probs):
    best = totals.flatten().topk(len(totals)).indices
    return torch.stack([best // log_probs.shape[1], best % log_probs.shape[1]], 1)


def listed(totals):
    """Write down every extension, sort them, and take the first."""
    found = [
        (total, beam, token)
        for beam, row in enumerate(totals.tolist())
        for token, total in enumerate(row)
    ]
    best = sorted(found, reverse=True)[: len(totals)]
    return torch.tensor([[beam, token] for _, beam, token in best])


def of_one(scores, log_probs, beam):
    """Extend one beam only."""
    tokens = log_probs[beam].topk(len(scores)).indices.tolist()
    return torch.tensor([[int(beam), token] for token in tokens])


WRITTEN = {
    "every beam keeps its best": lambda s, x: torch.stack([torch.arange(len(s)), x.argmax(1)], 1),
    "one beam only": lambda s, x: of_one(s, x, listed(s[:, None] + x)[0, 0]),
    "the best beam only": lambda s, x: of_one(s, x, s.argmax()),
    "the past forgotten": lambda s, x: flat(x, x),
    "log-probabilities multiplied": lambda s, x: listed(torch.einsum("k,kv->kv", s, x)),
    "scores added to the wrong axis": lambda s, x: flat(s + x, x),
    "probabilities and logarithms mixed": lambda s, x: listed(s[:, None] + x.exp()),
    "token before beam": lambda s, x: listed(s[:, None] + x)[:, [1, 0]],
    "divided by the number of beams": lambda s, x: torch.tensor(
        [divmod(i, len(s)) for i in (s[:, None] + x).flatten().topk(len(s)).indices.tolist()]
    ),
    "the worst": lambda s, x: listed(-s[:, None] - x),
    "best last": lambda s, x: torch.tensor(listed(s[:, None] + x).tolist()[::-1]),
}


def test_the_list_that_is_varied_is_right():
    check(lambda s, x: listed(s[:, None] + x)).require()


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)
