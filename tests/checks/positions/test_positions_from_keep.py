import pytest
import torch

from tests.checks.written import earns
from txlite import checks


def looped(keep, num_queries):
    rows = []
    for sentence in keep.tolist():
        count, row = 0, []
        for real in sentence:
            count += real
            row.append(max(count - 1, 0))
        rows.append(row[-num_queries:])
    return torch.tensor(rows)


@pytest.mark.parametrize(
    "answer",
    [
        lambda keep, n: (keep.cumsum(-1)[:, -n:] - 1).clamp(min=0),
        lambda keep, n: torch.relu(keep.float().cumsum(1) - 1)[:, -n:],
        looped,
    ],
    ids=["cumsum", "floats", "loops"],
)
def test_right_answers_in_other_words_pass(answer):
    checks.positions_from_keep(answer).require()


def written(rule):
    """Ask a rule for the position of every new token, by its row of marks and its place there."""
    return lambda keep, n: torch.tensor(
        [[rule(row, t) for t in range(len(row) - n, len(row))] for row in keep.tolist()]
    )


def clamped(rule):
    return written(lambda row, t: max(0, rule(row, t)))


def down_the_batch(keep, n):
    columns = [[max(0, sum(c[: b + 1]) - 1) for b in range(len(c))] for c in keep.T.tolist()]
    return torch.tensor(columns[-n:]).T


def after_the_prompt(keep, n):
    length = keep.shape[1]
    return (
        looped(keep, n) if n == length else torch.tensor([[*range(length - n, length)]] * len(keep))
    )


WRITTEN = {
    "padding counted": written(lambda row, t: t),
    "padding counted once there is a cache": after_the_prompt,
    "counted anew": lambda keep, n: looped(keep[:, -n:], n),
    "the cache is counted too": lambda keep, n: looped(keep, keep.shape[1]),
    "the oldest tokens": lambda keep, n: looped(keep[:, :n], n),
    "from one": written(lambda row, t: sum(row[: t + 1])),
    "below zero": written(lambda row, t: sum(row[: t + 1]) - 1),
    "padding set to zero": written(lambda row, t: sum(row[:t]) if row[t] else 0),
    "counts the words before": written(lambda row, t: sum(row[:t])),
    "counts down the batch": down_the_batch,
    "all sentences alike": lambda keep, n: torch.stack([looped(keep, n)[0]] * len(keep)),
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
        (lambda k, n: torch.arange(k.shape[1])[-n:].expand(len(k), n), "padding counted"),
        (lambda k, n: k.cumsum(-1)[:, -n:], "from one"),
        (lambda k, n: k.cumsum(-1)[:, -n:] - 1, "below zero"),
        (lambda k, n: (k.cumsum(-1) - 1).masked_fill(~k, 0)[:, -n:], "padding set to zero"),
        # another library's habit
        (lambda k, n: (k.cumsum(-1) - 1).masked_fill(~k, 1)[:, -n:], None),
        (lambda k, n: k.cumsum(0)[:, -n:] - 1, "below zero + counts down the batch"),
        (lambda k, n: k.cumsum(-1) - 1, "the cache is counted too + below zero"),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    earns(checks.positions_from_keep, answer, name)
