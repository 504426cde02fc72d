import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.recall_accuracy


def test_the_reference_on_a_case_counted_by_hand():
    logits = torch.tensor([[[0.0, 1], [1, 0], [1, 0]], [[0, 1], [0, 1], [1, 0]]])
    targets = torch.tensor([[1, 1, 0], [0, 1, 0]])  # right: yes no yes, no yes yes
    asked = torch.tensor([[True, True, True], [False, False, True]])
    assert float(check.reference(logits, targets, asked)) == 0.75  # 3 of the 4 asked


def test_right_answers_in_other_words_pass():
    def loop(logits, targets, asked):
        right = total = 0
        for b in range(len(asked)):
            for t in range(asked.shape[1]):
                if asked[b, t]:
                    total += 1
                    right += int(int(logits[b, t].argmax()) == int(targets[b, t]))
        return right / total

    check(loop).require()
    check(lambda x, y, a: (x.argmax(-1)[a] == y[a]).float().mean()).require()
    check(lambda x, y, a: (x.argmax(-1)[a] == y[a]).float().mean().item()).require()
    check(lambda x, y, a: (x.max(-1).indices[a] == y[a]).sum() / len(y[a])).require()


def counted(logits, targets, asked):
    """Return, for each sequence, the pairs (is it right, was it asked) of its positions."""
    return [
        [(max(range(len(x)), key=x.__getitem__) == y, a) for x, y, a in zip(*sequence, strict=True)]
        for sequence in zip(logits.tolist(), targets.tolist(), asked.tolist(), strict=True)
    ]


def share(pairs):
    """Of pairs (does it count as right, does it count), the share of those that count."""
    pairs = list(pairs)
    return sum(right and counts for right, counts in pairs) / sum(counts for _, counts in pairs)


def mean(numbers):
    numbers = list(numbers)
    return sum(numbers) / len(numbers)


def of_all(case):
    return [pair for sequence in counted(*case) for pair in sequence]


def positions_argmax(x, y, a):
    winners = torch.stack([x[..., v].max(1).indices for v in range(x.shape[-1])], -1)
    return ((winners == y) & a).sum() / a.sum()


def likelihoods(x, y, a):
    total = 0.0
    for b, t in a.nonzero().tolist():
        e = x[b, t].exp()
        total += float(e[y[b, t]] / e.sum())
    return total / int(a.sum())


WRITTEN = {
    "counts every position": lambda *case: mean(right for right, _ in of_all(case)),
    "divides by all positions": lambda *case: mean(
        right and asked for right, asked in of_all(case)
    ),
    "unasked positions count as right": lambda *case: mean(
        right if asked else True for right, asked in of_all(case)
    ),
    "looks where nothing was asked": lambda *case: share(
        (right, not asked) for right, asked in of_all(case)
    ),
    "averages per sequence": lambda *case: mean(map(share, counted(*case))),
    "all or nothing": lambda *case: mean(
        all(right for right, asked in sequence if asked) for sequence in counted(*case)
    ),
    "a number, not a share": lambda *case: sum(right and asked for right, asked in of_all(case)),
    "error rate": lambda *case: 1 - share(of_all(case)),
    "per cent": lambda *case: share(of_all(case)) / 0.01,
    "only the last position": lambda *case: mean(sequence[-1][0] for sequence in counted(*case)),
    "argmax over positions": positions_argmax,
    "smallest logit": lambda x, y, a: share(of_all((-x, y, a))),
    "probability instead of hits": likelihoods,
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(check, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(check.mistakes)


def test_natural_mistakes_are_named():
    assert check(lambda x, y, a: (x.argmax(-1) == y).float().mean()).mistake == (
        "counts every position"
    )
    assert check(lambda x, y, a: ((x.argmax(-1) == y) * a).sum(1).div(a.sum(1)).mean()).mistake == (
        "averages per sequence"
    )
    assert check(lambda x, y, a: (x.argmax(-1)[~a] == y[~a]).sum() / (~a).sum()).mistake == (
        "looks where nothing was asked"
    )


def test_one_accuracy_for_each_sequence_is_explained():
    verdict = check(lambda x, y, a: (x.argmax(-1) == y).float().mean(-1))
    assert "Your result has shape (1,); wanted is ()." in verdict.message
