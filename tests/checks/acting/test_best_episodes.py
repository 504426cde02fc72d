import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.best_episodes


def written(choose, more=0):
    """``choose(returns, lengths, count)`` names the episodes that are learned from."""

    def answer(returns, lengths, share):
        count = int(share * len(returns) + 0.5) + more
        kept = choose(returns.tolist(), lengths.tolist(), count)
        steps = [i in kept for i, length in enumerate(lengths.tolist()) for _ in range(length)]
        return torch.tensor(steps)

    return answer


def top(numbers, count):
    return sorted(range(len(numbers)), key=lambda i: numbers[i], reverse=True)[:count]


def best(returns, lengths, count):
    return top(returns, count)


def test_right_answers_in_other_words_pass():
    check(written(best)).require()

    def by_a_threshold(returns, lengths, share):
        count = round(share * len(returns))
        return (returns >= returns.topk(count).values[-1]).repeat_interleave(lengths)

    check(by_a_threshold).require()


def of_the_steps(returns, lengths, share):
    total = int(lengths.sum())
    steps = [(-r, i, t) for i, r in enumerate(returns.tolist()) for t in range(int(lengths[i]))]
    kept = set(sorted(steps)[: int(share * total + 0.5)])
    return torch.tensor([step in kept for step in steps])


def above(line):
    def answer(returns, lengths, share):
        low = line(returns.min().item(), returns.max().item(), share)
        return torch.tensor(
            [r >= low for r, n in zip(returns, lengths, strict=True) for _ in range(n)]
        )

    return answer


def sorted_record(returns, lengths, share):
    order = sorted(range(len(returns)), key=lambda i: -returns[i])
    count = int(share * len(returns) + 0.5)
    steps = [rank < count for rank, i in enumerate(order) for _ in range(int(lengths[i]))]
    return torch.tensor(steps)


def names_as_ranks(returns, lengths, count):
    order = top(returns, len(returns))
    return [i for i in range(len(returns)) if order[i] < count]


WRITTEN = {
    "the worst": written(lambda returns, lengths, k: top([-r for r in returns], k)),
    "the longest": written(lambda returns, lengths, k: top(lengths, k)),
    "reward by step": written(
        lambda returns, lengths, k: top([r / n for r, n in zip(returns, lengths, strict=True)], k)
    ),
    "a share of the steps": of_the_steps,
    "episodes, not steps": lambda returns, lengths, share: (
        returns > returns.sort().values[-round(share * len(returns)) - 1]
    ),
    "near the best one": above(lambda low, high, share: high - share * high),
    "a share of the range": above(lambda low, high, share: high - share * (high - low)),
    "one too many": written(best, more=1),
    "the others": lambda *given: ~written(best)(*given),
    "the newest": written(lambda returns, lengths, k: range(len(returns) - k, len(returns))),
    "order taken for ranks": written(names_as_ranks),
    "steps of the sorted record": sorted_record,
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_the_share_of_each_case_is_whole_and_no_two_returns_are_alike():
    for returns, _, share in check.cases:
        assert share * len(returns) == pytest.approx(round(share * len(returns)))
        assert len(set(returns.tolist())) == len(returns)
