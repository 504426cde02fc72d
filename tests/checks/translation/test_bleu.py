import math
import random
from collections import Counter
from functools import partial

import pytest
from sacrebleu.metrics import BLEU

from tests.checks.translation.counting import precision
from tests.checks.written import earns
from txlite import checks

check = checks.bleu


def test_the_reference_is_sacrebleus_score():
    """On random sentences of random lengths, word for word and without smoothing."""
    dice = random.Random(3)
    official = BLEU(tokenize="none", smooth_method="none", effective_order=False)
    seen = set()
    for _ in range(60):
        pairs = []
        for _ in range(dice.randint(1, 6)):
            said = [dice.randint(4, 9) for _ in range(dice.randint(4, 9))]
            pairs.append((said, said[dice.randint(0, 1) :] + [4] * dice.randint(0, 2)))
        ours, theirs = ([list(x) for x in side] for side in zip(*pairs, strict=True))
        words = [[" ".join(map(str, row)) for row in side] for side in (ours, theirs)]
        wanted = official.corpus_score(words[0], [words[1]]).score
        assert float(check.reference(ours, theirs)) == pytest.approx(wanted, abs=1e-9)
        seen.add(round(wanted) // 20)
    assert len(seen) > 2  # scores of all sizes


def test_right_answers_in_other_words_pass():
    def score(hypotheses, references):
        logs = 1.0
        for n in (1, 2, 3, 4):
            said = sum(max(0, len(h) - n + 1) for h in hypotheses)
            pairs = zip(hypotheses, references, strict=True)
            hits = sum(precision(h, r, n) * max(0, len(h) - n + 1) for h, r in pairs)
            logs *= hits / max(1, said)
        c, r = sum(map(len, hypotheses)), sum(map(len, references))
        return 100 * logs**0.25 * min(1, 2.718281828459045 ** (1 - r / c))

    check(score).require()


def by_hand(hypotheses, references, *, of=0, extra=0):
    """BLEU with what may be done to matches and totals; logarithms as everybody writes them."""
    logs = 0.0
    for n in (1, 2, 3, 4):
        hits = total = extra
        for pair in zip(hypotheses, references, strict=True):
            ours, theirs = (
                Counter(tuple(x[i : i + n]) for i in range(len(x) - n + 1)) for x in pair
            )
            hits += (ours & theirs).total()
            total += (ours, theirs)[of].total()
        if hits == 0:
            return 0.0
        logs += math.log(hits / total) / 4
    said, wanted = (sum(map(len, side)) for side in (hypotheses, references))
    return 100 * math.exp(logs + min(0.0, 1 - wanted / said))


def shares(hypotheses, references, clip=True):
    """The four precisions, each over all sentences."""
    found = []
    for n in range(1, 5):
        hits = total = 0
        for said, wanted in zip(hypotheses, references, strict=True):
            ours = [said[i : i + n] for i in range(len(said) - n + 1)]
            theirs = [wanted[i : i + n] for i in range(len(wanted) - n + 1)]
            for gram in ours:
                total += 1
                if gram in theirs:
                    hits += 1
                    if clip:
                        theirs.remove(gram)
        found.append(hits / total if total else 0)
    return found


def short(hypotheses, references):
    """How many times as long the references are."""
    return sum(map(len, references)) / sum(map(len, hypotheses))


def brevity(hypotheses, references):
    return math.e ** min(0, 1 - short(hypotheses, references))


def root(precisions):
    return math.prod(precisions) ** (1 / len(precisions))


def smoothed(hypotheses, references):
    """From pairs on, one more of both."""
    product = 1.0
    for n in (1, 2, 3, 4):
        hits = total = 0 if n == 1 else 1
        for h, r in zip(hypotheses, references, strict=True):
            count = max(0, len(h) - n + 1)
            hits += round(precision(h, r, n) * count)
            total += count
        product *= hits / total
    return 100 * brevity(hypotheses, references) * product**0.25


def unguarded(hypotheses, references):
    logs = sum(math.log(p) for p in shares(hypotheses, references))
    return 100 * math.exp(logs / 4) * brevity(hypotheses, references)


def each(hypotheses, references):
    scores = [by_hand([h], [r]) for h, r in zip(hypotheses, references, strict=True)]
    return math.fsum(scores) / len(hypotheses)


WRITTEN = {
    "no brevity penalty": lambda h, r: 100 * root(shares(h, r)),
    "brevity rewarded": lambda h, r: 100 * root(shares(h, r)) * brevity(r, h),
    "a bonus for length": lambda h, r: 100 * root(shares(h, r)) * math.e ** (1 - short(h, r)),
    "a ratio for the penalty": lambda h, r: 100 * root(shares(h, r)) / max(1, short(h, r)),
    "arithmetic mean": lambda h, r: 100 * brevity(h, r) * sum(shares(h, r)) / 4,
    "only four-grams": lambda h, r: 100 * brevity(h, r) * shares(h, r).pop(),
    "up to three": lambda h, r: 100 * brevity(h, r) * root(shares(h, r)[:-1]),
    "product without the root": lambda h, r: 100 * brevity(h, r) * math.prod(shares(h, r)),
    "not clipped": lambda h, r: 100 * brevity(h, r) * root(shares(h, r, clip=False)),
    "recall": partial(by_hand, of=1),
    "add-one smoothing": partial(by_hand, extra=1),
    "add-one smoothing from pairs on": smoothed,
    "logarithm of zero": unguarded,
    "a share, not a score": lambda h, r: by_hand(h, r) / 100,
    "mean of the sentences' scores": each,
}


def test_the_score_that_is_varied_is_right():
    check(lambda h, r: 100 * brevity(h, r) * root(shares(h, r))).require()


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_recall_and_smoothing_are_named_with_the_sentences_that_show_them():
    check(by_hand).require()
    verdict = check(partial(by_hand, of=1))
    assert verdict.mistake == "recall"
    assert "    hypotheses  [[4, 5, 6, 7]]\n" in verdict.message
    assert "    references  [[4, 5, 6, 7, 8]]\n" in verdict.message
    verdict = check(partial(by_hand, extra=1))
    assert verdict.mistake == "add-one smoothing"
    assert "    hypotheses  [[4, 5, 6, 8]]\n" in verdict.message
    assert "    wanted      0\n" in verdict.message


def test_the_logarithm_of_zero_is_named():
    def unguarded(hypotheses, references):
        score = by_hand(hypotheses, references)
        return math.exp(math.log(score))

    verdict = check(unguarded)
    assert verdict.mistake == "logarithm of zero"
    assert "in the line: return math.exp(math.log(score))" in verdict.message


def test_changing_a_sentence_is_noticed_and_harms_nothing():
    def greedy(hypotheses, references):
        score = by_hand(hypotheses, references)
        hypotheses[0].append(4)
        return score

    assert check(greedy).mistake == "changes its input"
    check(by_hand).require()
