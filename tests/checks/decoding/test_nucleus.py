import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.nucleus


def by_size(row):
    return sorted(range(len(row)), key=lambda i: -row[i])


def reaching(row, p, order=by_size):
    """Take one token after the other until they hold p."""
    mass, taken = 0.0, []
    for token in order(row):
        if mass >= p:
            break
        taken.append(token)
        mass += row[token]
    return taken


def within(row, p):
    """Stop before p is passed."""
    mass, taken = 0.0, []
    for token in by_size(row):
        mass += row[token]
        if mass > p:
            break
        taken.append(token)
    return taken


def row_by_row(choose, finish=lambda kept: kept / kept.sum()):
    """Choose tokens in every row; then make what they hold a distribution."""

    def answer(probabilities, p):
        rows = []
        for row in probabilities:
            kept = torch.zeros_like(row)
            for token in choose(row.tolist(), p):
                kept[token] = row[token]
            rows.append(finish(kept))
        return torch.stack(rows)

    return answer


WRITTEN = {
    "the crossing token dropped": row_by_row(within),
    "one token too many": row_by_row(lambda row, p: by_size(row)[: len(reaching(row, p)) + 1]),
    "not sorted": row_by_row(lambda row, p: reaching(row, p, order=lambda row: range(len(row)))),
    "smallest first": row_by_row(
        lambda row, p: reaching(row, p, order=lambda row: reversed(by_size(row)))
    ),
    "the order not undone": row_by_row(lambda row, p: range(len(reaching(row, p)))),
    "not renormalised": row_by_row(reaching, finish=lambda kept: kept),
    "softmax again": row_by_row(
        reaching, finish=lambda kept: (kept.exp() * (kept > 0)) / kept.exp()[kept > 0].sum()
    ),
    "a threshold for each token": row_by_row(
        lambda row, p: [i for i, x in enumerate(row) if x >= 1 - p]
    ),
    "min-p": row_by_row(lambda row, p: [i for i, x in enumerate(row) if x / max(row) >= p]),
    "shared out evenly": row_by_row(
        reaching, finish=lambda kept: (kept > 0) / torch.count_nonzero(kept)
    ),
}


def test_right_answers_in_other_words_pass():
    check(row_by_row(reaching)).require()


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


@pytest.mark.parametrize(
    ("keep", "name"),
    [
        (lambda x, p: x.cumsum(-1) <= p, "the crossing token dropped"),
        (lambda x, p: x >= p * x.amax(-1, keepdim=True), "min-p"),
        (lambda x, p: x.cumsum(-1) - x < p, None),
    ],
)
def test_natural_mistakes_are_named(keep, name):
    def answer(probabilities, p):
        ordered, order = probabilities.sort(-1, descending=True)
        kept = ordered * keep(ordered, p)
        return torch.zeros_like(kept).scatter(-1, order, kept / kept.sum(-1, keepdim=True))

    verdict = check(answer)
    assert verdict.mistake == name
    assert bool(verdict) is (name is None)
