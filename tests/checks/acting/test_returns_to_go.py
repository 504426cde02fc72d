import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.returns_to_go


def each(rewards, lengths, value):
    """A table whose numbers are ``value(row, length, step)`` before the end, and 0 behind it."""
    out = torch.zeros(rewards.shape)
    for i, (row, length) in enumerate(zip(rewards.tolist(), lengths.tolist(), strict=True)):
        for t in range(length):
            out[i, t] = value(row, length, t)
    return out


def written(value):
    return lambda rewards, lengths: each(rewards, lengths, value)


def test_right_answers_in_other_words_pass():
    check(written(lambda row, n, t: sum(row[t:n]))).require()

    def backwards(rewards, lengths):
        out = torch.zeros_like(rewards)
        left = torch.zeros(len(rewards))
        for t in reversed(range(rewards.shape[1])):
            left = torch.where(t < lengths, left + rewards[:, t], 0.0)
            out[:, t] = left
        return out

    check(backwards).require()


def other_end(rewards, lengths):
    """Masked, summed from the last column on, and left so."""
    table = written(lambda row, n, t: row[t])(rewards, lengths)
    steps = [table[:, -1 - t] for t in range(table.shape[1])]
    found = torch.stack([sum(steps[: t + 1]) for t in range(len(steps))], 1)
    return written(lambda row, n, t: row[t])(found, lengths)


def on_and_on(rewards, lengths):
    flat = written(lambda row, n, t: row[t])(rewards, lengths).flatten()
    sums = torch.stack([flat[i:].sum() for i in range(len(flat))]).view(rewards.shape)
    return written(lambda row, n, t: row[t])(sums, lengths)


def everything(rewards, lengths):
    return written(lambda row, n, t: sum(row[t:]))(
        rewards, torch.full_like(lengths, 99).clamp(max=rewards.shape[1])
    )


WRITTEN = {
    "from the start": written(lambda row, n, t: sum(row[: t + 1])),
    "without the step's own reward": written(lambda row, n, t: sum(row[t + 1 : n])),
    "one step too early": written(lambda row, n, t: sum(row[max(0, t - 1) : n])),
    "the return everywhere": written(lambda row, n, t: sum(row[:n])),
    "discounted": written(lambda row, n, t: sum(0.99**k * r for k, r in enumerate(row[t:n]))),
    "rewards, not summed": written(lambda row, n, t: row[t]),
    "not turned back": other_end,
    "through the batch": on_and_on,
    "padding summed and shown": everything,
    "padding summed": written(lambda row, n, t: sum(row[t:])),
    "without the last reward": written(lambda row, n, t: sum(row[t : n - 1])),
    "the mean of what is left": written(lambda row, n, t: sum(row[t:n]) / (n - t)),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_two_mistakes_at_once_are_both_named():
    def both(rewards, lengths):
        return rewards.cumsum(1)

    earns(check, both, "from the start + padding summed and shown")


def test_the_case_of_a_bug_report():
    """d3rlpy, issues 401 and 18: the last reward of 1, 2, 3, 4, 5 was lost in training."""
    rewards, lengths = torch.tensor([[1.0, 2, 3, 4, 5]]), torch.tensor([5])
    assert check.reference(rewards, lengths).tolist() == [[15, 14, 12, 9, 5]]
