import pytest
import torch
from torch.nn.functional import cross_entropy, nll_loss

from tests.checks.written import earns
from txlite import checks

check = checks.teacher_forcing_loss


def by_torch(logits, target, start=0, **options):
    asked = target[:, 1:]
    end = start + asked.shape[1]
    return cross_entropy(logits[:, start:end].flatten(0, 1), asked.flatten(), **options)


def test_right_answers_in_other_words_pass():
    check(lambda x, y: by_torch(x, y, ignore_index=0)).require()

    def looped(logits, target):
        losses = [
            -logits[b, t].log_softmax(-1)[target[b, t + 1]]
            for b in range(len(target))
            for t in range(target.shape[1] - 1)
            if target[b, t + 1] != 0
        ]
        return torch.stack(losses).mean()

    check(looped).require()


def of(log_p, target, **options):
    """Compare what is taken for log-probabilities with the next words."""
    return nll_loss(log_p[:, :-1].mT, target[:, 1:], ignore_index=0, **options)


WRITTEN = {
    "no shift": lambda x, y: cross_entropy(x.mT, y, ignore_index=0),
    "shifted the wrong way": lambda x, y: cross_entropy(x[:, 1:].mT, y[:, :-1], ignore_index=0),
    "shifted twice": lambda x, y: cross_entropy(x[:, :-2].mT, y[:, 2:], ignore_index=0),
    "rolled round": lambda x, y: cross_entropy(x.mT, y.roll(-1, 1), ignore_index=0),
    "padding asked for": by_torch,
    "padding in the divisor": lambda x, y: (
        by_torch(x, y, ignore_index=0, reduction="sum") / y[:, 1:].numel()
    ),
    "averaged per sentence": lambda x, y: torch.stack(
        [by_torch(x[i : i + 1], y[i : i + 1], ignore_index=0) for i in range(len(y))]
    ).mean(),
    "the sum": lambda x, y: by_torch(x, y, ignore_index=0, reduction="sum"),
    "no logarithm": lambda x, y: of(x.softmax(-1), y),
    "no softmax": of,
    "sign forgotten": lambda x, y: -by_torch(x, y, ignore_index=0),
}


def test_the_loss_that_is_varied_is_right():
    check(lambda x, y: of(x.log_softmax(-1), y)).require()


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_a_model_that_knows_nothing_is_as_surprised_as_a_die():
    target = torch.tensor([[1, 4, 5, 2], [1, 2, 0, 0]])
    loss = check.reference(torch.zeros(2, 4, 6), target)
    torch.testing.assert_close(loss, torch.tensor(6.0).log())
