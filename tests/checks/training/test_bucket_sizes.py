import random
from itertools import accumulate

import pytest

from tests.checks.written import earns
from txlite import checks

check = checks.bucket_sizes


def test_the_batches_hold_everything_and_are_as_full_as_they_can_be():
    dice = random.Random(5)
    for _ in range(50):
        lengths = [dice.randint(1, 9) for _ in range(dice.randint(1, 12))]
        sizes = check.reference(list(lengths), 12)
        assert sum(sizes) == len(lengths)
        rest = sorted(lengths)
        for size in sizes:
            batch, rest = rest[:size], rest[size:]
            assert size * batch[-1] <= 12 or size == 1
            if rest:
                assert (size + 1) * rest[0] > 12


def packed(lengths, budget):
    sizes, rows = [], 0
    for length in sorted(lengths):
        if rows and (rows + 1) * length > budget:
            sizes.append(rows)
            rows = 0
        rows += 1
    return [*sizes, rows]


def test_right_answers_in_other_words_pass():
    check(packed).require()


def in_batches(lengths, full):
    """Fill one batch after the other; ``full`` says whether a batch takes no more."""
    batches, batch = [], []
    for length in lengths:
        if batch and full(batch, length):
            batches.append(batch)
            batch = []
        batch.append(length)
    return [len(batch) for batch in [*batches, batch]]


def forgetful(lengths, budget):
    sizes, rows = [], 0
    for length in sorted(lengths):
        if rows and (rows + 1) * length > budget:
            sizes.append(rows)
            rows = 0
        rows += 1
    return sizes


def as_they_come(lengths, budget):
    return in_batches(lengths, lambda batch, new: (len(batch) + 1) * max(new, *batch) > budget)


def equal_rows(lengths, budget):
    rows, left, sizes = budget // max(lengths), len(lengths), []
    while left > 0:
        sizes.append(min(rows, left))
        left -= rows
    return sizes


WRITTEN = {
    "padding not counted": lambda lengths, budget: in_batches(
        sorted(lengths), lambda batch, new: sum(batch) + new > budget
    ),
    "not sorted": as_they_come,
    "longest first": lambda lengths, budget: in_batches(
        sorted(lengths)[::-1], lambda batch, new: (len(batch) + 1) * batch[0] > budget
    ),
    "one row too many": lambda lengths, budget: in_batches(
        sorted(lengths), lambda batch, new: len(batch) * batch[-1] > budget
    ),
    "a full batch refused": lambda lengths, budget: packed(lengths, budget - 1),
    "the shortest sets the width": lambda lengths, budget: in_batches(
        sorted(lengths), lambda batch, new: (len(batch) + 1) * batch[0] > budget
    ),
    "last batch lost": forgetful,
    "the budget counts rows": lambda lengths, budget: [
        len(lengths[i : i + budget]) for i in range(0, len(lengths), budget)
    ],
    "cumulative sizes": lambda lengths, budget: list(accumulate(packed(lengths, budget))),
    "the same number of rows everywhere": equal_rows,
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)
