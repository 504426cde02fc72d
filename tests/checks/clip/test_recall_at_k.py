import math
from functools import partial
from itertools import permutations

import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.training import recall_at

check = checks.recall_at_k


def share(alike, right, left):
    """How likely one of ``right`` is among the first ``left`` of ``alike``: counted in sets."""
    return 1 - math.comb(alike - right, left) / math.comb(alike, left)


def query(scores, right, k, of_ties=share):
    if not any(right):
        return 0.0
    best = max(s for s, r in zip(scores, right, strict=True) if r)
    above = sum(s > best for s in scores)
    alike = sum(s == best for s in scores)
    among = sum(s == best and r for s, r in zip(scores, right, strict=True))
    left = min(k - above, alike)
    return of_ties(alike, among, left) if left > 0 else 0.0


def queries(scores, right, k, one=query):
    return [one(s, r, k) for s, r in zip(scores.tolist(), right.tolist(), strict=True)]


def recall(scores, right, k, **how):
    found = queries(scores, right, k, **how)
    return sum(found) / len(found)


def test_right_answers_in_other_words_pass():
    check(recall).require()

    def by_orders(scores, right, k):
        """Every order of the table, each sorted by score; as slow as it is plain."""
        hits = []
        for row, marks in zip(scores.tolist(), right.tolist(), strict=True):
            orders = list(permutations(range(len(row))))
            ranked = [sorted(order, key=lambda i: -row[i])[:k] for order in orders]
            hits.append(sum(any(marks[i] for i in first) for first in ranked) / len(orders))
        return sum(hits) / len(hits)

    check(by_orders).require()


def first_one(row, marks, k):
    seen = marks.index(True)
    return query(row, [i == seen for i in range(len(row))], k)


def stable(row, marks, k):
    order = sorted(range(len(row)), key=lambda i: -row[i])
    return float(any(marks[i] for i in order[:k]))


def expected(row, marks, k):
    """How many right ones are among the first k, on average over orders of ties."""
    total = 0.0
    for i in range(len(row)):
        above, alike = sum(s > row[i] for s in row), row.count(row[i])
        total += marks[i] * min(1.0, max(0.0, (k - above) / alike))
    return total


def rank(row, marks, k):
    best = max(s for s, r in zip(row, marks, strict=True) if r)
    return 1 / (1 + len([s for s in row if s > best]))


WRITTEN = {
    "ties counted as hits": partial(recall, one=partial(query, of_ties=lambda *x: 1.0)),
    "ties counted as misses": partial(
        recall, one=partial(query, of_ties=lambda n, right, left: float(n - right < left))
    ),
    "ties by position": partial(recall, one=stable),
    "one right candidate only": partial(recall, one=first_one),
    "the share of the right ones": partial(
        recall, one=lambda row, marks, k: expected(row, marks, k) / sum(marks)
    ),
    "the share of the first k": partial(
        recall, one=lambda row, marks, k: expected(row, marks, k) / k
    ),
    "one too few": lambda s, r, k: recall(s, r, k - 1),
    "one too many": lambda s, r, k: recall(s, r, k + 1),
    "just at rank k": lambda s, r, k: recall(s, r, k) - recall(s, r, k - 1),
    "R@1, whatever k is": lambda s, r, k: recall(s, r, 1),
    "the lowest first": lambda s, r, k: recall(1 - s, r, k),
    "the other direction": lambda s, r, k: recall(s.mT, r.mT, k),
    "the reciprocal rank": partial(recall, one=rank),
    "counted, not shared": lambda s, r, k: sum(queries(s, r, k)),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_a_model_that_knows_nothing_has_what_chance_has(k):
    """All scores alike, two of seven right: one minus the share of draws without either."""
    right = torch.tensor([[True, False, False, True, False, False, False]])
    found = check.reference(torch.zeros(1, 7), right, k).item()
    assert found == pytest.approx(1 - math.comb(5, k) / math.comb(7, k))


def test_the_order_of_the_table_decides_nothing():
    scores, right, k = check.cases[1]
    torch.manual_seed(0)
    order = torch.randperm(scores.shape[1])
    moved = check.reference(scores[:, order], right[:, order], k)
    assert moved.item() == pytest.approx(check.reference(scores, right, k).item())
    mirrored = recall(scores.flip(1), right.flip(1), k, one=stable)
    assert mirrored != recall(scores, right, k, one=stable)


@pytest.mark.parametrize("case", check.cases, ids=lambda case: str(tuple(case[0].shape)))
def test_it_is_what_the_package_counts(case):
    assert check.reference(*case).item() == pytest.approx(recall_at(*case).mean().item())
