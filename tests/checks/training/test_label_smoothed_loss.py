import pytest
import torch
from torch.nn import functional as F

from tests.checks.written import earns
from txlite import checks
from txlite.training import cross_entropy

check = checks.label_smoothed_loss


def test_torch_and_txlite_pass():
    check(lambda x, y, k, e: cross_entropy(x, y, k, label_smoothing=e)).require()
    check(lambda x, y, k, e: F.cross_entropy(x[k], y[k], label_smoothing=e)).require()


def losses(x, y, e):
    """One loss for every position."""
    return F.cross_entropy(x.mT, y, label_smoothing=e, reduction="none")


def against(log_p, y, keep, e):
    """Compare with the smoothed target, written out."""
    q = torch.full_like(log_p, e / log_p.shape[-1]) + (1 - e) * F.one_hot(y, log_p.shape[-1])
    return torch.einsum("nv,nv->n", q[keep], -log_p[keep]).mean()


def over_the_wrong(x, y, keep, e):
    q = torch.full_like(x, e / (x.shape[-1] - 1))
    q.scatter_(-1, y[..., None], 1 - e)
    return -(q * x.log_softmax(-1)).sum(-1)[keep].mean()


WRITTEN = {
    "ε shared among the wrong tokens only": over_the_wrong,
    "no smoothing": lambda x, y, k, e: F.cross_entropy(x[k], y[k]),
    "the right token keeps everything": lambda x, y, k, e: (
        losses(x, y, 0.0)[k] + e * losses(x, y, 1.0)[k]
    ).mean(),
    "ε and 1 − ε swapped": lambda x, y, k, e: F.cross_entropy(x[k], y[k], label_smoothing=1 - e),
    "sum over the vocabulary": lambda x, y, k, e: (
        (1 - e) * losses(x, y, 0.0)[k] + e * x.shape[-1] * losses(x, y, 1.0)[k]
    ).mean(),
    "padding counted": lambda x, y, k, e: F.cross_entropy(x.mT, y, label_smoothing=e),
    "divides by all positions": lambda x, y, k, e: losses(x, y, e)[k].sum() / k.numel(),
    "only the padding": lambda x, y, k, e: losses(x, y, e)[~k].mean(),
    "mean of the sentences' means": lambda x, y, k, e: torch.stack(
        [row[real].mean() for row, real in zip(losses(x, y, e), k, strict=True)]
    ).mean(),
    "sum instead of mean": lambda x, y, k, e: F.cross_entropy(
        x[k], y[k], label_smoothing=e, reduction="sum"
    ),
    "no log-softmax": against,
    "softmax without the log": lambda x, y, k, e: against(x.softmax(-1), y, k, e),
    "the logarithm of zero": lambda x, y, k, e: against(x.softmax(-1).log(), y, k, e),
    "wrong sign": lambda x, y, k, e: -F.cross_entropy(x[k], y[k], label_smoothing=e),
    "log-softmax over the positions": lambda x, y, k, e: against(
        x - x.logsumexp(1, keepdim=True), y, k, e
    ),
}


def test_the_losses_that_are_varied_are_right():
    check(lambda x, y, k, e: losses(x, y, e)[k].mean()).require()
    check(lambda x, y, k, e: against(x.log_softmax(-1), y, k, e)).require()


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_a_loss_that_is_cut_off_is_no_right_answer():
    assert not check(
        lambda x, y, k, e: cross_entropy(x, y, k, label_smoothing=e).detach().requires_grad_()
    )
