import pytest
import torch

from txlite import checks


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda t, s: torch.arange(s) - torch.arange(s - t, s)[:, None], "right"),
        (lambda t, s: torch.tensor([[j - i for j in range(s)] for i in range(s - t, s)]), "right"),
        (lambda t, s: torch.arange(s) - torch.arange(t)[:, None], "counted from the first key"),
        (lambda t, s: torch.arange(s - t, s)[:, None] - torch.arange(s), "sign reversed"),
    ],
)
def test_relative_offsets(answer, name):
    verdict = checks.relative_offsets(answer)
    assert (verdict.mistake or "right") == name
    assert bool(verdict) == (name == "right")
