import pytest
import torch

from txlite import checks


def looped(keep):
    rows = []
    for sentence in keep.tolist():
        count, row = 0, []
        for real in sentence:
            count += real
            row.append(max(count - 1, 0))
        rows.append(row)
    return torch.tensor(rows)


@pytest.mark.parametrize(
    "answer",
    [
        lambda keep: (keep.cumsum(-1) - 1).clamp(min=0),
        lambda keep: torch.relu(keep.float().cumsum(1) - 1),
        looped,
    ],
    ids=["cumsum", "floats", "loops"],
)
def test_right_answers_in_other_words_pass(answer):
    checks.positions_from_keep(answer).require()


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda k: torch.arange(k.shape[1]).to(k.device).expand(k.shape), "padding counted"),
        (lambda k: k.cumsum(-1), "from one"),
        (lambda k: k.cumsum(-1) - 1, "below zero"),
        (lambda k: (k.cumsum(-1) - 1).masked_fill(~k, 0), "padding set to zero"),
        (lambda k: (k.cumsum(-1) - 1).masked_fill(~k, 1), None),  # another library's habit
        (lambda k: k.cumsum(0) - 1, "below zero + counts down the batch"),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    verdict = checks.positions_from_keep(answer)
    assert not verdict
    assert verdict.mistake == name
