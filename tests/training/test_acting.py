"""The loss of actions: each step that is no padding counts once."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from txlite.data.episode_windows import EpisodeBatch
from txlite.training import action_loss

B, T, A = 2, 5, 3
KEEP = torch.tensor([[False, False, True, True, True], [True] * 5])


def batch(actions: Tensor) -> EpisodeBatch:
    steps = torch.arange(T).expand(B, -1)
    return EpisodeBatch(torch.randn(B, T), torch.randn(B, T, 4), actions, steps, KEEP)


class Says(torch.nn.Module):
    """Says one thing, and keeps what it was asked."""

    def __init__(self, said: Tensor) -> None:
        super().__init__()
        self.said = said

    def forward(self, *given: Tensor, keep: Tensor) -> Any:
        self.given = (*given, keep)
        return SimpleNamespace(actions=self.said)


@pytest.mark.kills(
    "action loss: padding counts", "training/acting.py", "torch.where(keep, each, 0.0)", "each"
)
def test_counted_actions_have_a_cross_entropy() -> None:
    said, actions = torch.randn(B, T, A, requires_grad=True), torch.randint(A, (B, T))
    model, given = Says(said), batch(actions)
    loss, count = action_loss(model, given)
    want = -sum(
        said[b, t].log_softmax(-1)[actions[b, t]] for b in range(B) for t in range(T) if KEEP[b, t]
    )
    assert_close(loss, want)
    assert int(count) == 8
    assert all(a is b for a, b in zip(model.given, given, strict=True))
    (gradient,) = torch.autograd.grad(loss, said)
    assert gradient[~KEEP].eq(0).all()
    assert gradient[KEEP].abs().sum(-1).gt(0).all()


def test_others_have_a_mean_square() -> None:
    said, actions = torch.randn(B, T, A), torch.randn(B, T, A)
    loss, count = action_loss(Says(said), batch(actions))
    want = sum(
        (said[b, t] - actions[b, t]).square().mean() for b in range(B) for t in range(T)
        if KEEP[b, t]
    )  # fmt: skip
    assert_close(loss, want)
    assert int(count) == 8


def test_what_is_not_finite_in_padding_does_not_matter() -> None:
    said = torch.randn(B, T, A)
    said[~KEEP] = float("nan")
    assert action_loss(Says(said), batch(torch.randint(A, (B, T))))[0].isfinite()
