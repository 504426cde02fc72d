"""Choices, places and losses, held to loops that are written out by hand."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from transformers.models.switch_transformers.modeling_switch_transformers import (
    load_balancing_loss_func,
    router_z_loss_func,
)

from txlite.nn import balance_loss, expert_capacity, place_choices, router_z_loss

G, T, N, K = 3, 7, 4, 2  # all different
CLOSE: dict[str, float] = {"rtol": 0.0, "atol": 1e-12}


def drawn(top_k: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, their softmax, and the best experts."""
    logits = torch.randn(G, T, N, dtype=torch.float64) * 2
    probabilities = logits.softmax(-1)
    return logits, probabilities, probabilities.topk(top_k, -1).indices


def some() -> Tensor:
    """Which tokens are real: left, right and in the middle; the last group has none."""
    return torch.tensor([[0, 0, 1, 1, 1, 1, 1], [1, 1, 1, 0, 1, 0, 0], [0] * 7]).bool()


# ------------------------------------------------------------------ capacity


@pytest.mark.parametrize(
    ("tokens", "experts", "factor", "want"),
    [
        (512, 8, 1.25, 80),  # the paper's: even
        (5, 4, 1.0, 2),  # rounded up: an even spread needs two somewhere
        (6, 4, 1.0, 2),
        (8, 4, 1.0, 2),
        (9, 4, 1.0, 3),
        (10, 11, 1.1, 1),  # 1.1 · 10/11 is 1, and in floats a little more
        (1, 8, 0.5, 1),
        (0, 8, 1.0, 0),
        (100, 10, 2.0, 20),
    ],
)
@pytest.mark.kills(
    "routing: the capacity rounded down",
    "nn/routing.py",
    "return -(-num_tokens * above // below)",
    "return num_tokens * above // below",
)
def test_the_capacity_is_of_each_expert(
    tokens: int, experts: int, factor: float, want: int
) -> None:
    assert expert_capacity(tokens, experts, factor) == want
    assert want * experts >= min(tokens, math.floor(tokens * factor))  # room for all of them


@pytest.mark.plain
def test_a_capacity_is_refused_by_name() -> None:
    for given, message in (
        ((-1, 2, 1.0), "num_tokens should be a whole number of at least zero, got -1"),
        ((5, 0, 1.0), "num_experts should be a positive whole number, got 0"),
        ((5, 2, 0.0), "factor should be a positive number, got 0.0"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            expert_capacity(*given)


# ------------------------------------------------------------------ places


def by_hand(experts: Tensor, capacity: list[int], keep: Tensor) -> Tensor:
    """Take the tokens in their order, first choices before second ones."""
    placed = torch.zeros_like(experts, dtype=torch.bool)
    for g in range(experts.shape[0]):
        room = [capacity[g]] * N
        for k in range(experts.shape[2]):
            for t in range(experts.shape[1]):
                expert = int(experts[g, t, k])
                if keep[g, t] and room[expert] > 0:
                    room[expert] -= 1
                    placed[g, t, k] = True
    return placed


@pytest.mark.parametrize("top_k", [1, K])
@pytest.mark.parametrize("limit", [1, 2, 3, None, "each"])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.kills(
    "routing: second choices are placed with the first ones",
    "nn/routing.py",
    "experts.mT.flatten(1), num_experts",
    "experts.flatten(1), num_experts",
)
@pytest.mark.kills(
    "routing: the capacity is of the batch",
    "nn/routing.py",
    "(in_turn.cumsum(1) * in_turn)",
    "(in_turn.flatten(0, 1).cumsum(0).view_as(in_turn) * in_turn)",
)
def test_places_are_given_in_order(top_k: int, limit: Any, padded: bool) -> None:
    _, _, experts = drawn(top_k)
    keep = some() if padded else torch.ones(G, T, dtype=torch.bool)
    capacity = torch.tensor([1, 3, 2]) if limit == "each" else limit
    rooms = [1, 3, 2] if limit == "each" else [limit or T * K] * G
    got = place_choices(experts, N, capacity, keep if padded else None)
    assert torch.equal(got, by_hand(experts, rooms, keep))
    if limit is None and not padded:
        assert got.all()


def test_five_tokens_to_one_expert_with_room_for_two() -> None:
    experts = torch.zeros(1, 5, 1, dtype=torch.int64)
    assert place_choices(experts, 2, 2)[0, :, 0].tolist() == [True, True, False, False, False]
    keep = torch.tensor([[False, False, True, True, True]])
    assert place_choices(experts, 2, 2, keep)[0, :, 0].tolist() == [False, False, True, True, False]


# ------------------------------------------------------------------ losses


def balance_by_hand(p: Tensor, experts: Tensor, keep: Tensor) -> Tensor:
    """Equations (4) to (6), group by group."""
    losses = []
    for g in range(len(p)):
        real = [t for t in range(p.shape[1]) if keep[g, t]]
        if real:
            loss = p.new_zeros(())
            for i in range(N):
                votes = sum(int(e == i) for t in real for e in experts[g, t])
                share = votes / (len(real) * experts.shape[2])
                loss = loss + N * share * torch.stack([p[g, t, i] for t in real]).mean()
            losses.append(loss)
    return torch.stack(losses).mean()


@pytest.mark.parametrize("top_k", [1, K])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.kills(
    "routing: probabilities of padding count in the balance",
    "nn/routing.py",
    "sent, expected = shares @ chosen, shares @ probabilities",
    "sent, expected = shares @ chosen, probabilities.mean(1, keepdim=True)",
)
def test_the_balance_is_the_paper_s(top_k: int, padded: bool) -> None:
    _, p, experts = drawn(top_k)
    keep = some() if padded else torch.ones(G, T, dtype=torch.bool)
    got = balance_loss(p, experts, keep if padded else None)
    assert_close(got, balance_by_hand(p, experts, keep), **CLOSE)


def test_one_at_an_even_spread_and_n_at_one_expert() -> None:
    even = torch.arange(8).remainder(N)[None, :, None]
    p = torch.full((1, 8, N), 1 / N, dtype=torch.float64)
    assert balance_loss(p, even).item() == pytest.approx(1.0, abs=1e-12)
    one = torch.zeros(1, 8, N, dtype=torch.float64)
    one[..., 2] = 1.0
    assert balance_loss(one, torch.full((1, 8, 1), 2)).item() == pytest.approx(N, abs=1e-12)
    both = torch.stack([torch.arange(8) % N, (torch.arange(8) + 1) % N], -1)[None]
    assert balance_loss(p, both).item() == pytest.approx(1.0, abs=1e-12)  # not K: shares sum to one


def test_opposite_layers_do_not_cancel() -> None:
    """Layer 1 sends all to expert 0, layer 2 all to expert 1: 2 in each, and pooled 1."""
    first = torch.tensor([1.0, 0.0], dtype=torch.float64).expand(1, 5, 2)
    zero = torch.zeros(1, 5, 1, dtype=torch.int64)
    layers = [(first, zero), (1 - first, 1 - zero)]
    assert [balance_loss(p, e).item() for p, e in layers] == [2.0, 2.0]
    pooled = [torch.cat(parts, 1) for parts in zip(*layers, strict=True)]
    assert balance_loss(*pooled).item() == 1.0


def test_the_gradient_lowers_whoever_has_too_many() -> None:
    logits = torch.randn(1, T, N, dtype=torch.float64, requires_grad=True)
    experts = torch.tensor([[[0], [0], [0], [0], [0], [1], [2]]])
    p = logits.softmax(-1)
    (slope,) = torch.autograd.grad(balance_loss(p, experts), p, retain_graph=True)
    want = N * torch.tensor([5, 1, 1, 0], dtype=torch.float64) / T / T
    assert_close(slope, want.expand(1, T, N), **CLOSE)
    (raised,) = torch.autograd.grad(balance_loss(p, experts), logits)
    assert raised[..., 0].gt(0).all()
    assert raised[..., 3].lt(0).all()


def test_of_logits_one_and_zero_the_z_loss_is_on_paper() -> None:
    logits = torch.tensor([1.0, 0.0], dtype=torch.float64).expand(1, 5, 2)
    assert router_z_loss(logits).item() == pytest.approx(math.log(1 + math.e) ** 2, abs=1e-12)
    assert router_z_loss(logits).item() == pytest.approx(1.7247, abs=5e-5)


@pytest.mark.kills(
    "routing: the z-loss without its square",
    "nn/routing.py",
    "logits.logsumexp(-1).square()",
    "logits.logsumexp(-1).abs()",
)
def test_the_z_loss_is_a_mean_over_real_tokens() -> None:
    logits, _, _ = drawn()
    keep = some()
    want = [math.log(sum(math.exp(x) for x in row)) ** 2 for row in logits[keep].tolist()]
    assert router_z_loss(logits, keep).item() == pytest.approx(sum(want) / len(want), abs=1e-12)
    assert router_z_loss(logits).item() != pytest.approx(router_z_loss(logits, keep).item())


def test_both_losses_are_hugging_face_s() -> None:
    """Theirs counts every token of a sequence, in float32, and takes the mean over sequences."""
    logits, p, experts = drawn()
    theirs = load_balancing_loss_func(p, experts[..., 0])
    assert_close(balance_loss(p, experts), theirs, rtol=0.0, atol=1e-7)
    assert_close(router_z_loss(logits), torch.as_tensor(router_z_loss_func(logits)), **CLOSE)


def test_of_nothing_the_losses_are_zero() -> None:
    logits, p, experts = drawn()
    none = torch.zeros(G, T, dtype=torch.bool)
    assert balance_loss(p, experts, none).item() == router_z_loss(logits, none).item() == 0.0
    assert balance_loss(p[:, :0], experts[:, :0]).item() == router_z_loss(logits[:, :0]).item() == 0


@pytest.mark.plain
def test_what_does_not_fit_is_refused_by_name() -> None:
    logits, p, experts = drawn()
    keep = some()
    for refused, message in (
        (
            lambda: place_choices(experts[0], N),
            r"experts should have shape \(G, T, K\), got",
        ),
        (lambda: place_choices(experts.int(), N), "experts should hold int64 numbers, got int32"),
        (lambda: place_choices(experts, 0), "num_experts should be a positive whole number, got 0"),
        (lambda: place_choices(experts + N, N), r"experts should lie in \[0, num_experts=4\), got"),
        (lambda: place_choices(experts, N, -1), "capacity should be a whole number of at least"),
        (
            lambda: place_choices(experts, N, torch.tensor([1, 1])),
            r"capacity should have shape \(G=3\), got \(2,\)",
        ),
        (lambda: place_choices(experts, N, 1, keep[:2]), r"keep should have shape \(G=3, T=7\)"),
        (lambda: place_choices(experts, N, 1, keep.int()), "keep should be a bool tensor"),
        (lambda: balance_loss(p[0], experts), r"probabilities should have shape \(G, T, N\)"),
        (lambda: balance_loss(p, experts[:2]), r"experts should have shape \(G=3, T=7, K\)"),
        (lambda: balance_loss(p, experts + N), r"experts should lie in \[0, num_experts=4\)"),
        (lambda: balance_loss(p, experts, keep[:, 1:]), r"keep should have shape \(G=3, T=7\)"),
        (lambda: router_z_loss(logits[0]), r"logits should have shape \(G, T, N\), got \(7, 4\)"),
        (lambda: router_z_loss(logits, keep.int()), "keep should be a bool tensor"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            refused()
