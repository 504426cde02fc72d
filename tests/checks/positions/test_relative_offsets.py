import pytest
import torch

from tests.checks.written import earns
from txlite import checks


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda t, s: torch.arange(s) - torch.arange(s - t, s)[:, None], "right"),
        (lambda t, s: torch.tensor([[j - i for j in range(s)] for i in range(s - t, s)]), "right"),
        (lambda t, s: torch.arange(s) - torch.arange(t)[:, None], "counted from the first key"),
        (lambda t, s: torch.arange(s - t, s)[:, None] - torch.arange(s), "sign reversed"),
    ],
)
def test_relative_offsets(answer, name):
    verdict = checks.relative_offsets(answer)
    assert (verdict.mistake or "right") == name
    assert bool(verdict) == (name == "right")


def table(t, s, offset, late=0):
    """Ask for the offset of every pair; the last query stands ``late`` behind the last key."""
    return torch.tensor([[offset(s - t + i + late, j) for j in range(s)] for i in range(t)])


def right(i, j):
    return j - i


WRITTEN = {
    "counted from the first key": lambda t, s: torch.arange(s) - torch.arange(t)[:, None],
    "shifted the wrong way": lambda t, s: table(t, s, right, late=2 * (t - s)),
    "one position late": lambda t, s: table(t, s, right, late=1),
    "one position early": lambda t, s: table(t, s, right, late=-1),
    "sign reversed": lambda t, s: table(t, s, lambda i, j: i - j),
    "sign lost": lambda t, s: table(t, s, lambda i, j: max(i - j, j - i)),
    "future cut off": lambda t, s: table(t, s, lambda i, j: 0 if j > i else j - i),
    "added": lambda t, s: table(t, s, lambda i, j: j - -i),
    "rows and columns swapped": lambda t, s: torch.tensor(
        [[j - i for i in range(s - t, s)] for j in range(s)]
    ),
    "square, of the keys": lambda t, s: table(s, s, right),
    "square, of the queries": lambda t, s: table(t, t, right),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(checks.relative_offsets, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(checks.relative_offsets.mistakes)
