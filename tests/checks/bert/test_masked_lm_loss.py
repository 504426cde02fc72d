import math

import pytest
import torch
from torch.nn.functional import cross_entropy, nll_loss

from tests.checks.written import earns
from txlite import checks

check = checks.masked_lm_loss
NONE = -100  # what torch leaves out


def labelled(labels, logits, **options):
    """Leave the torch way: what is not asked for is -100; 0 where nothing is."""
    if not (labels != NONE).any():
        return 0.0 * logits.sum()
    return cross_entropy(logits.mT, labels, ignore_index=NONE, **options)


def asking(where):
    """Build an answer of where it asks."""

    def answer(logits, read, targets, chosen):
        return labelled(targets.masked_fill(~where(read, targets, chosen), NONE), logits)

    return answer


def by_torch(logits, read, targets, chosen):
    return cross_entropy(logits[chosen], targets[chosen])


def token_by_token(logits, read, targets, chosen):
    """Return the losses of the chosen tokens, row by row."""
    return [
        [
            -logits[b, t].log_softmax(-1)[targets[b, t]]
            for t in range(targets.shape[1])
            if chosen[b, t]
        ]
        for b in range(len(targets))
    ]


def total(*case):
    losses = [loss for row in token_by_token(*case) for loss in row]
    return sum(losses, torch.zeros(())) + 0.0 * case[0].sum()


def left_to_right(logits, read, targets, chosen):
    labels = targets.masked_fill(~chosen, NONE)
    return labelled(labels[:, 1:], logits[:, :-1])


def per_row(*case):
    rows = [torch.stack(row).mean() if row else torch.zeros(()) for row in token_by_token(*case)]
    return torch.stack(rows).mean()


def of(make):
    """Build an answer of what is taken for log-probabilities."""

    def answer(logits, read, targets, chosen):
        if not chosen.any():
            return 0.0 * logits.sum()
        return nll_loss(make(logits)[chosen], targets[chosen])

    return answer


WRITTEN = {
    "all tokens asked for": lambda x, read, y, chosen: cross_entropy(x.flatten(0, 1), y.flatten()),
    "all real tokens asked for": lambda x, read, y, chosen: cross_entropy(
        x.flatten(0, 1), y.flatten(), ignore_index=0
    ),
    "the unchosen asked for": lambda x, read, y, chosen: labelled(y.masked_fill(chosen, NONE), x),
    "only masks asked for": asking(lambda read, y, chosen: read.eq(3)),
    "only changed tokens asked for": asking(lambda read, y, chosen: chosen & read.ne(y)),
    "scores of the position before": left_to_right,
    "what was read is the target": lambda x, read, y, chosen: labelled(
        read.masked_fill(~chosen, NONE), x
    ),
    "0/0 where nothing is chosen": by_torch,
    "divided by all positions": lambda *case: total(*case) / case[2].numel(),
    "averaged per row": per_row,
    "the sum": total,
    "no logarithm": of(lambda x: x.exp() / x.exp().sum(-1, keepdim=True)),
    "no softmax": of(lambda x: x),
    "sign forgotten": lambda *case: -total(*case) / max(1, int(case[3].sum())),
}


def test_right_answers_in_other_words_pass():
    check(asking(lambda read, y, chosen: chosen)).require()
    check(of(lambda x: x.log_softmax(-1))).require()
    check(lambda *case: total(*case) / max(1, int(case[3].sum()))).require()


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_a_model_that_knows_nothing_pays_for_the_choice_alone():
    read = torch.tensor([[1, 3, 3, 2, 0]])
    targets = torch.tensor([[1, 5, 6, 2, 0]])
    chosen = read == 3
    flat = torch.zeros(1, 5, 7)
    assert math.isclose(check.reference(flat, read, targets, chosen), math.log(7), rel_tol=1e-6)
    sure = flat.index_put((torch.tensor(0), torch.tensor([0, 3, 4])), torch.tensor(9.0))
    assert check.reference(sure, read, targets, chosen) == check.reference(
        flat, read, targets, chosen
    )


def test_where_nothing_is_chosen_there_is_a_gradient_and_it_is_zero():
    logits = torch.randn(1, 4, 6, generator=torch.Generator().manual_seed(0)).requires_grad_()
    tokens = torch.tensor([[1, 4, 5, 2]])
    check.reference(logits, tokens, tokens, torch.zeros(1, 4, dtype=torch.bool)).backward()
    assert logits.grad is not None
    assert logits.grad.eq(0).all()
