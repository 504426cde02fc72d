import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.action_loss


def losses(hidden, head, actions, at=lambda t, steps: 3 * t + 1, ahead=0):
    """Minus the logarithm of each action's probability, step by step."""
    batch, steps = actions.shape
    rows = []
    for b in range(batch):
        row = []
        for t in range(steps - ahead):
            scores = head @ hidden[b, at(t, steps)]
            row.append(scores.logsumexp(0) - scores[actions[b, t + ahead]])
        rows.append(torch.stack(row) if row else hidden.new_zeros(0))
    return torch.stack(rows)


def written(at=lambda t, steps: 3 * t + 1, ahead=0, weigh=lambda keep: keep.double()):
    def answer(hidden, head, actions, keep):
        found = losses(hidden, head, actions, at, ahead)
        weights = weigh(keep)[:, ahead:].to(found.dtype)
        return (found * weights).sum() / weights.sum()

    return answer


def test_right_answers_in_other_words_pass():
    check(written()).require()

    def on_probabilities(hidden, head, actions, keep):
        states = hidden.unflatten(1, (-1, 3))[:, :, 1]
        probabilities = (states @ head.T).softmax(-1)
        chosen = probabilities.gather(-1, actions[..., None])[..., 0]
        return -chosen[keep].log().sum() / keep.sum()

    check(on_probabilities).require()


def averaged(hidden, head, actions, keep):
    mean = (hidden[:, ::3] + hidden[:, 1::3] + hidden[:, 2::3]) / 3
    return losses(mean, head, actions, lambda t, steps: t)[keep].mean()


def of_all(hidden, head, actions, keep):
    return losses(hidden, head, actions)[keep].sum() / actions.numel()


def row_by_row(hidden, head, actions, keep):
    found = losses(hidden, head, actions)
    rows = [row[real].mean() for row, real in zip(found, keep, strict=True)]
    return sum(rows) / len(rows)


WRITTEN = {
    "the action reads itself": written(lambda t, steps: 3 * t + 2),
    "read at the returns": written(lambda t, steps: 3 * t),
    "the action of the next step": written(ahead=1),
    "as if kind after kind": written(lambda t, steps: steps + t),
    "the mean of a step's tokens": averaged,
    "padding counted": written(weigh=lambda keep: torch.ones(keep.shape)),
    "the mask inverted": written(weigh=lambda keep: 1 - keep.double()),
    "divided by all steps": of_all,
    "a mean of means": row_by_row,
    "the sum": lambda hidden, head, actions, keep: (losses(hidden, head, actions) * keep).sum(),
    "the sign": lambda *given: -written()(*given),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_an_answer_without_a_gradient_is_not_right():
    verdict = check(lambda *given: check.reference(*given).item())
    assert not verdict
