import pytest
import torch
from torch.testing import assert_close

from tests.checks.written import earns
from txlite import checks

check = checks.ddp_gradients


def test_other_words_pass():
    check(lambda g, c: g / c.mean()).require()

    def loop(gradients, counts):
        share = len(counts) / sum(counts.tolist())
        return torch.stack([row * share for row in gradients])

    check(loop).require()


def test_the_average_of_a_right_answer_is_the_gradient_of_the_mean_over_tokens():
    losses, weight = torch.arange(1.0, 8.0), torch.tensor(2.0, requires_grad=True)
    (whole,) = torch.autograd.grad((weight * losses).mean(), weight)
    parts = torch.stack([losses[:2].sum(), losses[2:].sum()])[:, None]  # of sums, by process
    handed = check.reference(parts, torch.tensor([2.0, 5.0]))
    assert_close(handed.mean(), whole)


def row_by_row(factor):
    """Each process multiplies its row by what it makes of its own count and all counts."""

    def answer(gradients, counts):
        sizes = counts.tolist()
        return torch.stack(
            [g * factor(own, sizes) for g, own in zip(gradients, sizes, strict=True)]
        )

    return answer


WRITTEN = {
    "mean of the means": row_by_row(lambda own, sizes: 1 / own),
    "the averaging is forgotten": row_by_row(lambda own, sizes: 1 / sum(sizes)),
    "divides by the processes as well": row_by_row(lambda own, sizes: 1 / sum(sizes) / len(sizes)),
    "own tokens, times the processes": row_by_row(lambda own, sizes: len(sizes) / own),
    "nothing is divided": lambda g, c: g,
    "sum instead of mean": lambda g, c: g * len(c),
    "weighted by the own share": row_by_row(lambda own, sizes: own / sum(sizes) * len(sizes)),
    "the most tokens": row_by_row(lambda own, sizes: 1 / max(sizes)),
    "the first process's tokens": row_by_row(lambda own, sizes: 1 / sizes[0]),
    "every process hands in the sum": lambda g, c: torch.stack([sum(g) / sum(c)] * len(g)),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_a_share_without_the_processes_is_two_things():
    earns(
        check,
        row_by_row(lambda own, sizes: own / sum(sizes)),
        "the averaging is forgotten + weighted by the own share",
    )
