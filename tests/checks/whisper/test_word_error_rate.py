import math
import random
from difflib import SequenceMatcher
from functools import cache

import pytest

from tests.checks.written import earns
from txlite import checks
from txlite.training import WordErrors, word_errors

check = checks.word_error_rate


def cost(said, written, other=1, missing=1, more=1):
    """The cheapest way, from its end: what becomes of the two last words."""

    @cache
    def least(i, j):
        if not i or not j:
            return missing * i + more * j
        replaced = least(i - 1, j - 1) + other * (said[i - 1] != written[j - 1])
        return min(replaced, least(i - 1, j) + missing, least(i, j - 1) + more)

    return least(len(said), len(written))


def table(references, transcripts, cut=str.split, **prices):
    """Errors, words said and words written, of each pair."""
    pairs = [(cut(a), cut(b)) for a, b in zip(references, transcripts, strict=True)]
    return [(cost(a, b, **prices), len(a), len(b)) for a, b in pairs]


def pooled(cut=str.split, divide=lambda said, written: said, **prices):
    def answer(references, transcripts):
        rows = table(references, transcripts, cut, **prices)
        return sum(row[0] for row in rows) / sum(divide(*row[1:]) for row in rows)

    return answer


def mean_of_rates(references, transcripts):
    rates = [one.rate for one in word_errors(references, transcripts)]
    return sum(rates) / len(rates)


def without_empty_ones(references, transcripts):
    pairs = [(a, b) for a, b in zip(references, transcripts, strict=True) if a]
    return pooled()(*zip(*pairs, strict=True))


def replaced_twice(references, transcripts):
    """What lies outside the longest common subsequence, as diff shows it."""
    errors = words = 0
    for a, b in zip(references, transcripts, strict=True):
        x, y = a.split(), b.split()
        rows = [[0] * (len(y) + 1)]
        for word in x:
            row = [0]
            for j, found in enumerate(y):
                row.append(rows[-1][j] + 1 if word == found else max(rows[-1][j + 1], row[-1]))
            rows.append(row)
        errors, words = errors + len(x) + len(y) - 2 * rows[-1][-1], words + len(x)
    return errors / words


def one_by_one(references, transcripts):
    errors = words = 0
    for a, b in zip(references, transcripts, strict=True):
        x, y = a.split(), b.split()
        longest = max(len(x), len(y))
        errors += sum(x[i : i + 1] != y[i : i + 1] for i in range(longest))
        words += len(x)
    return errors / words


def bag(references, transcripts):
    errors = words = 0
    for a, b in zip(references, transcripts, strict=True):
        left = b.split()
        for word in a.split():
            words += 1
            if word in left:
                left.remove(word)
            else:
                errors += 1
    return errors / words


def sentences(references, transcripts):
    return sum(map(str.__ne__, references, transcripts)) / len(references)


def joined(references, transcripts):
    return pooled()([" ".join(references)], [" ".join(transcripts)])


WRITTEN = {
    "mean of rates": mean_of_rates,
    "empty references dropped": without_empty_ones,
    "per word that was written": pooled(divide=lambda said, written: written),
    "per word of the longer": pooled(divide=max),
    "insertions for nothing": pooled(more=0),
    "deletions for nothing": pooled(missing=0),
    "replaced twice": replaced_twice,
    "word by word": one_by_one,
    "a bag of words": bag,
    "characters": pooled(cut=tuple),
    "sentences": sentences,
    "one long text": joined,
    "never above 1": lambda a, b: min(pooled()(a, b), 1),
    "what is right": lambda a, b: 1 - pooled()(a, b),
    "in per cent": lambda a, b: 100 * pooled()(a, b),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_right_answers_in_other_words_pass():
    check(pooled()).require()

    def packaged(references, transcripts):
        told = word_errors(references, transcripts)
        return WordErrors(*map(sum, zip(*told, strict=True))).rate

    check(packaged).require()


def test_two_wrong_words_of_six_are_a_third():
    """Not three eighths, which is the mean of a quarter and a half."""
    given = ["a b c d", "e f"], ["a b c x", "e x"]
    assert check.reference(*given) == 2 / 6
    assert mean_of_rates(*given) == 3 / 8
    assert math.isinf(mean_of_rates(["", "a"], ["x", "a"]))


def test_random_transcripts_cost_what_the_recursion_says_and_no_more_than_diff():
    chance = random.Random(20)
    below = 0
    for _ in range(60):
        said, written = (chance.choices("abcd", k=chance.randint(1, 7)) for _ in range(2))
        found = check.reference([" ".join(said)], [" ".join(written)]) * len(said)
        assert found == pytest.approx(cost(tuple(said), tuple(written)))
        blocks = SequenceMatcher(None, said, written).get_opcodes()
        by_diff = sum(max(b - a, d - c) for kind, a, b, c, d in blocks if kind != "equal")
        assert found <= by_diff + 1e-9
        below += found < by_diff - 1e-9
    assert below > 0  # diff looks for long blocks, not for few errors
