"""Exercise: the score of translations, counted by hand.

Sources
    Papineni, Roukos, Ward and Zhu (2002), "BLEU: a Method for Automatic Evaluation of Machine
    Translation", section 2.3.
"""

import math
from functools import partial

from txlite.checks.framework import Exercise, Mistake, Step, swapped
from txlite.checks.translation._ngrams import Tokens, clipped, ngrams, unclipped

__all__ = ["bleu"]


def _brevity(said: int, wanted: int) -> float:
    if said == 0:
        return 0.0
    return 1.0 if said >= wanted else math.exp(1 - wanted / said)


def _geometric(precisions: list[float]) -> float:
    if min(precisions) == 0:
        return 0.0
    return math.exp(sum(math.log(p) for p in precisions) / len(precisions))


def _pooled(
    pairs: list[tuple[Tokens, Tokens]], matches: Step, side: int = 0, extra: Step = lambda n: 0
) -> list[float]:
    """Clipped precision for n = 1 to 4, counted over all sentences together."""
    found = []
    for n in (1, 2, 3, 4):
        grams = [(ngrams(a, n), ngrams(b, n)) for a, b in pairs]
        hits = sum(matches(a, b) for a, b in grams) + extra(n)
        total = sum(len(pair[side]) for pair in grams) + extra(n)
        found.append(hits / total if total else 0.0)
    return found


def _bleu_recipe(
    hypotheses: list[Tokens],
    references: list[Tokens],
    matches: Step = clipped,
    precisions: Step = _pooled,
    mean: Step = _geometric,
    penalty: Step = _brevity,
    scale: float = 100.0,
) -> float:
    pairs = list(zip(hypotheses, references, strict=True))
    short = penalty(sum(map(len, hypotheses)), sum(map(len, references)))
    return float(scale * short * mean(precisions(pairs, matches)))


def _unguarded(precisions: list[float]) -> float:
    return math.exp(sum(map(math.log, precisions)) / len(precisions))


def _mean_of_sentences(hypotheses: list[Tokens], references: list[Tokens]) -> object:
    scores = [_bleu_recipe([a], [b]) for a, b in zip(hypotheses, references, strict=True)]
    return sum(scores) / len(scores)


def _ratio(said: int, wanted: int) -> float:
    return min(1.0, said / wanted)


_BANK = (
    swapped(
        _bleu_recipe,
        "no brevity penalty",
        "Nothing is taken off for being short. A translation of only the one sure word has "
        "perfect precision: multiply by exp(1 − r/c) where c words were said of r.",
        penalty=lambda said, wanted: 1.0,
    ),
    swapped(
        _bleu_recipe,
        "brevity rewarded",
        "The penalty is on the wrong side: the long are punished and the short go free. It is "
        "exp(1 − r/c) where c is *smaller* than r, otherwise 1.",
        penalty=lambda said, wanted: _brevity(wanted, said),
    ),
    swapped(
        _bleu_recipe,
        "a bonus for length",
        "Where more is said than the reference says, exp(1 − r/c) is above one, and padding a "
        "sentence pays. The penalty is never more than 1.",
        penalty=lambda said, wanted: math.exp(1 - wanted / said),
    ),
    swapped(
        _bleu_recipe,
        "a ratio for the penalty",
        "The penalty is c/r. It is the exponential exp(1 − r/c), harder on the very short.",
        penalty=_ratio,
    ),
    swapped(
        _bleu_recipe,
        "arithmetic mean",
        "The four precisions are averaged as they are. BLEU takes their geometric mean, in which "
        "one bad precision counts for more.",
        mean=lambda p: sum(p) / len(p),
    ),
    swapped(
        _bleu_recipe,
        "only four-grams",
        "Only the four-grams are looked at. BLEU is the geometric mean over n = 1, 2, 3, 4.",
        mean=lambda p: p[-1],
    ),
    swapped(
        _bleu_recipe,
        "up to three",
        "The four-grams are missing. n runs from 1 to 4, and range(1, 4) stops at 3.",
        mean=lambda p: _geometric(p[:3]),
    ),
    swapped(
        _bleu_recipe,
        "product without the root",
        "The precisions are multiplied and the fourth root is missing.",
        mean=math.prod,
    ),
    swapped(
        _bleu_recipe,
        "not clipped",
        "An n-gram counts as often as it is said. It may match at most as often as the reference "
        "holds it.",
        matches=unclipped,
    ),
    swapped(
        _bleu_recipe,
        "recall",
        "The matches are divided by the n-grams of the references. That is recall; precision asks "
        "which share of what was *said* is right, and the brevity penalty sees to the rest.",
        precisions=partial(_pooled, side=1),
    ),
    swapped(
        _bleu_recipe,
        "add-one smoothing",
        "One is added to the matches and to the n-grams, so that no precision is ever zero. "
        "Smoothing is for single sentences; this score has none, and says so honestly with a 0.",
        precisions=partial(_pooled, extra=lambda n: 1),
    ),
    swapped(
        _bleu_recipe,
        "add-one smoothing from pairs on",
        "From n = 2 on, one is added to the matches and to the n-grams. That is a smoothed BLEU, "
        "made for single sentences; this score has no smoothing.",
        precisions=partial(_pooled, extra=lambda n: int(n > 1)),
    ),
    swapped(
        _bleu_recipe,
        "logarithm of zero",
        "The logarithm of a precision of zero is taken. Where one precision is zero their "
        "geometric mean is zero too: return 0 before any logarithm.",
        mean=_unguarded,
    ),
    swapped(
        _bleu_recipe,
        "a share, not a score",
        "This is between 0 and 1. By custom BLEU is given from 0 to 100.",
        scale=1.0,
    ),
    Mistake(
        "mean of the sentences' scores",
        "Every sentence is scored by itself and the scores are averaged, so that one short "
        "sentence without a four-gram makes a zero. Count n-grams and lengths over the whole test "
        "set, and divide once.",
        _mean_of_sentences,
    ),
)

bleu = Exercise(
    name="bleu",
    signature="f(hypotheses: list[list[int]], references: list[list[int]]) -> float",
    task="BLEU, 0 to 100: the geometric mean of the clipped n-gram precisions, n = 1 to 4, each "
    "counted over all sentences, times the brevity penalty. No smoothing; 0 where a precision is.",
    inputs=("hypotheses", "references"),
    reference=_bleu_recipe,
    cases=(
        ([[4, 5, 6, 7]], [[4, 5, 6, 7, 8]]),
        ([[4, 5, 6, 8]], [[4, 5, 6, 7]]),
        ([[4, 5, 6, 7, 8, 8]], [[4, 5, 6, 7, 8]]),
        ([[4, 5, 6, 7, 5, 4], [9, 8]], [[4, 5, 6, 7, 9, 4], [9, 8]]),
        (
            [[4, 5, 6, 7, 8, 4, 5], [6, 7, 8, 9]],
            [[4, 5, 6, 7, 8, 9, 5, 6, 7], [6, 7, 8, 9, 4, 4]],
        ),
        ([[4, 5, 6, 7, 4, 5, 6, 7], [9]], [[4, 5, 6, 7, 9], [9, 6]]),
    ),
    bank=_BANK,
    praise="To the last digit what sacrebleu would say.",
)
