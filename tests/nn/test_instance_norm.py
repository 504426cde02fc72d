"""Reversible normalisation: by hand, there and back, and windows that are hard to scale."""

import math
import re
from typing import Any, get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.nn import ReversibleNorm
from txlite.nn.instance_norm import Scaling

B, T, N, C, Q = 3, 9, 4, 2, 5  # all different
SCALINGS = get_args(Scaling)
every_scaling = pytest.mark.parametrize("scaling", SCALINGS)


def windows() -> Tensor:
    return 5.0 + 3.0 * torch.randn(B, T, C, dtype=torch.float64)


def drawn(scaling: Any, **options: Any) -> ReversibleNorm:
    norm = ReversibleNorm(scaling, num_channels=C, **options).double()
    for p in norm.parameters():
        nn.init.normal_(p, std=0.5)
    return norm


# ------------------------------------------------------------------ mathematics


def test_by_hand() -> None:
    """Of (1, −2, 4): mean 1, variance 18/3; mean of absolute values 7/3; the last 4."""
    x = torch.tensor([1.0, -2.0, 4.0], dtype=torch.float64).view(1, 3, 1)
    wanted = {"std": (1.0, math.sqrt(6.25)), "mean": (0.0, 7 / 3), "last": (4.0, 1.0)}
    for scaling, (loc, scale) in {**wanted, "none": (0.0, 1.0)}.items():
        z, level = ReversibleNorm(scaling, eps=0.25)(x)  # type: ignore[arg-type]
        assert level.loc.item() == pytest.approx(loc)
        assert level.scale.item() == pytest.approx(scale)
        assert_close(z, (x - loc) / scale)


def test_by_hand_with_a_gap() -> None:
    """Without the second: (1, ·, 4) has mean 5/2, variance 9/4, absolute mean 5/2."""
    x = torch.tensor([1.0, math.nan, 4.0], dtype=torch.float64).view(1, 3, 1)
    observed = torch.tensor([True, False, True]).view(1, 3, 1)
    for scaling, loc, scale in (("std", 2.5, 1.5), ("mean", 0, 2.5), ("last", 4, 1)):
        z, level = ReversibleNorm(scaling, eps=0.0)(x, observed)  # type: ignore[arg-type]
        assert (level.loc.item(), level.scale.item()) == pytest.approx((loc, scale))
        assert z[0, 1].item() == 0.0
        z, _ = ReversibleNorm(scaling, eps=0.0, gaps="zero")(x, observed)  # type: ignore[arg-type]
        assert z[0, 1].item() == pytest.approx(-loc / scale)
    late = torch.tensor([True, True, False]).view(1, 3, 1)
    z, level = ReversibleNorm("last")(x.nan_to_num(7.0), late)
    assert level.loc.item() == 7.0


@every_scaling
@given(seed=st.integers(0, 2**32 - 1), learned=st.booleans())
def test_there_and_back(scaling: Any, seed: int, learned: bool) -> None:
    torch.manual_seed(seed)
    norm = drawn(scaling) if learned else ReversibleNorm(scaling)
    x = windows()
    z, level = norm(x)
    assert_close(norm.restore(z, level), x, rtol=0.0, atol=1e-11)
    beside = torch.stack([z, 2 * z], dim=-1)
    wanted = torch.stack([x, norm.restore(2 * z, level)], dim=-1)
    assert_close(norm.restore(beside, level), wanted, rtol=0.0, atol=1e-11)


@every_scaling
def test_a_unit_goes_back_as_its_spread(scaling: Any) -> None:
    """What rises still rises, whatever has been learned."""
    norm = drawn(scaling)
    _, level = norm(windows())
    z = torch.randn(B, N, C).double()
    step = norm.restore(z + 1.0, level) - norm.restore(z, level)
    assert_close(step, norm.spread(level).expand(B, N, C))
    assert (norm.spread(level) > 0).all()


def test_what_is_scaled_has_mean_zero_and_variance_one() -> None:
    z, _ = ReversibleNorm(eps=0.0)(windows())
    assert_close(z.mean(1), torch.zeros(B, C).double(), rtol=0.0, atol=1e-12)
    assert_close(z.square().mean(1), torch.ones(B, C).double())


# ------------------------------------------------------------------ windows that are hard


@pytest.mark.kills(
    "the mean is that of the values, which rounds, and not of their distances",
    "nn/instance_norm.py",
    "        loc = anchor + apart.sum(1, keepdim=True) / count.clamp(min=1)\n",
    "        loc = (known * observed).sum(1, keepdim=True) / count.clamp(min=1)\n",
)
@every_scaling
@pytest.mark.parametrize("eps", [None, 0.0])
@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 1e30])
def test_a_constant_window(scaling: Any, eps: float | None, value: float) -> None:
    """In float32 the mean of nine times 0.1 is not 0.1, and 1e30 squared is infinite."""
    norm = ReversibleNorm(scaling, eps=eps)
    x = torch.full((B, T, C), value, requires_grad=True)
    z, level = norm(x)
    assert z.isfinite().all()
    assert (level.scale > 0).all()
    if scaling in ("std", "last"):
        assert torch.equal(z, torch.zeros(B, T, C))
        assert torch.equal(norm.restore(z, level), x)
    (grad,) = torch.autograd.grad(norm.restore(z, level).sum(), x)
    assert_close(grad, torch.ones(B, T, C))


def test_a_large_level_does_not_eat_a_small_wave() -> None:
    """In float32 beside 1e6, where the sum of all has lost what the distances keep."""
    wave = torch.tensor([0.0, 1.0, 0.0, -1.0] * 250).view(1, -1, 1)
    z, level = ReversibleNorm(eps=0.0)(1e6 + wave)
    assert level.loc.item() == 1e6
    assert level.scale.item() == pytest.approx(math.sqrt(0.5))
    assert_close(z, wave / math.sqrt(0.5))


@every_scaling
def test_without_a_value_there_is_a_level_all_the_same(scaling: Any) -> None:
    x = torch.full((B, T, C), math.nan, requires_grad=True)
    observed = torch.zeros(B, T, C, dtype=torch.bool)
    norm = ReversibleNorm(scaling)
    z, level = norm(x, observed)
    assert torch.equal(z, torch.zeros(B, T, C))
    assert torch.equal(level.loc, torch.zeros(B, 1, C))
    (grad,) = torch.autograd.grad(norm.restore(z, level).sum(), x, allow_unused=True)
    assert grad is None or torch.equal(grad, torch.zeros(B, T, C))


@every_scaling
def test_one_window_knows_nothing_of_another(scaling: Any) -> None:
    norm, x = drawn(scaling), windows()
    observed = torch.rand(B, T, C) > 0.4
    observed[0, :, 1] = False
    z, level = norm(x, observed)
    alone, own = norm(x[:1], observed[:1])
    assert_close(alone, z[:1], rtol=0.0, atol=0.0)
    assert_close(own.scale, level.scale[:1], rtol=0.0, atol=0.0)


def test_the_gradient_is_that_of_the_definition() -> None:
    norm = drawn("std")
    x, observed = windows().requires_grad_(), torch.rand(B, T, C) > 0.3
    observed[:, 0] = True
    assert torch.autograd.gradcheck(lambda x: norm(x, observed)[0], (x,))
    assert torch.autograd.gradcheck(lambda x: norm(x, observed)[1].scale, (x,))


# ------------------------------------------------------------------ errors


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    x = windows()
    for norm, asked, message in (
        (ReversibleNorm(), (x[0],), "x should have shape (B, T, C), got (9, 2)"),
        (ReversibleNorm(), (x[:, :0],), "x should hold at least one value of each series, got T=0"),
        (ReversibleNorm(), (x.int(),), "x should hold floating-point numbers, got int32"),
        (ReversibleNorm(), (x, x), "observed should be a bool tensor"),
        (ReversibleNorm(), (x, x[:1] > 0), "observed should have shape (B=3, T=9, C=2), got (1, 9"),
        (drawn("std"), (x[..., :1],), "x should have shape (B, T, C=2), got (3, 9, 1)"),
        (drawn("std"), (x.float(),), "x should have the dtype of the weights, float64, got float3"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            norm(*asked)
    for options, message in (
        ({"scaling": "max"}, "scaling should be one of std, mean, last, none, got 'max'"),
        ({"gaps": "nan"}, "gaps should be one of level, zero, got 'nan'"),
        ({"eps": -1e-5}, "eps should be at least zero and finite, got -1e-05"),
        ({"eps": math.inf}, "eps should be at least zero and finite, got inf"),
        ({"num_channels": 0}, "num_channels should be a positive whole number, got 0"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            ReversibleNorm(**options)  # type: ignore[arg-type]
