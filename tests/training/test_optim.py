"""The optimiser is torch's; what is ours is who decays, and the paper's constants."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from txlite.nn import MultiHeadAttention
from txlite.nn.embeddings import TokenEmbedding
from txlite.training import adamw, clip_gradients


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.token, self.place = TokenEmbedding(7, 6), nn.Embedding(5, 6)
        self.attention, self.norm = MultiHeadAttention(6, 2), nn.LayerNorm(6)
        self.frozen = nn.Linear(6, 6).requires_grad_(False)


def test_matrices_decay_and_nothing_else():
    model = Small()
    decaying, spared = adamw(model, 0.1, weight_decay=0.3).param_groups
    assert (decaying["weight_decay"], spared["weight_decay"]) == (0.3, 0.0)
    names = {id(p): name for name, p in model.named_parameters()}
    assert {names[id(p)] for p in decaying["params"]} == {
        f"attention.{part}_proj.weight" for part in ("query", "key", "value", "output")
    }
    assert {names[id(p)] for p in spared["params"]} == {
        "token.weight",
        "place.weight",
        "norm.weight",
        "norm.bias",
        *(f"attention.{part}_proj.bias" for part in ("query", "key", "value", "output")),
    }


def test_a_tied_matrix_is_trained_once_and_does_not_decay():
    model = nn.Sequential(nn.Embedding(7, 6), nn.Linear(6, 7, bias=False))
    model[1].weight = model[0].weight
    (only,) = adamw(model, 0.1, weight_decay=0.3).param_groups
    assert len(only["params"]) == 1
    assert only["weight_decay"] == 0


def test_the_papers_constants_make_adam():
    ours, theirs = nn.Linear(3, 4), nn.Linear(3, 4)
    theirs.load_state_dict(ours.state_dict())
    both = [
        (ours, adamw(ours, 0.01)),
        (theirs, torch.optim.Adam(theirs.parameters(), 0.01, betas=(0.9, 0.98), eps=1e-9)),
    ]
    for _ in range(20):
        x = torch.randn(5, 3)
        for model, optimizer in both:
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()
    assert_close(ours.weight, theirs.weight, rtol=0, atol=0)


def test_one_kernel_makes_the_same_steps():
    trained = []
    for fused in (False, True):
        torch.manual_seed(2)
        model = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3)).double()
        optimizer = adamw(model, 0.02, weight_decay=0.1, fused=fused)
        for _ in range(7):
            optimizer.zero_grad()
            model(torch.randn(4, 5, dtype=torch.float64)).square().sum().backward()
            optimizer.step()
        trained.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert_close(trained[1], trained[0], rtol=0, atol=1e-12)


@given(st.integers(0, 99), st.floats(0.1, 20.0))
def test_clipping_bounds_the_length_and_keeps_the_direction(seed, limit):
    draw = torch.Generator().manual_seed(seed)
    parameters = [nn.Parameter(torch.zeros(n, 3, dtype=torch.float64)) for n in (2, 5)]
    for p in parameters:
        p.grad = torch.randn(p.shape, generator=draw, dtype=torch.float64)
    before = torch.cat([p.grad.flatten() for p in parameters])
    length = clip_gradients([*parameters, nn.Parameter(torch.ones(1))], limit)
    after = torch.cat([p.grad.flatten() for p in parameters])
    assert length == pytest.approx(before.norm().item())
    assert after.norm().item() == pytest.approx(min(limit, length), rel=1e-5)
    assert_close(after * (length / after.norm()), before, rtol=1e-6, atol=1e-9)


def test_without_a_limit_it_only_measures():
    p = nn.Parameter(torch.zeros(2))
    p.grad = torch.tensor([3.0, 4.0])
    assert clip_gradients([p]) == 5
    assert p.grad.tolist() == [3, 4]
    p.grad = torch.tensor([math.inf, 0.0])
    assert clip_gradients([p]) == math.inf


@pytest.mark.plain
def test_errors_name_the_argument():
    with pytest.raises(ValueError, match=r"^max_norm should be positive, got 0"):
        clip_gradients([], 0)
    with pytest.raises(ValueError, match=r"^model should have parameters .* got none"):
        adamw(nn.ReLU(), 0.1)
