"""A mixture of experts: each expert sees its tokens and no others, and what is dropped is zero."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.nn import (
    DecoderLayer,
    EncoderLayer,
    FeedForward,
    KVCache,
    LayerNorm,
    LayerScale,
    MixtureOfExperts,
    Router,
    Routing,
    Stack,
    masks,
    take_auxiliary_losses,
)

B, T, S, D, H, F, N = 2, 7, 5, 12, 3, 10, 4  # all different
CLOSE: dict[str, float] = {"rtol": 0.0, "atol": 1e-11}


def mixture(experts: int = N, **options: Any) -> MixtureOfExperts:
    made = MixtureOfExperts(
        [FeedForward(D, F) for _ in range(experts)], Router(D, experts, **options)
    )
    return spread(made)


def spread(module: Any) -> Any:
    for p in module.double().parameters():
        nn.init.normal_(p, std=0.5)
    return module


def states(length: int = T) -> Tensor:
    return torch.randn(B, length, D, dtype=torch.float64)


def where(part: MixtureOfExperts, x: Tensor, keep: Tensor | None = None) -> Routing:
    routing: Routing = part.router(x, keep)
    return routing


def by_hand(part: MixtureOfExperts, x: Tensor, keep: Tensor | None = None) -> Tensor:
    """Token by token: the sum over the choices that have a place."""
    routing, rows = where(part, x, keep), []
    for b in range(x.shape[0]):
        for t in range(x.shape[1]):
            row = torch.zeros(D, dtype=x.dtype)
            choices = zip(
                routing.experts[b, t], routing.placed[b, t], routing.gates[b, t], strict=True
            )
            for expert, placed, gate in choices:
                if placed:
                    row = row + gate * part.experts[int(expert)](x[b, t])
            rows.append(row)
    return torch.stack(rows).view_as(x)


OPTIONS: dict[str, dict[str, Any]] = {
    "all": {},
    "one each": {"expert_capacity": 1},
    "two each": {"expert_capacity": 2, "router_bias": True},
    "factor": {"capacity_factor": 1.0, "group": "batch"},
    "two experts": {"top_k": 2, "renormalise": True, "expert_capacity": 2},
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.kills("mixture: the gate is left out", "nn/moe.py", "* gates[sent, None]", "* 1.0")
@pytest.mark.kills(
    "mixture: a second choice reads another token",
    "nn/moe.py",
    'sent.div(routing.gates.shape[-1], rounding_mode="floor")',
    "sent.remainder(len(tokens))",
)
def test_each_token_is_the_sum_of_its_experts(name: str, padded: bool) -> None:
    part, x = mixture(**OPTIONS[name]), states().requires_grad_()
    keep = torch.tensor([[0, 0, 1, 1, 1, 1, 1], [1, 1, 1, 0, 1, 0, 0]]).bool() if padded else None
    got, want = part(x, keep), by_hand(part, x, keep)
    assert_close(got, want, **CLOSE)
    mine, other = (
        torch.autograd.grad(out.sin().sum(), [x, *part.parameters()], allow_unused=True)
        for out in (got, want)
    )
    for g, w in zip(mine, other, strict=True):
        assert_close(g, torch.zeros_like(g) if w is None else w, **CLOSE)


def test_five_tokens_one_expert_room_for_two() -> None:
    """On paper: logits (1, 0); two rows, then three of exact zeros; a layer hands these on."""
    part = MixtureOfExperts(
        [FeedForward(2, 3), FeedForward(2, 3)],
        Router(2, 2, expert_capacity=2, balance_weight=0.0, z_weight=1.0),
    )
    spread(part)
    with torch.no_grad():
        part.router.gate.weight.copy_(torch.eye(2))
    x = torch.tensor([1.0, 0.0], dtype=torch.float64).expand(1, 5, 2)
    gate = torch.tensor(1.0).double().sigmoid()
    want = torch.cat([(gate * part.experts[0](x[:, :2])), torch.zeros(1, 3, 2)], 1)
    out = part(x)
    assert_close(out, want, **CLOSE)
    assert out[:, 2:].eq(0).all()
    assert take_auxiliary_losses(part)["router"].item() == pytest.approx(1.7247, abs=5e-5)
    keep = torch.tensor([[False, False, True, True, True]])  # padding on the left
    left = part(x, keep)
    assert left[0].abs().sum(-1).gt(0).tolist() == [False, False, True, True, False]
    untold = MixtureOfExperts(part.experts, Router(2, 2, expert_capacity=2, ignore_padding=False))
    untold.router.load_state_dict(part.router.state_dict())
    assert_close(untold.double()(x, keep), want, **CLOSE)  # padding takes the places


def test_it_is_hugging_face_s_with_its_rule_of_padding() -> None:
    from transformers import SwitchTransformersConfig
    from transformers.models.switch_transformers.modeling_switch_transformers import (
        SwitchTransformersSparseMLP,
    )

    config = SwitchTransformersConfig(d_model=D, d_ff=F, num_experts=N, expert_capacity=2)
    theirs = spread(SwitchTransformersSparseMLP(config)).eval()
    theirs.router.dtype = torch.float64
    part = MixtureOfExperts(
        [FeedForward(D, F, activation="relu", bias=False) for _ in range(N)],
        Router(D, N, expert_capacity=2, ignore_padding=False),
    ).double()
    names = {"router.gate.weight": "router.classifier.weight"}
    for i in range(N):
        for ours, other in (("up_proj", "wi"), ("down_proj", "wo")):
            names[f"experts.{i}.{ours}.weight"] = f"experts.expert_{i}.{other}.weight"
    stored = theirs.state_dict()
    part.load_state_dict({mine: stored[other] for mine, other in names.items()})
    x, keep = states(), torch.ones(B, T, dtype=torch.bool)
    keep[:, :2] = False
    assert_close(part(x, keep), theirs(x.clone()), **CLOSE)
    assert not where(part, x).placed.all()


@pytest.mark.kills(
    "mixture: experts compute for all tokens",
    "nn/moe.py",
    "answers = expert(tokens[own]) * gates[sent, None]",
    "answers = expert(tokens)[own] * gates[sent, None]",
)
def test_an_expert_computes_for_its_own_tokens_and_no_others() -> None:
    part, x = mixture(expert_capacity=2), states()
    seen: dict[int, Tensor] = {}
    for i, expert in enumerate(part.experts):
        expert.register_forward_pre_hook(lambda _, args, i=i: seen.update({i: args[0]}))
    part(x)
    routing = where(part, x)
    assert sum(len(rows) for rows in seen.values()) == int(routing.placed.sum()) < B * T
    for i, rows in seen.items():
        mine = x[routing.placed[..., 0] & (routing.experts[..., 0] == i)]
        assert torch.equal(rows, mine)
        assert len(rows) <= 2 * B


def test_the_router_learns_through_the_gate_and_the_choice_has_no_gradient() -> None:
    part, x = mixture(balance_weight=0.0, z_weight=0.0), states()
    (slope,) = torch.autograd.grad(part(x).sin().sum(), part.router.gate.weight)
    assert slope.abs().amax(-1).gt(0).any()
    out, step = part(x), 1e-6
    (slope,) = torch.autograd.grad(out.sum(), part.router.gate.weight)
    with torch.no_grad():
        before = out.sum()
        part.router.gate.weight[1, 3] += step
        moved = (part(x).sum() - before) / step
    assert moved.item() == pytest.approx(slope[1, 3].item(), rel=1e-4, abs=1e-6)


def test_an_expert_without_tokens_has_a_gradient_of_zeros() -> None:
    part, x = mixture(), states()
    with torch.no_grad():
        part.router.gate.weight.zero_()  # all go to the first
    part(x).sum().backward()
    for i, expert in enumerate(part.experts):
        for p in expert.parameters():
            assert p.grad is not None
            assert p.grad.eq(0).all().item() is (i > 0)


def test_with_one_expert_it_is_a_feed_forward_layer() -> None:
    part, x = mixture(1), states()
    assert_close(part(x), part.experts[0](x), **CLOSE)
    assert take_auxiliary_losses(part)["router"].item() == pytest.approx(
        0.01 + 0.001 * (x @ part.router.gate.weight.T).square().mean().item()
    )


# ------------------------------------------------------------------ in a layer


def sparse_layer(kind: type = EncoderLayer, **options: Any) -> Any:
    return spread(kind(D, H, F, feed_forward=mixture(**options)))


SIDES = {"left": [[0, 0, 1, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1]], "right": [[1] * 5 + [0] * 2] * 2}


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("joined", ["alone", "causal", "tensor", "scaled"])
def test_a_layer_says_which_tokens_are_padding(norm_first: bool, side: str, joined: str) -> None:
    keep, part = torch.tensor(SIDES[side]).bool(), mixture(expert_capacity=1)
    inside: Any = LayerScale(part, D) if joined == "scaled" else part
    layer = spread(EncoderLayer(D, H, F, feed_forward=inside, norm_first=norm_first))
    heard: list[Tensor] = []
    part.router.register_forward_hook(lambda _, args, __: heard.append(args[1]))
    mask: Any = masks.padding(keep)
    if joined == "causal":
        mask = masks.causal() & mask & masks.sliding_window(5)
    elif joined == "tensor":
        mask = mask & torch.ones(T, T, dtype=torch.bool).tril()
    layer(states(), mask)
    Stack([layer])(states(), mask)
    assert len(heard) == 2
    assert all(torch.equal(one, keep) for one in heard)


@pytest.mark.kills(
    "layers: a decoder tells its experts the source's padding",
    "nn/decoder_layer.py",
    "x = x + self.dropout(self._feed(self.feed_forward_norm(x), mask))",
    "x = x + self.dropout(self._feed(self.feed_forward_norm(x), memory_mask))",
)
def test_a_decoder_says_which_of_its_new_tokens_are_padding() -> None:
    layer, cache = sparse_layer(DecoderLayer, expert_capacity=1), KVCache()
    heard: list[Any] = []
    layer.feed_forward.router.register_forward_hook(lambda _, args, __: heard.append(args[1]))
    keep, source = torch.tensor(SIDES["left"]).bool(), torch.ones(B, S, dtype=torch.bool)
    x, memory, theirs = states(), states(S), masks.padding(source)
    layer(x[:, :3], memory, masks.padding(keep[:, :3]), theirs, cache=cache)
    layer(x[:, 3:], memory, masks.padding(keep), theirs, cache=cache)
    assert torch.equal(torch.cat(heard, 1), keep)
    layer(x, memory, torch.ones(T, T, dtype=torch.bool), theirs)  # a table tells nothing
    layer(x, memory, masks.sliding_window(3))
    assert heard[2:] == [None, None]


@pytest.mark.parametrize("side", SIDES)
def test_what_padding_holds_cannot_matter(side: str) -> None:
    layer, keep = sparse_layer(expert_capacity=1), torch.tensor(SIDES[side]).bool()
    x = states()
    loud = torch.where(keep[..., None], x, 1e3)
    outs = []
    for given in (x, loud):
        outs.append((layer(given, masks.padding(keep))[keep], take_auxiliary_losses(layer)))
    (got, loss), (want, other) = outs
    assert_close(got, want, **CLOSE)
    assert_close(loss["feed_forward.router"], other["feed_forward.router"], **CLOSE)


def test_a_dropped_token_passes_by_the_residual_alone() -> None:
    layer, x = sparse_layer(expert_capacity=1), states()
    middle = x + layer.attention(layer.attention_norm(x))
    routing = where(layer.feed_forward, layer.feed_forward_norm(middle))
    dropped = ~routing.placed[..., 0]
    assert 0 < dropped.sum() < B * T
    assert_close(layer(x)[dropped], middle[dropped], rtol=0.0, atol=0.0)


def test_layers_are_never_pooled() -> None:
    layers = [sparse_layer(balance_weight=1.0, z_weight=0.0) for _ in range(2)]
    stack = spread(Stack(layers, LayerNorm(D)))
    with torch.no_grad():
        for i, layer in enumerate(layers):
            layer.feed_forward.router.gate.weight.zero_()
            layer.feed_forward_norm.weight.zero_()
            layer.feed_forward_norm.bias.fill_(1.0)
            layer.feed_forward.router.gate.weight[i] = 99.0
    stack(states())
    losses = take_auxiliary_losses(stack)
    assert list(losses) == [f"layers.{i}.feed_forward.router" for i in range(2)]
    assert [loss.item() for loss in losses.values()] == [pytest.approx(N), pytest.approx(N)]


def test_in_steps_with_a_cache_as_at_once_where_all_have_room() -> None:
    stack, x, cache = spread(Stack([sparse_layer(), sparse_layer()])), states(), KVCache()
    whole = stack(x, masks.causal())
    steps = [stack(part, masks.causal(), cache=cache) for part in x.split([3, 1, 3], dim=1)]
    assert_close(torch.cat(steps, dim=1), whole, **CLOSE)


@pytest.mark.plain
def test_compiled_it_is_the_same() -> None:
    torch._dynamo.reset()
    layer, x = sparse_layer(expert_capacity=2), states().requires_grad_()
    want = layer(x, masks.causal())
    loss = take_auxiliary_losses(layer)["feed_forward.router"]
    compiled: Any = torch.compile(layer, backend="aot_eager", fullgraph=True)
    with torch._dynamo.config.patch(capture_scalar_outputs=True):  # how many tokens an expert has
        got = compiled(x, masks.causal())
    assert_close(got, want, **CLOSE)
    assert_close(take_auxiliary_losses(layer)["feed_forward.router"], loss, **CLOSE)
    grads = (torch.autograd.grad(out.sin().sum(), x)[0] for out in (got, want))
    assert_close(*grads, **CLOSE)


def test_under_autocast_what_comes_out_is_what_went_in() -> None:
    part = MixtureOfExperts([FeedForward(D, F) for _ in range(N)], Router(D, N))
    x = torch.randn(B, T, D)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = part(x)
    assert out.dtype == torch.float32
    assert_close(out, part(x), rtol=0.0, atol=0.05)
    assert part.bfloat16()(x.bfloat16()).dtype == torch.bfloat16


def test_on_meta_each_expert_has_an_even_share() -> None:
    with torch.device("meta"):
        part = MixtureOfExperts([FeedForward(D, F) for _ in range(N)], Router(D, N))
        sizes: list[int] = []
        for expert in part.experts:
            expert.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
        out = part(torch.empty(B, T, D))
    assert out.is_meta
    assert out.shape == (B, T, D)
    assert sorted(sizes) == [3, 3, 4, 4]


def test_nothing_in_nothing_out() -> None:
    part = mixture()
    assert part(states(0)).shape == (B, 0, D)
    keep = torch.zeros(B, T, dtype=torch.bool)
    assert part(states(), keep).eq(0).all()
    assert take_auxiliary_losses(part)["router"].item() == 0.0


@pytest.mark.plain
def test_what_does_not_fit_is_refused_by_name() -> None:
    part, x = mixture(), states()
    for given, message in (
        ((x[0],), r"x should have shape \(B, T, D=12\), got \(7, 12\)"),
        ((x.float(),), "x should have the dtype of the weights, float64, got float32"),
        ((x, torch.ones(B, T)), "keep should be a bool tensor"),
        ((x, torch.ones(B, S) > 0), r"keep should have shape \(B=2, T=7\), got \(2, 5\)"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            part(*given)
    experts = [FeedForward(D, F) for _ in range(3)]
    for arguments, message in (
        ((experts, nn.Linear(D, 3)), r"router should be a txlite\.nn\.Router, got Linear"),
        ((experts, Router(D, N)), "experts should hold as many .* num_experts=4, got 3"),
        (([], Router(D, 1)), "experts should hold as many .* num_experts=1, got 0"),
        ((experts, Router(D + 1, 3)), r"experts\[0\] should have d_model=13, got a part with d_mo"),
        (([torch.tanh], Router(D, 1)), r"experts\[0\] should be a torch\.nn\.Module, got"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            MixtureOfExperts(*arguments)
    with pytest.raises(ValueError, match=r"^feed_forward should have d_ff=11, got a part with d_f"):
        EncoderLayer(D, H, F + 1, feed_forward=mixture())
