import pytest
import torch

from tests.checks.written import earns
from txlite import checks


def looped(keep):
    rows = []
    for sentence in keep.tolist():
        count, row = 0, []
        for real in sentence:
            count += real
            row.append(max(count - 1, 0))
        rows.append(row)
    return torch.tensor(rows)


@pytest.mark.parametrize(
    "answer",
    [
        lambda keep: (keep.cumsum(-1) - 1).clamp(min=0),
        lambda keep: torch.relu(keep.float().cumsum(1) - 1),
        looped,
    ],
    ids=["cumsum", "floats", "loops"],
)
def test_right_answers_in_other_words_pass(answer):
    checks.positions_from_keep(answer).require()


def written(rule):
    """Ask a rule for the position of every token, by its row of marks and its place there."""
    return lambda keep: torch.tensor(
        [[rule(row, t) for t in range(len(row))] for row in keep.tolist()]
    )


def clamped(rule):
    return written(lambda row, t: max(0, rule(row, t)))


def down_the_batch(keep):
    columns = [[max(0, sum(c[: b + 1]) - 1) for b in range(len(c))] for c in keep.T.tolist()]
    return torch.tensor(columns).T


WRITTEN = {
    "padding counted": written(lambda row, t: t),
    "from one": written(lambda row, t: sum(row[: t + 1])),
    "below zero": written(lambda row, t: sum(row[: t + 1]) - 1),
    "padding set to zero": written(lambda row, t: sum(row[:t]) if row[t] else 0),
    "counts the words before": written(lambda row, t: sum(row[:t])),
    "counts down the batch": down_the_batch,
    "all sentences alike": lambda keep: torch.stack([looped(keep)[0]] * len(keep)),
    "from the end": clamped(lambda row, t: sum(row[t:]) - 1),
    "padding taken to be on the left": clamped(lambda row, t: t - row.count(False)),
    "padding taken to be on the right": clamped(lambda row, t: min(t, row.count(True) - 1)),
    "the padding is counted, not the words": clamped(lambda row, t: row[: t + 1].count(False) - 1),
    "not summed": written(lambda row, t: 1 if row[t] else 0),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(checks.positions_from_keep, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(checks.positions_from_keep.mistakes)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda k: torch.arange(k.shape[1]).to(k.device).expand(k.shape), "padding counted"),
        (lambda k: k.cumsum(-1), "from one"),
        (lambda k: k.cumsum(-1) - 1, "below zero"),
        (lambda k: (k.cumsum(-1) - 1).masked_fill(~k, 0), "padding set to zero"),
        (lambda k: (k.cumsum(-1) - 1).masked_fill(~k, 1), None),  # another library's habit
        (lambda k: k.cumsum(0) - 1, "below zero + counts down the batch"),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    earns(checks.positions_from_keep, answer, name)
