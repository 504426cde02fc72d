import math

import pytest
import torch
from torch.testing import assert_close

from tests.checks.written import earns
from txlite import checks
from txlite.models import WordByWord

check = checks.translation_round
PAIRS = [([0, 1, 0], [2, 0]), ([1, 3], [1, 1, 3]), ([2, 3, 1], [3, 2, 0]), ([2], [1, 2])]


def by_hand(pairs, table, *, stop=False, unseen=True):
    """The loop that everybody would write first."""
    counts = torch.zeros_like(table)
    for source, target in pairs:
        for word in target:
            chances = table[source, word]
            for partner, share in zip(source, chances / chances.sum(), strict=True):
                counts[partner, word] += share
        if stop:
            break
    sums = counts.sum(1, keepdim=True)
    return torch.where(sums > 0, counts / sums, table) if unseen else counts / sums


def log_likelihood(pairs, table):
    """Every word of the source is as likely as another to have meant a target word."""
    return sum(
        math.log(table[source, word].mean().item()) for source, target in pairs for word in target
    )


def test_one_round_on_two_words_counted_by_hand():
    table = torch.tensor([[0.5, 0.5], [0.25, 0.75]])
    # word 0 comes 2 : 1 from the two, word 1 comes 2 : 3; rows (2/3, 2/5) and (1/3, 3/5)
    wanted = torch.tensor([[5 / 8, 3 / 8], [5 / 14, 9 / 14]])
    assert_close(check.reference([([0, 1], [0, 1])], table), wanted)


def test_no_round_makes_the_pairs_less_likely():
    """What expectation and maximisation promises."""
    table = torch.rand(4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    table = table / table.sum(1, keepdim=True)
    likely = [log_likelihood(PAIRS, table)]
    for _ in range(20):
        table = check.reference(PAIRS, table)
        assert_close(table.sum(1), torch.ones(4, dtype=torch.float64))
        likely.append(log_likelihood(PAIRS, table))
    assert likely == sorted(likely)
    assert likely[-1] > likely[0] + 1


def test_with_an_empty_word_in_every_source_it_is_the_packages_dictionary():
    with_empty = [([*source, 4], target) for source, target in PAIRS]
    table = torch.full((5, 4), 1 / 4)
    for rounds in range(1, 5):
        table = check.reference(with_empty, table)
        assert_close(table, WordByWord(PAIRS, 4, 4, rounds=rounds).table)


def test_the_word_that_turned_up_alone_settles_the_other():
    """la maison — the house, la — the: nothing else is left for «maison» but “house”."""
    pairs = [([0, 1], [0, 1]), ([0], [0])]
    table = torch.full((2, 2), 0.5)
    for _ in range(30):
        table = check.reference(pairs, table)
    assert table[0, 0] > 0.99
    assert table[1, 1] > 0.95


def test_every_target_word_occurs_in_every_case_and_some_source_word_does_not():
    missing = set()
    for pairs, table in check.cases:
        assert {word for _, target in pairs for word in target} == set(range(table.shape[1]))
        missing |= set(range(len(table))) - {word for source, _ in pairs for word in source}
    assert missing


def test_no_case_has_two_best_partners():
    for pairs, table in check.cases:
        for source, target in pairs:
            for word in target:
                best = sorted({table[s, word].item() for s in source}, reverse=True)
                assert len(best) == len(set(source))


def test_every_case_changes_what_was_seen_and_nothing_is_divided_by_zero_unseen():
    for pairs, table in check.cases:
        seen = sorted({word for source, _ in pairs for word in source})
        new = check.reference(pairs, table)
        assert (new[seen] - table[seen]).abs().amax() > 0.05
    for mistake in check.bank:
        bad = any(mistake.wrong(*case).isnan().any() for case in check.cases)
        assert bad == (mistake.name == "zero divided by zero")


def test_right_answers_in_other_words_pass():
    def dictionaries(pairs, table):
        counts = {}
        for source, target in pairs:
            for t in target:
                total = sum(table[s, t].item() for s in source)
                for s in source:
                    row = counts.setdefault(s, [0.0] * table.shape[1])
                    row[t] += table[s, t].item() / total
        rows = [counts.get(s, row) for s, row in enumerate(table.tolist())]
        return torch.tensor([[x / sum(row) for x in row] for row in rows])

    def matrices(pairs, table):
        counts = torch.zeros_like(table)
        for source, target in pairs:
            s = torch.eye(table.shape[0]).to(table)[source]
            t = torch.eye(table.shape[1]).to(table)[target]
            chances = s @ table @ t.mT
            counts += s.mT @ (chances / chances.sum(0)) @ t
        met = counts.sum(1) > 0
        new = table.clone()
        new[met] = counts[met] / counts[met].sum(1, keepdim=True)
        return new

    check(by_hand).require()
    check(dictionaries).require()
    check(matrices).require()
    check(lambda pairs, table: by_hand(pairs, table.double())).require()


def counted(pairs, table, share, counts=None):
    """Add up what each word of a source gets of each word of its target."""
    counts = torch.zeros_like(table) if counts is None else counts
    for source, target in pairs:
        for s in source:
            for t in target:
                counts[s, t] += share(table, s, t, source, target)
    return counts


def among_the_source(table, s, t, source, target):
    return table[s, t] / sum(table[other, t] for other in source)


def rows(counts, table):
    """Divide each row by its sum, where there is something in it."""
    return torch.stack(
        [row / row.sum() if row.any() else old for row, old in zip(counts, table, strict=True)]
    )


def sharing(share):
    """The whole round with other shares."""
    return lambda pairs, table: rows(counted(pairs, table, share), table)


def to_the_best(table, s, t, source, target):
    likeliest = max(source, key=lambda word: table[word, t].item())
    return (s == likeliest) / source.count(s)


def begun_anew(pairs, table):
    for source, target in pairs:
        counts = counted([(source, target)], table, among_the_source)
    return rows(counts, table)


def cells(pairs, table, *, add):
    """Write into all cells of a pair at once."""
    counts = torch.zeros_like(table)
    for source, target in pairs:
        s, t = torch.tensor(source)[:, None], torch.tensor(target)
        shares = table[s, t] / table[s, t].sum(0)
        counts[s, t] = counts[s, t] + shares if add else shares
    return rows(counts, table)


def on_top(pairs, table):
    return rows(counted(pairs, table, among_the_source, table.clone()), table)


def columns_of_what_was_seen(pairs, table):
    counts = counted(pairs, table, among_the_source)
    new = table.clone()
    for s in {word for source, _ in pairs for word in source}:
        for t in range(table.shape[1]):
            new[s, t] = counts[s, t] / sum(counts[:, t])
    return new


def wiped_out(pairs, table):
    counts = counted(pairs, table, among_the_source)
    return torch.nn.functional.normalize(counts, p=1, dim=1)


def pair_by_pair(pairs, table):
    for pair in pairs:
        table = by_hand([pair], table)
    return table


WRITTEN = {
    "nothing shared out": sharing(lambda table, s, t, source, target: 1),
    "shared out equally": sharing(lambda table, s, t, source, target: 1 / len(source)),
    "all to the best": sharing(to_the_best),
    "probabilities, not shares": sharing(lambda table, s, t, source, target: table[s, t]),
    "shared among the target words": sharing(
        lambda table, s, t, source, target: table[s, t] / sum(table[s, w] for w in target)
    ),
    "one share for the whole pair": sharing(
        lambda table, s, t, source, target: (
            table[s, t] / sum(table[v, w] for v in source for w in target)
        )
    ),
    "softmax of the probabilities": sharing(
        lambda table, s, t, source, target: table[s, t].exp() / table[source, t].exp().sum()
    ),
    "the first pair only": lambda pairs, table: by_hand(pairs, table, stop=True),
    "the last pair only": begun_anew,
    "counts overwritten": lambda pairs, table: cells(pairs, table, add=False),
    "repeated words counted once": lambda pairs, table: cells(pairs, table, add=True),
    "repeated words read once": lambda pairs, table: by_hand(
        [([*{*source}], [*{*target}]) for source, target in pairs], table
    ),
    "counted on top of the old table": on_top,
    "the old table multiplied in again": lambda pairs, table: rows(
        counted(pairs, table, among_the_source) * table, table
    ),
    "columns sum to one": columns_of_what_was_seen,
    "the whole table sums to one": lambda pairs, table: (
        counted(pairs, table, among_the_source) / sum(len(target) for _, target in pairs)
    ),
    "counts, not probabilities": lambda pairs, table: counted(pairs, table, among_the_source),
    "unseen words wiped out": wiped_out,
    "zero divided by zero": lambda pairs, table: by_hand(pairs, table, unseen=False),
    "a new table after every pair": pair_by_pair,
}


def test_the_round_that_is_varied_is_right():
    check(sharing(among_the_source)).require()


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_two_mistakes_at_once_are_named():
    def indexed(pairs, table, *, axis=0, whole=False):
        counts = torch.zeros_like(table)
        for source, target in pairs:
            s, t = torch.tensor(source)[:, None], torch.tensor(target)
            shares = table[s, t] / table[s, t].sum(axis, keepdim=True)
            counts[s, t] = counts[s, t] + (torch.ones_like(shares) if whole else shares)
        return rows(counts, table)

    assert check(lambda p, t: indexed(p, t, axis=1)).mistake == (
        "shared among the target words + repeated words counted once"
    )
    assert check(lambda p, t: indexed(p, t, whole=True)).mistake == (
        "nothing shared out + repeated words counted once"
    )


def test_columns_without_a_thought_for_unseen_words_are_two_things():
    def columns(pairs, table):
        counts = torch.zeros_like(table)
        for source, target in pairs:
            for word in target:
                for partner in source:
                    counts[partner, word] += table[partner, word] / table[source, word].sum()
        return counts / counts.sum(0)

    assert check(columns).mistake == "columns sum to one + unseen words wiped out"


def test_the_smallest_input_is_shown_whole():
    lines = check(lambda pairs, table: table).message.splitlines()
    assert "    pairs   [([0, 1], [0, 1])]" in lines
    assert "    table   [[ 0.5,  0.5]," in lines


def test_an_empty_word_put_into_the_readers_list_is_noticed():
    def intruder(pairs, table):
        result = by_hand(pairs, table)
        for source, _ in pairs:
            source.append(0)
        return result

    assert check(intruder).mistake == "changes its input"
    check(by_hand).require()
