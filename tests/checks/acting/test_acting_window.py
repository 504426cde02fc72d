from functools import partial

import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.acting_window


def window(returns, states, now, size, first=None, last=None, time=None, blank=None, order=1):
    """Row by row: position i of the window holds step ``now - size + 1 + i``, if there is one."""
    last = now if last is None else last
    rows = []
    for step in range(last - size + 1 if first is None else first, last + 1):
        i = len(rows)
        if step < 0:
            empty = torch.zeros(3 + states.shape[1])
            rows.append(empty if blank is None else blank(empty, returns, states, step, i))
        else:
            at = step if time is None else time(step, i, last, size)
            rows.append(torch.tensor([1.0, at, returns[step], *states[step]]))
    return torch.stack(rows[::order])


def written(**how):
    return partial(window, **how)


def test_right_answers_in_other_words_pass():
    check(window).require()

    def filled_first(returns, states, now, size):
        front = torch.zeros(size, 3 + states.shape[1])
        steps = torch.arange(len(returns))
        rows = torch.cat([torch.stack([torch.ones(len(steps)), steps, returns], 1), states], 1)
        return torch.cat([front, rows[: now + 1]])[-size:]

    check(filled_first).require()


def real_of(returns, states, now, size):
    return window(returns, states, now, min(size, now + 1))


def to_the_right(returns, states, now, size):
    out = torch.zeros(size, 3 + states.shape[1])
    real = real_of(returns, states, now, size)
    out[: len(real)] = real
    return out


def told(empty, **columns):
    out = empty.clone()
    for name, value in columns.items():
        out[{"keep": 0, "time": 1, "returned": 2}[name]] = value
    return out


def inverted(*given):
    rows = window(*given)
    return torch.cat([(rows[:, :1] == 0).float(), rows[:, 1:]], 1)


def beginning(returns, states, now, size):
    return window(returns, states, min(now, size - 1), size)


def one_less(returns, states, now, size):
    blank = torch.zeros(1, 3 + states.shape[1])
    return torch.cat([blank, window(returns, states, now, size - 1)]) if size > 1 else blank


def one_before(returns, states, now, size):
    return window(returns, states, now - 1, size)


def entire(returns, states, now, size):
    return window(returns, states, now, max(size, now + 1))


def backwards(returns, states, now, size):
    real = real_of(returns, states, now, size)
    rows = window(returns, states, now, size)
    return torch.cat([rows[: size - len(real)], real.flip(0)])


def first_again(empty, returns, states, step, i):
    return torch.tensor([0.0, 0.0, returns[0], *states[0]])


def missing(now, size):
    return max(0, size - now - 1)


WRITTEN = {
    "padding on the right": to_the_right,
    "timesteps restarted": written(time=lambda step, i, now, size: i - missing(now, size)),
    "timesteps counted with the padding": written(
        time=lambda step, i, now, size: i,
        blank=lambda empty, returns, states, step, i: told(empty, time=i),
    ),
    "the mask inverted": inverted,
    "padding not marked": written(blank=lambda empty, *more: told(empty, keep=1)),
    "the return in the padding": written(
        blank=lambda empty, returns, *more: told(empty, returned=returns[0])
    ),
    "the first step repeated": written(blank=first_again),
    "timesteps below zero": written(
        blank=lambda empty, returns, states, step, i: told(empty, time=step)
    ),
    "without the present step": one_before,
    "the first steps": beginning,
    "one step too few": one_less,
    "the whole episode": entire,
    "the newest first": backwards,
    "not filled up": real_of,
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)
