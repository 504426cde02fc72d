import math
import random
from collections import Counter
from functools import partial

import pytest
from sacrebleu.metrics import BLEU

from tests.checks.translation.counting import precision
from txlite import checks


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
        assert float(checks.bleu.reference(ours, theirs)) == pytest.approx(wanted, abs=1e-9)
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

    checks.bleu(score).require()


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


def test_recall_and_smoothing_are_named_with_the_sentences_that_show_them():
    checks.bleu(by_hand).require()
    verdict = checks.bleu(partial(by_hand, of=1))
    assert verdict.mistake == "recall"
    assert "    hypotheses  [[4, 5, 6, 7]]\n" in verdict.message
    assert "    references  [[4, 5, 6, 7, 8]]\n" in verdict.message
    verdict = checks.bleu(partial(by_hand, extra=1))
    assert verdict.mistake == "add-one smoothing"
    assert "    hypotheses  [[4, 5, 6, 8]]\n" in verdict.message
    assert "    wanted      0\n" in verdict.message


def test_the_logarithm_of_zero_is_named():
    def unguarded(hypotheses, references):
        score = by_hand(hypotheses, references)
        return math.exp(math.log(score))

    verdict = checks.bleu(unguarded)
    assert verdict.mistake == "logarithm of zero"
    assert "in the line: return math.exp(math.log(score))" in verdict.message


def test_changing_a_sentence_is_noticed_and_harms_nothing():
    def greedy(hypotheses, references):
        score = by_hand(hypotheses, references)
        hypotheses[0].append(4)
        return score

    assert checks.bleu(greedy).mistake == "changes its input"
    checks.bleu(by_hand).require()
