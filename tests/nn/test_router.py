"""The router: probabilities, gates and places, and what it keeps for the loss."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.nn import (
    Router,
    RouterOptions,
    Routing,
    balance_loss,
    place_choices,
    router_z_loss,
    take_auxiliary_losses,
)

B, T, D, N = 3, 7, 6, 4  # all different
CLOSE: dict[str, float] = {"rtol": 0.0, "atol": 1e-12}


def router(**options: Any) -> Router:
    made = Router(D, N, **options).double()
    for p in made.parameters():
        nn.init.normal_(p, std=0.5)
    return made


def states(*shape: int) -> Tensor:
    return torch.randn(*(shape or (B, T)), D, dtype=torch.float64)


def some() -> Tensor:
    return torch.tensor([[0, 0, 1, 1, 1, 1, 1], [1, 1, 1, 0, 1, 0, 0], [1] * 7]).bool()


@pytest.mark.parametrize("bias", [True, False])
def test_the_best_expert_and_its_probability(bias: bool) -> None:
    made, x = router(router_bias=bias), states()
    routing = made(x)
    assert (made.gate.bias is not None) is bias
    for b in range(B):
        for t in range(T):
            scores = made.gate.weight @ x[b, t] + (made.gate.bias if bias else 0.0)
            assert_close(routing.logits[b, t], scores, **CLOSE)
            assert_close(routing.probabilities[b, t], scores.softmax(0), **CLOSE)
            assert routing.experts[b, t].tolist() == [int(scores.argmax())]
            assert_close(routing.gates[b, t, 0], scores.softmax(0).max(), **CLOSE)
    assert routing.placed.all()


@pytest.mark.parametrize("renormalise", [True, False])
def test_several_experts_the_best_first(renormalise: bool) -> None:
    made, x = router(top_k=3, renormalise=renormalise), states()
    routing = made(x)
    best = routing.probabilities.topk(3, -1)
    assert torch.equal(routing.experts, best.indices)
    want = best.values / best.values.sum(-1, keepdim=True) if renormalise else best.values
    assert_close(routing.gates, want, **CLOSE)


def test_a_tie_goes_to_the_first() -> None:
    routing = Router(D, N)(torch.zeros(B, T, D))
    assert routing.experts.eq(0).all()


@pytest.mark.parametrize("group", ["sequence", "batch"])
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("limit", [{"expert_capacity": 2}, {"capacity_factor": 1.25}])
@pytest.mark.kills(
    "router: a batch is always one group",
    "nn/router.py",
    'if o.group == "batch" else',
    'if o.group != "none" else',
)
@pytest.mark.kills(
    "router: padding counts in the capacity",
    "nn/router.py",
    "groups[1] if keep is None else keep.sum(1)",
    "groups[1]",
)
def test_capacity_and_losses_are_counted_in_groups(
    group: Any, padded: bool, limit: dict[str, Any]
) -> None:
    made, x = router(group=group, balance_weight=0.5, z_weight=0.25, **limit), states()
    keep = some() if padded else None
    routing = made(x, keep)
    shape = (1, B * T) if group == "batch" else (B, T)
    own = None if keep is None else keep.reshape(shape)
    if "expert_capacity" in limit:
        capacity: Any = 2
    else:
        count = torch.full((shape[0],), shape[1]) if own is None else own.sum(1)
        capacity = (count * 1.25 / N).ceil().long()
    experts = routing.experts.reshape(*shape, 1)
    want = place_choices(experts, N, capacity, own)
    assert torch.equal(routing.placed.reshape(want.shape), want)
    assert not want.all()
    balance = balance_loss(routing.probabilities.reshape(*shape, N), experts, own)
    z = router_z_loss(routing.logits.reshape(*shape, N), own)
    assert_close(take_auxiliary_losses(made)[""], 0.5 * balance + 0.25 * z, **CLOSE)


@pytest.mark.kills(
    "router: padding is never ignored",
    "nn/router.py",
    "keep = keep if o.ignore_padding else None",
    "keep = None",
)
def test_padding_is_ignored_or_not() -> None:
    x, keep = states(), some()
    told, untold = router(expert_capacity=1), router(expert_capacity=1, ignore_padding=False)
    untold.load_state_dict(told.state_dict())
    for got, want in ((told(x, keep), told(torch.where(keep[..., None], x, 9.0), keep)),):
        assert torch.equal(got.placed, want.placed)
        assert not got.placed[~keep].any()
    loud = take_auxiliary_losses(told)[""]
    told(x, keep)
    assert_close(take_auxiliary_losses(told)[""], loud, **CLOSE)
    assert torch.equal(untold(x, keep).placed, untold(x).placed)
    assert untold(x, keep).placed[~keep].any()


def test_the_losses_are_those_of_the_last_call_and_counted_once() -> None:
    made = router(z_weight=0.0, balance_weight=1.0)
    first, second = states(), states()
    made(first)
    made(second)
    got = take_auxiliary_losses(made)
    made(second)
    assert_close(got[""], take_auxiliary_losses(made)[""], **CLOSE)
    assert take_auxiliary_losses(made) == {}
    silent = router(balance_weight=0.0, z_weight=0.0)
    silent(first)
    assert take_auxiliary_losses(silent) == {}


@pytest.mark.kills(
    "router: jitter in evaluation too",
    "nn/router.py",
    "if self.training and j > 0:",
    "if j > 0:",
)
def test_jitter_multiplies_in_training_only() -> None:
    made, x = router(jitter=0.3), states()
    calm = made.eval()(x).logits
    assert_close(calm, x @ made.gate.weight.T, **CLOSE)
    made.train()
    torch.manual_seed(3)
    shaken = made(x).logits
    torch.manual_seed(3)
    factors = torch.empty_like(x).uniform_(0.7, 1.3)
    assert_close(shaken, (x * factors) @ made.gate.weight.T, **CLOSE)
    assert not torch.allclose(shaken, calm)
    assert_close(router(jitter=0.0).train()(x).logits.shape, calm.shape)


def test_half_precision_is_made_whole() -> None:
    """Section 2.4: bfloat16 tokens, float32 scores; autocast does not change them."""
    made, x = Router(D, N), torch.randn(B, T, D)
    want = made(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = made(x)
    assert_close(got.logits, want.logits, rtol=0.0, atol=0.0)
    low = copy.deepcopy(made).bfloat16()(x.bfloat16())
    assert low.logits.dtype == low.gates.dtype == torch.float32
    exact = x.bfloat16().float() @ made.gate.weight.bfloat16().float().T
    assert_close(low.logits, exact, rtol=0.0, atol=1e-6)
    loss = take_auxiliary_losses(made)[""]
    assert loss.dtype == torch.float32


def test_a_hook_sees_where_tokens_go() -> None:
    made, seen = router(), []
    made.register_forward_hook(lambda _, __, routing: seen.append(routing))
    made(states())
    assert isinstance(seen[0], Routing)
    assert seen[0].experts.shape == (B, T, 1)


def test_the_weights_begin_so_that_scores_are_of_size_one() -> None:
    made = Router(300, 40, router_bias=True)
    assert made.gate.weight.std().item() == pytest.approx(300**-0.5, rel=0.05)
    assert made.gate.bias.eq(0).all()
    assert "top_k=1, expert_capacity=None, group='sequence'" in repr(made)
    assert "capacity_factor=1.25" in repr(Router(D, N, capacity_factor=1.25))


def test_keywords_win_over_options_and_options_are_a_value() -> None:
    options = RouterOptions(top_k=2, jitter=0.1)
    made = Router(D, N, options=options, top_k=3)
    assert (made.options.top_k, made.options.jitter) == (3, 0.1)
    assert options == RouterOptions(top_k=2, jitter=0.1)
    assert options.router_options == options


@pytest.mark.plain
def test_what_does_not_fit_is_refused_by_name() -> None:
    made, x = router(), states()
    for given, message in (
        ((x[0],), r"x should have shape \(B, T, D=6\), got \(7, 6\)"),
        ((x[..., 1:],), r"x should have shape \(B, T, D=6\)"),
        ((x.float(),), "x should have the dtype of the weights, float64, got float32"),
        ((x, torch.ones(B, T)), "keep should be a bool tensor"),
        ((x, some()[:2]), r"keep should have shape \(B=3, T=7\), got \(2, 7\)"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            made(*given)
    assert made.auxiliary_loss is None
    for options, message in (
        ({"top_k": 0}, "top_k should be a positive whole number, got 0"),
        ({"top_k": 5}, "top_k should be at most num_experts=4, got 5"),
        ({"expert_capacity": 0}, "expert_capacity should be a positive whole number, got 0"),
        ({"capacity_factor": 0.0}, "capacity_factor should be a positive number, got 0.0"),
        (
            {"expert_capacity": 3, "capacity_factor": 1.5},
            "capacity_factor should be None beside expert_capacity=3, got 1.5",
        ),
        ({"group": "token"}, "group should be one of sequence, batch, got 'token'"),
        ({"jitter": 1.0}, r"jitter should be a probability in \[0, 1\), got 1.0"),
        ({"balance_weight": -1.0}, "balance_weight should be a number of at least zero, got -1.0"),
        ({"z_weight": float("nan")}, "z_weight should be a number of at least zero, got nan"),
        ({"renormalise": True}, "renormalise should be False with top_k=1"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            Router(D, N, **options)
