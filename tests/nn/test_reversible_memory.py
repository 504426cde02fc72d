"""Reversible layers: memory that does not grow with depth, and other machinery around them."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint

from tests.nn.test_reversible import CLOSE, B, D, H, T, slopes, stack, states, twins
from txlite.nn import ReversibleStack, masks

# ------------------------------------------------------------------ memory


def kept(made: ReversibleStack, length: int = T, rows: int = B) -> int:
    """Bytes that the backward pass will read, weights aside."""
    own = {p.untyped_storage().data_ptr() for p in made.parameters()}
    seen: dict[int, int] = {}

    def pack(x: Tensor) -> Tensor:
        storage = x.untyped_storage()
        if storage.data_ptr() not in own:
            seen[storage.data_ptr()] = storage.nbytes()
        return x

    x = states(rows, length, D).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        out = made(x, masks.causal())
    assert out.requires_grad
    return sum(seen.values())


@pytest.mark.parametrize("kind", ["full", "lsh", "chunked"])
@pytest.mark.kills(
    "reversible: all states are stored", "nn/reversible.py",
    "if self.recompute and torch.is_grad_enabled()", "if torch.is_inference_mode_enabled()",
)  # fmt: skip
def test_memory_is_constant_in_depth(kind: str) -> None:
    two, twelve = (kept(stack(*[kind] * n)) for n in (2, 12))
    assert two == twelve
    assert two <= 6 * B * T * D * 8  # both streams' ends, and what the norm of both keeps
    stored = [kept(stack(*[kind] * n, recompute=False)) for n in (2, 4, 6)]
    assert stored[2] - stored[1] == stored[1] - stored[0] > 8 * B * T * D * 8
    assert stored[2] > 10 * twelve


def test_memory_grows_with_the_length_and_not_with_its_square() -> None:
    short, long = (kept(stack("full", "full"), length) for length in (40, 160))
    assert long <= 4.1 * short


def test_decisions_are_all_that_a_layer_keeps_beside_the_state_of_chance() -> None:
    made = stack("lsh", "full", "lsh")
    parts = made(states(), masks.causal()).grad_fn.next_functions[0][0]
    while not hasattr(parts, "program"):
        parts = parts.next_functions[0][0]
    numbers = [[t.numel() for part in pair for t in part.kept] for pair in parts.program.parts]
    assert numbers == [[B * H * 2 * T], [], [B * H * 2 * T]]
    assert sum(part.state.nbytes for pair in parts.program.parts for part in pair) < 3 * 11_000


def test_a_decision_is_not_made_twice() -> None:
    """Computed anew, an input differs by rounding, and a bucket could be another one."""
    one, other = twins("lsh", "lsh", "lsh")
    calls: list[int] = []
    from txlite.nn import lsh_heads

    real = lsh_heads.hash_buckets

    def counted(*given: Any) -> Tensor:
        calls.append(1)
        found = real(*given)
        return found.roll(len(calls), -1)  # another answer each time

    lsh_heads.hash_buckets = counted  # type: ignore[assignment]
    try:
        mine = slopes(one, torch.ones(B, T, D).double())
        assert len(calls) == 3
        calls.clear()
        want = slopes(other, torch.ones(B, T, D).double())
    finally:
        lsh_heads.hash_buckets = real
    for got, wanted in zip(mine, want, strict=True):
        assert_close(got, wanted, **CLOSE)


# ------------------------------------------------------------------ beside other machinery


def test_inside_a_checkpoint() -> None:
    one, other = twins("lsh", "full", "lsh", dropout=0.3)
    x = states()

    class Checked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = one

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = checkpoint(self.inner, x, use_reentrant=False)
            return out

    for got, want in zip(slopes(Checked(), x), slopes(other, x), strict=True):
        assert_close(got, want, **CLOSE)


def test_around_a_checkpoint() -> None:
    class Checked(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = checkpoint(self.inner, x, use_reentrant=False)
            return out

    one, other = twins("full", "lsh", dropout=0.3)
    for made in (one, other):
        for part in made.layers:
            part.feed_forward = Checked(part.feed_forward)  # type: ignore[assignment]
    x = states()
    for got, want in zip(slopes(one, x), slopes(other, x), strict=True):
        assert_close(got, want, **CLOSE)


def test_a_second_derivative_is_refused() -> None:
    made, x = stack("full"), states().requires_grad_()
    (slope,) = torch.autograd.grad(made(x).sin().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()


def test_twice_backward_is_the_same() -> None:
    made, x = stack("lsh", "full", dropout=0.2), states().requires_grad_()
    total = made(x).sin().sum()
    one = torch.autograd.grad(total, x, retain_graph=True)[0]
    assert torch.equal(one, torch.autograd.grad(total, x)[0])


def test_under_autocast_both_runs_are_narrow() -> None:
    one, other = twins("full", "full")
    one, other = one.float(), other.float()
    x, found = states().float(), []
    for made in (one, other):
        leaf = x.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            out = made(leaf)
        found.append(torch.autograd.grad(out.float().sin().sum(), [leaf, *made.parameters()]))
    for got, want in zip(*found, strict=True):
        assert got.dtype == want.dtype
        error = (got - want).norm() / want.norm()
        assert error < 0.02


@pytest.mark.plain
def test_a_compiled_stack_stores() -> None:
    one, other = twins("full", "full")
    x = states()
    compiled = torch.compile(one, backend="eager", fullgraph=True)
    assert_close(compiled(x, masks.causal()), other(x, masks.causal()), **CLOSE)


def test_what_is_drawn_is_the_same_in_float32_too() -> None:
    """The inputs that are computed anew differ by rounding, and no gradient by more than that."""
    one, other = (m.float() for m in twins(*["lsh", "full"] * 4, dropout=0.2))
    x = states().float()
    for got, want in zip(slopes(one, x), slopes(other, x), strict=True):
        assert (got - want).norm() <= 2e-4 * want.norm() + 1e-5  # a key's bias has none
