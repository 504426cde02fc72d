import torch
from torch import nn

from txlite import checks
from txlite.training import clip_gradients

check = checks.clip_by_global_norm


def by(clip):
    def answer(gradients, max_norm):
        rows = [nn.Parameter(torch.zeros_like(g)) for g in gradients]
        for p, g in zip(rows, gradients, strict=True):
            p.grad = g.clone()
        clip(rows, max_norm)
        return torch.stack([p.grad for p in rows])

    return answer


def test_torch_and_txlite_pass():
    check(by(clip_gradients)).require()
    check(by(nn.utils.clip_grad_norm_)).require()


def test_natural_mistakes_are_named():
    assert check(by(nn.utils.clip_grad_value_)).mistake == "each entry by itself"
    assert check(lambda g, m: g * m / (g.norm() + 1e-9)).mistake == "stretches short gradients too"
    each = check(lambda g, m: torch.stack([r * min(1, m / (r.norm() + 1e-9)) for r in g]))
    assert each.mistake == "each parameter by itself"
