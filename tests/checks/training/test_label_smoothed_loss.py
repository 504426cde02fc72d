import torch
from torch.nn import functional as F

from txlite import checks
from txlite.training import cross_entropy

check = checks.label_smoothed_loss


def test_torch_and_txlite_pass():
    check(lambda x, y, k, e: cross_entropy(x, y, k, label_smoothing=e)).require()
    check(lambda x, y, k, e: F.cross_entropy(x[k], y[k], label_smoothing=e)).require()


def test_natural_mistakes_are_named():
    def over_the_wrong(x, y, keep, e):
        q = torch.full_like(x, e / (x.shape[-1] - 1))
        q.scatter_(-1, y[..., None], 1 - e)
        return -(q * x.log_softmax(-1)).sum(-1)[keep].mean()

    assert check(over_the_wrong).mistake == "ε shared among the wrong tokens only"
    assert check(lambda x, y, k, e: F.cross_entropy(x.mT, y, label_smoothing=e)).mistake == (
        "padding counted"
    )
    verdict = check(
        lambda x, y, k, e: cross_entropy(x, y, k, label_smoothing=e).detach().requires_grad_()
    )
    assert not verdict
