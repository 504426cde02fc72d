"""Exercise: one round of expectation and maximisation of the IBM's model 1.

There is no empty word here. Whoever wants one puts it into every source, as a word like the others:
that is what :class:`txlite.models.WordByWord` does.

Sources
    Brown, Della Pietra, Della Pietra and Mercer (1993), "The Mathematics of Statistical Machine
    Translation", section 4: model 1.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, normal, swapped

__all__ = ["translation_round"]

Pairs = list[tuple[list[int], list[int]]]


def _in_proportion(chances: Tensor) -> Tensor:
    return chances / chances.sum(0)


def _added(counts: Tensor, source: Tensor, target: Tensor, shares: Tensor) -> Tensor:
    return counts.index_put((source[:, None], target), shares, accumulate=True)


def _each_row(counts: Tensor, table: Tensor) -> Tensor:
    return counts / counts.sum(1, keepdim=True)


def _counted(pairs: Pairs, table: Tensor, share: Step, add: Step, start: Step) -> Tensor:
    """Return the expected counts: how often each source word meant each target word."""
    counts: Tensor = start(table)
    for pair in pairs:
        source, target = (torch.tensor(words, device=table.device) for words in pair)
        counts = add(counts, source, target, share(table[source][:, target]))
    return counts


def _round_recipe(
    pairs: Pairs,
    table: Tensor,
    read: Step = lambda pairs: pairs,
    share: Step = _in_proportion,
    add: Step = _added,
    start: Step = torch.zeros_like,
    normalise: Step = _each_row,
    unseen: Step = lambda table: table,
) -> Tensor:
    counts = _counted(read(pairs), table, share, add, start)
    seen = counts.sum(1, keepdim=True) > 0
    return torch.where(seen, normalise(counts, table), unseen(table))


def _all_to_the_best(chances: Tensor) -> Tensor:
    return torch.zeros_like(chances).scatter(0, chances.argmax(0, keepdim=True), 1.0)


def _overwritten(counts: Tensor, source: Tensor, target: Tensor, shares: Tensor) -> Tensor:
    return counts.index_put((source[:, None], target), shares)


def _once(counts: Tensor, source: Tensor, target: Tensor, shares: Tensor) -> Tensor:
    return counts + _overwritten(torch.zeros_like(counts), source, target, shares)


def _different_words(pairs: Pairs) -> Pairs:
    return [(sorted(set(source)), sorted(set(target))) for source, target in pairs]


def _pair_by_pair(pairs: Pairs, table: Tensor) -> object:
    for pair in pairs:
        table = _round_recipe([pair], table)
    return table


def _drawn_pairs() -> Pairs:
    """Return eight pairs whose targets hold all of four words; no source holds word 4."""
    draw = torch.Generator().manual_seed(13)

    def words(vocabulary: list[int], length: int) -> list[int]:
        return [
            vocabulary[i]
            for i in torch.randint(len(vocabulary), (length,), generator=draw, device="cpu")
        ]

    return [
        (words([0, 1, 2, 3, 5, 6], 2 + i % 5), [*words([0, 1, 2, 3], i % 3), 2, 0, 3, 1])
        for i in range(8)
    ]


_BANK = (
    swapped(
        _round_recipe,
        "nothing shared out",
        "Every target word counts whole for every word of the source. It stands there once: the "
        "words of the source share it, and their shares sum to one.",
        share=torch.ones_like,
    ),
    swapped(
        _round_recipe,
        "shared out equally",
        "Every word of the source gets the same share. Then the table plays no part, and "
        "each round finds what the first one found: share in proportion to its entries.",
        share=lambda chances: torch.full_like(chances, 1 / len(chances)),
    ),
    swapped(
        _round_recipe,
        "all to the best",
        "The whole word goes to its likeliest partner. Expectation keeps the doubt: lesser "
        "partners get their share, and may be right in the end.",
        share=_all_to_the_best,
    ),
    swapped(
        _round_recipe,
        "probabilities, not shares",
        "The table's entries are added up as they are. Divide them by their sum over the words "
        "of the source first: every target word is shared out whole, no more and no less.",
        share=lambda chances: chances,
    ),
    swapped(
        _round_recipe,
        "shared among the target words",
        "The shares sum to one over the words of the target. It is the other way round: for each "
        "target word, the shares of the words of the source sum to one.",
        share=lambda chances: chances / chances.sum(1, keepdim=True),
    ),
    swapped(
        _round_recipe,
        "one share for the whole pair",
        "All shares of a pair together sum to one, so that a word in a long sentence counts for "
        "less. Each target word by itself is shared out whole.",
        share=lambda chances: chances / chances.sum(),
    ),
    swapped(
        _round_recipe,
        "softmax of the probabilities",
        "There is a softmax over the words of the source. These are probabilities already, not "
        "scores: divide by their sum.",
        share=lambda chances: chances.softmax(0),
    ),
    swapped(
        _round_recipe,
        "the first pair only",
        "Only the first pair is counted: the function returns within the loop. All pairs are "
        "counted.",
        read=lambda pairs: pairs[:1],
    ),
    swapped(
        _round_recipe,
        "the last pair only",
        "Only the last pair is counted: the counts begin anew in every pair. Set them to zero "
        "once, before the loop.",
        read=lambda pairs: pairs[-1:],
    ),
    swapped(
        _round_recipe,
        "counts overwritten",
        "A share replaces what was counted in the same cell before. Add it: += and, with whole "
        "lists of cells, index_put_ with accumulate=True.",
        add=_overwritten,
    ),
    swapped(
        _round_recipe,
        "repeated words counted once",
        "Where a word stands twice in a sentence, only one of its shares is counted. "
        "counts[rows, columns] += shares adds once to each cell; index_put_ with "
        "accumulate=True adds them all.",
        add=_once,
    ),
    swapped(
        _round_recipe,
        "repeated words read once",
        "A word that stands twice in a sentence is read once. Both take part: go through the "
        "list, not through a set or dictionary of its words.",
        read=_different_words,
    ),
    swapped(
        _round_recipe,
        "counted on top of the old table",
        "The counts begin at the old table instead of zero. It is in the shares already.",
        start=torch.clone,
    ),
    swapped(
        _round_recipe,
        "the old table multiplied in again",
        "The counts are multiplied by the old table. It is in the shares already: the counts "
        "alone, divided by their sums, are the new table.",
        normalise=lambda counts, table: _each_row(counts * table, table),
    ),
    swapped(
        _round_recipe,
        "columns sum to one",
        "The columns sum to one. A row belongs to a source word and holds the probabilities of "
        "all that it may become: divide each row by its sum.",
        normalise=lambda counts, table: counts / counts.sum(0),
    ),
    swapped(
        _round_recipe,
        "the whole table sums to one",
        "The counts are divided by the sum of all counts. Each source word has probabilities of "
        "its own: divide each row by its sum.",
        normalise=lambda counts, table: counts / counts.sum(),
        unseen=torch.zeros_like,
    ),
    swapped(
        _round_recipe,
        "counts, not probabilities",
        "These are the expected counts. That was expectation; for maximisation divide each row by "
        "its sum.",
        normalise=lambda counts, table: counts,
        unseen=torch.zeros_like,
    ),
    swapped(
        _round_recipe,
        "unseen words wiped out",
        "The row of a word that no source holds is zero now. Nothing was learned about it: its "
        "row stays as it was.",
        unseen=torch.zeros_like,
    ),
    swapped(
        _round_recipe,
        "zero divided by zero",
        "The row of a word that no source holds is 0/0, which is NaN. Nothing was learned about "
        "it: its row stays as it was.",
        unseen=lambda table: torch.full_like(table, torch.nan),
    ),
    Mistake(
        "a new table after every pair",
        "The table changes after each pair, so that the last pairs count for most. In one "
        "round all pairs are shared out by the same, old table; the new one is made at the end.",
        _pair_by_pair,
    ),
)

translation_round = Exercise(
    name="translation_round",
    signature="f(pairs: list[tuple[list[int], list[int]]], table: (V_source, V_target)) "
    "-> (V_source, V_target)",
    task="One round of expectation and maximisation. table[s, t] is the probability that source "
    "word s becomes target word t. In every pair (source, target), share each target word out "
    "among the words of the source, in proportion to their entries in the table; add the shares up "
    "over all pairs, and divide each row of them by its sum. The row of a word that no source "
    "holds stays as it was.",
    inputs=("pairs", "table"),
    reference=_round_recipe,
    cases=(
        ([([0, 1], [0, 1])], torch.tensor([[0.5, 0.5], [0.25, 0.75]])),
        ([([0, 1], [0, 1]), ([0], [0])], torch.tensor([[0.5, 0.5], [0.2, 0.8]])),
        ([([0, 0, 1], [0, 1, 1])], torch.tensor([[0.5, 0.5], [0.2, 0.8]])),
        ([([0, 2], [1, 0])], torch.tensor([[0.5, 0.5], [0.75, 0.25], [0.2, 0.8]])),
        (
            [([0, 1], [0, 1, 2]), ([1, 3], [2, 0]), ([3, 0, 0], [1])],
            normal(5, 4, 3).softmax(-1),
        ),
        (_drawn_pairs(), normal(6, 7, 4).softmax(-1)),
    ),
    bank=_BANK,
    praise="Round after round, beginning with all words alike, it becomes a dictionary.",
)
