import pytest
import torch
from torch.nn.functional import cross_entropy

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


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda x, y: by_torch(x, y), "padding asked for"),
        (lambda x, y: cross_entropy(x.mT, y, ignore_index=0), "no shift"),
        (lambda x, y: by_torch(x, y, ignore_index=0, reduction="sum"), "the sum"),
        (lambda x, y: cross_entropy(x.mT, y.roll(-1, 1), ignore_index=0), "rolled round"),
        (lambda x, y: cross_entropy(x[:, :-2].mT, y[:, 2:], ignore_index=0), "shifted twice"),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    assert check(answer).mistake == name


def test_a_model_that_knows_nothing_is_as_surprised_as_a_die():
    target = torch.tensor([[1, 4, 5, 2], [1, 2, 0, 0]])
    loss = check.reference(torch.zeros(2, 4, 6), target)
    torch.testing.assert_close(loss, torch.tensor(6.0).log())
