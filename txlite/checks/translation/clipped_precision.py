"""Exercise: which share of what was said is right.

Sources
    Papineni, Roukos, Ward and Zhu (2002), "BLEU: a Method for Automatic Evaluation of Machine
    Translation", section 2.1.
"""

from txlite.checks.framework import Exercise, Step, swapped
from txlite.checks.translation._ngrams import Grams, Tokens, clipped, ngrams, unclipped

__all__ = ["clipped_precision"]


def _of_hypothesis(matches: float | int, hypothesis: Grams, reference: Grams) -> float:
    return matches / len(hypothesis) if hypothesis else 0.0


def _of_reference(matches: float | int, hypothesis: Grams, reference: Grams) -> float:
    return matches / len(reference)


def _precision_recipe(
    hypothesis: Tokens,
    reference: Tokens,
    n: int,
    grams: Step = ngrams,
    matches: Step = clipped,
    share: Step = _of_hypothesis,
) -> object:
    ours, theirs = grams(hypothesis, n), grams(reference, n)
    return float(share(matches(ours, theirs), ours, theirs))


_BANK = (
    swapped(
        _precision_recipe,
        "not clipped",
        "A word counts as often as it is said, however rarely the reference says it. So “the the "
        "the” is perfect. Each n-gram may match at most as often as the reference holds it.",
        matches=unclipped,
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
        grams=lambda tokens, n: ngrams(tokens, 1),
    ),
    swapped(
        _precision_recipe,
        "one n-gram missing",
        "The last n-gram is left out. A sentence of L words holds L − n + 1 of them.",
        grams=lambda tokens, n: ngrams(tokens, n)[:-1],
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
        grams=lambda tokens, n: list(dict.fromkeys(ngrams(tokens, n))),
    ),
    swapped(
        _precision_recipe,
        "position by position",
        "An n-gram matches only at the same position as in the reference. In BLEU it may stand "
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
        share=lambda *counts: 100 * _of_hypothesis(*counts),
    ),
    swapped(
        _precision_recipe,
        "order within the n-gram forgotten",
        "The words of an n-gram are compared in any order. “eats me” is not “me eats”.",
        grams=lambda tokens, n: [tuple(sorted(gram)) for gram in ngrams(tokens, n)],
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
    bank=_BANK,
    praise="Repeating a right word no longer pays.",
)
