import math

import torch
from torch.testing import assert_close

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


def test_natural_mistakes_are_named():
    def indexed(pairs, table, *, axis=0, add=True, whole=False):
        counts = torch.zeros_like(table)
        for source, target in pairs:
            s, t = torch.tensor(source)[:, None], torch.tensor(target)
            shares = table[s, t] / table[s, t].sum(axis, keepdim=True)
            shares = torch.ones_like(shares) if whole else shares
            counts[s, t] = counts[s, t] + shares if add else shares
        sums = counts.sum(1, keepdim=True)
        return torch.where(sums > 0, counts / sums, table)

    assert check(indexed).mistake == "repeated words counted once"
    assert check(lambda p, t: indexed(p, t, add=False)).mistake == "counts overwritten"
    assert check(lambda p, t: indexed(p, t, axis=1)).mistake == (
        "shared among the target words + repeated words counted once"
    )
    assert check(lambda p, t: indexed(p, t, whole=True)).mistake == (
        "nothing shared out + repeated words counted once"
    )
    assert check(lambda p, t: by_hand(p, t, stop=True)).mistake == "the first pair only"
    assert check(lambda p, t: by_hand(p, t, unseen=False)).mistake == "zero divided by zero"


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
