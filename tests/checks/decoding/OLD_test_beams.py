import pytest
import torch

from txlite import checks
from txlite.generation import BeamStep, beam_search

extend, score = checks.extend_beams, checks.finished_score


def test_right_answers_in_other_words_pass():
    def by_topk(scores, log_probs):
        best = (scores[:, None] + log_probs).flatten().topk(len(scores)).indices
        return [(int(i) // log_probs.shape[1], int(i) % log_probs.shape[1]) for i in best]

    extend(lambda s, x: torch.tensor(by_topk(s, x))).require()

    def by_loop(log_probs, tokens, eos, penalty):
        scores = []
        for row, words in zip(log_probs, tokens.tolist(), strict=True):
            length = words.index(eos) + 1 if eos in words else len(words)
            scores.append(row[:length].sum() / length**penalty)
        return torch.stack(scores)

    score(by_loop).require()


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
def test_natural_mistakes_of_a_step_are_named(answer, name):
    assert extend(answer).mistake == name


def flat(totals, log_probs):
    best = totals.flatten().topk(len(totals)).indices
    return torch.stack([best // log_probs.shape[1], best % log_probs.shape[1]], 1)


def test_the_exercises_are_what_beam_search_does():
    table = torch.randn(6, 6, generator=torch.Generator().manual_seed(2)).double()
    record: list[BeamStep] = []
    result = beam_search(
        lambda tokens: table[tokens],
        torch.zeros(1, 1, dtype=torch.long),
        num_beams=3,
        max_new_tokens=4,
        eos_id=None,
        length_penalty=0.7,
        num_return_sequences=3,
        use_cache=False,
        record=record,
    )
    before = record[0]
    beams = before.tokens[0, before.survivors[0]]
    pairs = extend.reference(before.scores[0, before.survivors[0]], table[beams].log_softmax(-1))
    after = record[1]
    assert pairs.tolist() == torch.stack([after.parents[0, :3], after.tokens[0, :3]], 1).tolist()
    each = table[result.tokens[:, :-1]].log_softmax(-1)
    log_probs = each.gather(-1, result.tokens[:, 1:, None])[..., 0]
    torch.testing.assert_close(
        score.reference(log_probs, result.tokens[:, 1:], 9, 0.7), result.scores
    )
