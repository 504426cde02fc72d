"""Exercises of chapter 13: the score of translations, counted by hand."""

import math
from collections import Counter
from collections.abc import Sequence

from txlite.checks._steps import Step, swapped
from txlite.checks.exercise import Exercise, Mistake

__all__ = ["bleu", "clipped_precision"]

Tokens = Sequence[int]
Grams = list[tuple[int, ...]]


def _grams(tokens: Tokens, n: int) -> Grams:
    return [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]


def _clipped(hypothesis: Grams, reference: Grams) -> int:
    return sum((Counter(hypothesis) & Counter(reference)).values())


def _unclipped(hypothesis: Grams, reference: Grams) -> int:
    return sum(gram in reference for gram in hypothesis)


def _of_hypothesis(matches: float | int, hypothesis: Grams, reference: Grams) -> float:
    return matches / len(hypothesis) if hypothesis else 0.0


def _of_reference(matches: float | int, hypothesis: Grams, reference: Grams) -> float:
    return matches / len(reference) if reference else 0.0


def _precision_recipe(
    hypothesis: Tokens,
    reference: Tokens,
    n: int,
    grams: Step = _grams,
    matches: Step = _clipped,
    share: Step = _of_hypothesis,
) -> object:
    ours, theirs = grams(hypothesis, n), grams(reference, n)
    return float(share(matches(ours, theirs), ours, theirs))


_PRECISION_BANK = (
    swapped(
        _precision_recipe,
        "not clipped",
        "A word counts as often as it is said, however rarely the reference says it. So “the the "
        "the” is perfect. Each n-gram may match at most as often as the reference holds it.",
        matches=_unclipped,
    ),
    swapped(
        _precision_recipe,
        "recall",
        "The matches are divided by the n-grams of the reference. That is recall; precision asks "
        "which share of what was *said* is right.",
        share=_of_reference,
    ),
    swapped(
        _precision_recipe,
        "single words only",
        "Single words are counted, whatever n is. An n-gram is n words in a row; they carry the "
        "order.",
        grams=lambda tokens, n: _grams(tokens, 1),
    ),
    swapped(
        _precision_recipe,
        "one n-gram missing",
        "The last n-gram is left out. A sentence of L words holds L − n + 1 of them.",
        grams=lambda tokens, n: _grams(tokens, n)[:-1],
    ),
    swapped(
        _precision_recipe,
        "shortened n-grams at the end",
        "The windows run over the end and leave shorter ones behind. A sentence of L words holds "
        "L − n + 1 n-grams.",
        grams=lambda tokens, n: [tuple(tokens[i : i + n]) for i in range(len(tokens))],
    ),
    swapped(
        _precision_recipe,
        "every n-gram counted once",
        "Each different n-gram counts once, however often it is said. Count occurrences.",
        grams=lambda tokens, n: list(dict.fromkeys(_grams(tokens, n))),
    ),
    swapped(
        _precision_recipe,
        "place by place",
        "An n-gram matches only at the same place as in the reference. In BLEU it may stand "
        "anywhere: a missing first word would otherwise spoil all the rest.",
        matches=lambda ours, theirs: sum(a == b for a, b in zip(ours, theirs, strict=False)),
    ),
    swapped(
        _precision_recipe,
        "clipped at one",
        "Each n-gram matches once at most. It may match as often as the reference holds it.",
        matches=lambda ours, theirs: len(set(ours) & set(theirs)),
    ),
    swapped(
        _precision_recipe,
        "per cent",
        "This is in per cent. The precision is a share between 0 and 1.",
        share=lambda m, a, b: 100 * _of_hypothesis(m, a, b),
    ),
    swapped(
        _precision_recipe,
        "order within the n-gram forgotten",
        "The words of an n-gram are compared in any order. “eats me” is not “me eats”.",
        grams=lambda tokens, n: [tuple(sorted(gram)) for gram in _grams(tokens, n)],
    ),
    swapped(
        _precision_recipe,
        "a number, not a share",
        "This is the number of matches. Divide it by the number of n-grams that were said.",
        share=lambda m, a, b: m,
    ),
)

clipped_precision = Exercise(
    name="clipped_precision",
    signature="f(hypothesis: list[int], reference: list[int], n: int) -> float",
    task="The share of the hypothesis' n-grams that the reference holds too, each at most as often "
    "as the reference holds it; 0 where the hypothesis has no n-gram.",
    inputs=("hypothesis", "reference", "n"),
    reference=_precision_recipe,
    cases=(
        ([7, 7, 7], [7, 4], 1),
        ([5, 6, 4], [4, 5, 6, 8], 2),
        ([4, 5], [4, 5, 6], 3),
        ([4, 5, 4, 5, 4, 9], [5, 4, 5, 4, 5, 5], 2),
        ([8, 4, 5, 6, 4, 5, 7], [4, 5, 6, 4, 5, 8, 9, 4], 3),
        ([6, 6, 5, 5, 4, 6, 6], [6, 6, 5, 4, 5, 6, 6, 6], 1),
    ),
    bank=_PRECISION_BANK,
    praise="Repeating a right word no longer pays.",
)


def _brevity(said: int, wanted: int) -> float:
    if said == 0:
        return 0.0
    return 1.0 if said >= wanted else math.exp(1 - wanted / said)


def _geometric(precisions: list[float]) -> float:
    if min(precisions) == 0:
        return 0.0
    return math.exp(sum(math.log(p) for p in precisions) / len(precisions))


def _pooled(pairs: list[tuple[Tokens, Tokens]], matches: Step) -> list[float]:
    """Clipped precision for n = 1 to 4, counted over all sentences together."""
    found = []
    for n in (1, 2, 3, 4):
        grams = [(_grams(a, n), _grams(b, n)) for a, b in pairs]
        said = sum(len(a) for a, _ in grams)
        found.append(sum(matches(a, b) for a, b in grams) / said if said else 0.0)
    return found


def _bleu_recipe(
    hypotheses: list[Tokens],
    references: list[Tokens],
    matches: Step = _clipped,
    precisions: Step = _pooled,
    mean: Step = _geometric,
    penalty: Step = _brevity,
    scale: float = 100.0,
) -> object:
    pairs = list(zip(hypotheses, references, strict=True))
    short = penalty(sum(map(len, hypotheses)), sum(map(len, references)))
    return float(scale * short * mean(precisions(pairs, matches)))


def _mean_of_sentences(hypotheses: list[Tokens], references: list[Tokens]) -> object:
    scores = [_bleu_recipe([a], [b]) for a, b in zip(hypotheses, references, strict=True)]
    return sum(float(str(score)) for score in scores) / len(scores)


def _ratio(said: int, wanted: int) -> float:
    return min(1.0, said / wanted)


_BLEU_BANK = (
    swapped(
        _bleu_recipe,
        "no brevity penalty",
        "Nothing is taken off for being short. Who says only the one word they are sure of has "
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
        penalty=lambda said, wanted: math.exp(1 - wanted / said) if said else 0.0,
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
        matches=_unclipped,
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
        ([[4, 5, 6, 7, 8, 8]], [[4, 5, 6, 7, 8]]),
        ([[4, 5, 6, 7, 5, 4], [9, 8]], [[4, 5, 6, 7, 9, 4], [9, 8]]),
        (
            [[4, 5, 6, 7, 8, 4, 5], [6, 7, 8, 9]],
            [[4, 5, 6, 7, 8, 9, 5, 6, 7], [6, 7, 8, 9, 4, 4]],
        ),
        ([[4, 5, 6, 7, 4, 5, 6, 7], [9]], [[4, 5, 6, 7, 9], [9, 6]]),
    ),
    bank=_BLEU_BANK,
    praise="To the last digit what sacrebleu would say.",
)
