import math

import pytest

from tests.checks.written import earns
from txlite import checks

check = checks.penalise_repetition


def penalised(logit, penalty):
    return logit * penalty if logit < 0 else logit / penalty


def in_every_row(which, change=penalised):
    """Change some tokens of every row: what ``which`` says of its words, all words and V."""

    def answer(logits, tokens, penalty):
        out = logits.clone()
        for row, words in zip(out, tokens.tolist(), strict=True):
            for token in which(words, tokens.flatten().tolist(), len(row)):
                row[token] = change(row[token], penalty)
        return out

    return answer


def occurred(words, every, size):
    return set(words)


WRITTEN = {
    "negative logits divided": lambda x, tokens, a: x.scatter(-1, tokens, x.gather(-1, tokens) / a),
    "everything multiplied": in_every_row(occurred, lambda x, a: x * a),
    "the wrong way round": in_every_row(occurred, lambda x, a: penalised(x, 1 / a)),
    "subtracted": in_every_row(occurred, lambda x, a: x - a),
    "the logarithm subtracted": in_every_row(occurred, lambda x, a: x - math.log(a)),
    "the tokens of all rows": in_every_row(lambda words, every, size: set(every)),
    "only the last token": in_every_row(lambda words, every, size: words[-1:]),
    "what did not occur": in_every_row(lambda words, every, size: set(range(size)) - {*words}),
    "every token": in_every_row(lambda words, every, size: range(size)),
    "forbidden": in_every_row(occurred, lambda x, a: -math.inf),
    "once for every time": in_every_row(lambda words, every, size: words),
}


def test_right_answers_in_other_words_pass():
    check(in_every_row(occurred)).require()


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_two_mistakes_at_once_are_named():
    earns(
        check,
        in_every_row(lambda words, every, size: every),
        "the tokens of all rows + once for every time",
    )
