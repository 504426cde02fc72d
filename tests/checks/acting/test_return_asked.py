import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.return_asked


def episodes(terminated, truncated, over=lambda a, b: a | b):
    """The steps of each episode, as lists of numbers."""
    found, steps = [], []
    for t, end in enumerate(over(terminated, truncated).tolist()):
        steps.append(t)
        if end:
            found, steps = [*found, steps], []
    return [*found, steps] if steps else found


def written(value, over=lambda a, b: a | b):
    """``value(asked, paid, k)``: asked of step k of an episode that paid ``paid``."""

    def answer(asked, rewards, terminated, truncated):
        out = []
        for steps in episodes(terminated, truncated, over):
            paid = [rewards[t].item() for t in steps]
            out += [value(asked, paid, k) for k in range(len(steps))]
        return torch.tensor(out)

    return answer


def right(asked, paid, k):
    return asked - sum(paid[:k])


def test_right_answers_in_other_words_pass():
    check(written(right)).require()

    def by_sums(asked, rewards, terminated, truncated):
        before = rewards.cumsum(0) - rewards
        begins = torch.cat([torch.tensor([True]), (terminated | truncated)[:-1]])
        start = torch.where(begins, torch.arange(len(rewards)), 0).cummax(0).values
        return asked - (before - before[start])

    check(by_sums).require()


def cut_at_zero(asked, paid, k):
    left = asked
    for reward in paid[:k]:
        left = left - reward if left > reward else 0.0
    return left


def running(asked, rewards, terminated, truncated, paid=lambda rewards, t: rewards[t]):
    """Go on through all episodes with one number in hand."""
    left, out = asked, []
    for t in range(len(rewards)):
        out.append(left)
        left = left - paid(rewards, t)
        if terminated[t] or truncated[t]:
            left = asked
    return torch.tensor(out)


def the_one_before(rewards, t):
    return rewards[t - 1] if t > 0 else 0.0


def the_one_after(rewards, t):
    return [*rewards, 0.0][t + 1]


def set_back_first(asked, rewards, terminated, truncated):
    left, out = asked, []
    for t in range(len(rewards)):
        out.append(left)
        if terminated[t] or truncated[t]:
            left = asked
        left = left - rewards[t]
    return torch.tensor(out)


def paid_at_once(asked, paid, k):
    return right(asked, paid, k + 1)


WRITTEN = {
    "never reduced": lambda asked, rewards, *ends: torch.full_like(rewards, asked),
    "reduced before it is paid": written(paid_at_once),
    "reduced a step late": lambda *given: running(*given, paid=the_one_before),
    "the reward of the next step": lambda *given: running(*given, paid=the_one_after),
    "added": written(lambda asked, paid, k: asked + sum(paid[:k])),
    "steps counted": written(lambda asked, paid, k: asked - k),
    "not below zero": written(cut_at_zero),
    "never asked anew": lambda asked, rewards, *ends: asked + rewards - rewards.cumsum(0),
    "truncated overlooked": written(right, lambda terminated, truncated: terminated),
    "terminated overlooked": written(right, lambda terminated, truncated: truncated),
    "both at once": written(right, lambda terminated, truncated: terminated * truncated),
    "set back too early": set_back_first,
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_two_mistakes_at_once_are_both_named():
    both = written(lambda asked, paid, k: asked - k, lambda terminated, truncated: terminated)
    earns(check, both, "steps counted + truncated overlooked")
