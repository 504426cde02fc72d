"""Recorded routings are those that the model follows, and recording changes nothing."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.inspect import expert_load, record_routing
from txlite.models import Switch, SwitchConfig
from txlite.nn import EncoderLayer, FeedForward, MixtureOfExperts, Router, Routing, Stack, masks

B, T, D, F, N = 2, 7, 12, 10, 4
EXACT = {"rtol": 0.0, "atol": 0.0}


def mixture(**options: Any) -> MixtureOfExperts:
    part = MixtureOfExperts([FeedForward(D, F) for _ in range(N)], Router(D, N, **options))
    for p in part.double().parameters():
        nn.init.normal_(p, std=0.5)
    return part


def tower(*parts: MixtureOfExperts) -> nn.Module:
    """A stack whose layers have these parts, and a layer without experts before them."""
    layers = [EncoderLayer(D, 3, F), *(EncoderLayer(D, 3, F, feed_forward=p) for p in parts)]
    return Stack(layers).double()


def states() -> Tensor:
    return torch.randn(B, T, D, dtype=torch.float64)


def alike(got: Routing, want: Routing) -> None:
    for mine, theirs in zip(got, want, strict=True):
        assert_close(mine, theirs, **EXACT)


def test_a_lone_part_is_recorded_under_the_empty_path() -> None:
    part, x = mixture(expert_capacity=2), states()
    with record_routing(part) as routings:
        assert routings == {}
        part(x)
    assert list(routings) == [""]
    alike(routings[""], part.router(x))


def test_every_part_is_recorded_under_its_path() -> None:
    first, second = mixture(expert_capacity=2), mixture(top_k=2, renormalise=True)
    heard: list[Routing] = []
    for part in (first, second):
        part.router.register_forward_hook(lambda *call: heard.append(call[-1]))
    model = tower(first, second)
    with record_routing(model) as routings:
        model(states())
    assert sorted(routings) == ["layers.1.feed_forward", "layers.2.feed_forward"]
    alike(routings["layers.1.feed_forward"], heard[0])
    alike(routings["layers.2.feed_forward"], heard[1])
    assert routings["layers.2.feed_forward"].experts.shape == (B, T, 2)


def test_both_stacks_of_a_switch_are_recorded() -> None:
    sizes = {"d_model": D, "num_heads": 3, "d_ff": F, "num_layers": 4, "num_experts": N}
    model = Switch(SwitchConfig(vocab_size=11, head_dim=4, **sizes)).eval()
    with record_routing(model) as routings:
        model(torch.randint(11, (B, T)), torch.randint(11, (B, 5)))
    paths = [f"{s}.layers.{n}.feed_forward" for s in ("decoder", "encoder") for n in (1, 3)]
    assert sorted(routings) == paths
    assert [len(routings[p].experts[0]) for p in paths] == [5, 5, T, T]


def test_the_last_call_counts() -> None:
    part, x = mixture(), states()
    with record_routing(part) as routings:
        part(states())
        part(x[:, :3])
    alike(routings[""], part.router(x[:, :3]))


@pytest.mark.kills("routings keep their graph", "inspect/routing.py", "tensor.detach()", "tensor")
def test_routings_carry_no_gradient() -> None:
    part = mixture()
    with record_routing(part) as routings:
        part(states().requires_grad_())
    assert not any(tensor.requires_grad for tensor in routings[""])


def test_recording_changes_nothing_and_nothing_remains() -> None:
    model, x = tower(mixture(expert_capacity=2)), states().requires_grad_()
    want = model(x)
    want.sum().backward()
    grad, x.grad = x.grad, None
    with record_routing(model):
        got = model(x)
        got.sum().backward()
    assert_close(got, want, **EXACT)
    assert_close(x.grad, grad, **EXACT)
    with pytest.raises(RuntimeError, match="planted"), record_routing(model):
        raise RuntimeError("planted")
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


@pytest.mark.kills(
    "a shared router forgets where it is", "inspect/routing.py", "listener.calls = 0", "pass"
)
def test_a_part_in_several_places_has_a_routing_for_each() -> None:
    part = mixture(expert_capacity=2)
    model, heard = tower(part, part, part), []
    part.router.register_forward_hook(lambda *call: heard.append(call[-1]))
    with record_routing(model) as routings:
        part(states())  # alone, between two runs of the model
        heard.clear()
        model(states())
    for n in range(3):
        alike(routings[f"layers.{n + 1}.feed_forward"], heard[n])


def test_a_path_without_a_routing_says_which_there_are() -> None:
    model = tower(mixture())
    with record_routing(model) as routings:
        model(states())
    with pytest.raises(KeyError, match=r"no routing of 'x': recorded are \['layers\.1\.feed_f"):
        routings["x"]


def by_loops(routing: Routing, keep: Tensor) -> tuple[list[int], list[int], int]:
    """Choices, computed rows and drops, choice by choice."""
    asked, rows, dropped = [0] * N, [0] * N, 0
    for b in range(keep.shape[0]):
        for t in range(keep.shape[1]):
            if not keep[b, t]:
                continue
            for expert, placed in zip(routing.experts[b, t], routing.placed[b, t], strict=True):
                asked[int(expert)] += 1
                rows[int(expert)] += bool(placed)
                dropped += not placed
    return asked, rows, dropped


@pytest.mark.parametrize(
    "options", [{}, {"expert_capacity": 1}, {"top_k": 2, "capacity_factor": 1.0}]
)
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("obeyed", [False, True])
def test_the_load_is_counted_choice_by_choice(
    options: dict[str, Any], padded: bool, obeyed: bool
) -> None:
    part = mixture(ignore_padding=obeyed, **options)
    keep = torch.rand(B, T) < 0.6 if padded else torch.ones(B, T, dtype=torch.bool)
    keep[:, 0] = True
    routing = part.router(states(), keep)
    asked, rows, dropped = by_loops(routing, keep)
    load = expert_load(routing, keep if padded else None)
    assert_close(load.shares, torch.tensor(asked, dtype=torch.float64) / sum(asked))
    assert load.rows.tolist() == rows
    assert load.dropped == dropped
    assert sum(rows) + dropped == int(keep.sum()) * part.router.options.top_k


def test_without_a_token_nothing_is_asked() -> None:
    routing = mixture().router(states())
    load = expert_load(routing, torch.zeros(B, T, dtype=torch.bool))
    assert load.shares.tolist() == [0.0] * N
    assert (load.rows.tolist(), load.dropped) == ([0] * N, 0)


def test_padding_is_not_taken_for_dropped() -> None:
    part = mixture(expert_capacity=T)
    keep = torch.ones(B, T, dtype=torch.bool)
    keep[0, :3] = False
    model = tower(part)
    with record_routing(model) as routings:
        model(states(), mask=masks.padding(keep))
    routing = routings["layers.1.feed_forward"]
    assert expert_load(routing).dropped == 3  # whoever does not say what is padding
    assert expert_load(routing, keep).dropped == 0


@pytest.mark.plain
def test_errors_say_what_was_wanted() -> None:
    lone = pytest.raises(ValueError, match=r"MixtureOfExperts, got a Linear without any")
    with lone, record_routing(nn.Linear(3, 2)):
        pass
    routing = mixture().router(states())
    with pytest.raises(ValueError, match=r"keep should be .*bool"):
        expert_load(routing, torch.ones(B, T))
    with pytest.raises(ValueError, match=r"keep should have shape"):
        expert_load(routing, torch.ones(B, T + 1, dtype=torch.bool))
