import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.finished_score


def first_end(words, eos):
    return words.index(eos) + 1 if eos in words else len(words)


def last_end(words, eos):
    return max((i + 1 for i, word in enumerate(words) if word == eos), default=len(words))


def before_the_end(words, eos):
    return words.index(eos) if eos in words else len(words)


def plain(total, length, penalty):
    return total / length**penalty


def sentence_by_sentence(cut=first_end, count=None, divide=plain):
    """Cut each row off, add it up, and divide by its length, which is counted by itself."""

    def answer(log_probs, tokens, eos, penalty):
        scores = []
        for row, words in zip(log_probs, tokens.tolist(), strict=True):
            length = (count or cut)(words, eos)
            scores.append(divide(row[: cut(words, eos)].sum(), length, penalty))
        return torch.stack(scores)

    return answer


WRITTEN = {
    "padding counted": lambda x, tokens, eos, a: x.sum(1) / tokens.shape[1] ** a,
    "up to the last end": sentence_by_sentence(last_end),
    "the end left out": sentence_by_sentence(before_the_end),
    "the end not counted": sentence_by_sentence(count=before_the_end),
    "divided by the width": sentence_by_sentence(count=lambda words, eos: len(words)),
    "not normalised": sentence_by_sentence(divide=lambda total, length, a: total),
    "the penalty ignored": sentence_by_sentence(divide=lambda total, length, a: total / length),
    "a factor, not a power": sentence_by_sentence(
        divide=lambda total, length, a: total / length / a
    ),
    "multiplied by the length": sentence_by_sentence(
        divide=lambda total, length, a: total / length**-a
    ),
    "the translation system's formula": sentence_by_sentence(
        divide=lambda total, length, a: total * (6 / (5 + length)) ** a
    ),
}


def test_right_answers_in_other_words_pass():
    check(sentence_by_sentence()).require()


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)
