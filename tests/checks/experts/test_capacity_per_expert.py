import math

import pytest

from tests.checks.written import earns
from txlite import checks
from txlite.nn import expert_capacity

check = checks.capacity_per_expert


def written(
    tokens=lambda row, keep: sum(row), size=lambda n, e, c: n * c / (100 * e), whole=math.ceil
):
    def answer(keep, num_experts, percent):
        rows = keep.tolist()
        return [whole(size(tokens(row, rows), num_experts, percent)) for row in rows]

    return answer


def test_right_answers_in_other_words_pass():
    check(written()).require()
    check(lambda keep, n, c: -(-keep.long().sum(1) * c // (100 * n))).require()
    check(lambda keep, n, c: [expert_capacity(int(k.sum()), n, c / 100) for k in keep]).require()


WRITTEN = {
    "padding takes room": written(lambda row, keep: len(row)),
    "the mask inverted": written(lambda row, keep: row.count(False)),
    "of the whole batch": written(lambda row, keep: sum(map(sum, keep))),
    "as the longest sequence": written(lambda row, keep: max(map(sum, keep))),
    "for all experts together": written(size=lambda n, e, c: c * n / 100),
    "without the factor": written(size=lambda n, e, c: n / e),
    "divided by the factor": written(size=lambda n, e, c: n * 100 / (e * c)),
    "the factor as a float": written(size=lambda n, e, c: (c / 100) * n / e),
    "the factor after rounding": written(size=lambda n, e, c: c * math.ceil(n / e) / 100),
    "rounded down": written(whole=int),
    "rounded to the nearest": written(whole=round),
    "one more than whole": written(whole=lambda x: 1 + int(x)),
    "never less than one": written(whole=lambda x: max(1, math.ceil(x))),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)
