import pytest
import torch

from txlite import checks


def alibi(slopes):
    return lambda n, i, j: -slopes(n).view(n, 1, 1).to(i.device) * (j[None] - i[:, None]).abs()


@pytest.mark.parametrize(
    ("slopes", "name"),
    [
        (lambda n: torch.tensor([2 ** (-8 / n * (h + 1)) for h in range(n)]), "right"),
        (lambda n: torch.tensor([2 ** (-8 / n)] * n).cumprod(0), "right"),
        (lambda n: torch.tensor([2 ** (-8 / n * h) for h in range(n)]), "slopes begin at one"),
        (lambda n: torch.tensor([0.5**h for h in range(1, n + 1)]), "slopes for eight heads"),
    ],
)
def test_alibi_bias(slopes, name):
    assert (checks.alibi_bias(alibi(slopes)).mistake or "right") == name
