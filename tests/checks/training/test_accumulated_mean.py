import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.accumulated_mean


def test_other_words_pass():
    check(lambda x, keep: x[keep].mean()).require()

    def loop(losses, keep):
        total = count = 0
        for row, real in zip(losses, keep, strict=True):
            total, count = total + row[real].sum(), count + real.sum()
        return total / count

    check(loop).require()


def means(losses, keep):
    """The mean of every piece by itself."""
    return torch.stack([row[real].mean() for row, real in zip(losses, keep, strict=True)])


def of_pieces_with_tokens(losses, keep):
    found = [row[real].mean() for row, real in zip(losses, keep, strict=True) if real.any()]
    return sum(found) / len(found)


WRITTEN = {
    "mean of the means": lambda x, keep: means(x, keep).mean(),
    "mean of the means that are there": of_pieces_with_tokens,
    "divides by all positions": lambda x, keep: x[keep].sum() / x.numel(),
    "padding counted in the sum": lambda x, keep: x.sum() / len(x[keep]),
    "only the padding": lambda x, keep: x[~keep].mean(),
    "sum instead of mean": lambda x, keep: x[keep].sum(),
    "divides by the number of pieces": lambda x, keep: x[keep].sum() / x.shape[0],
    "divides twice": lambda x, keep: x[keep].mean() / x.shape[0],
    "sum of the means": lambda x, keep: sum(means(x, keep)),
    "only the last piece": lambda x, keep: means(x, keep)[-1],
    "only the first piece": lambda x, keep: means(x, keep)[0],
    "divides by the first piece's tokens": lambda x, keep: x[keep].sum() / len(x[0][keep[0]]),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)
