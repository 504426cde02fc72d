"""Normalisation: mean and size, what cannot change them, and parity with torch and Llama."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.nn import LayerNorm, RMSNorm, layer_norm, rms_norm

EXACT = {"rtol": 0.0, "atol": 0.0}
CLOSE = {"rtol": 0.0, "atol": 1e-12}
B, T, D = 2, 5, 7  # all different
NORMS = pytest.mark.parametrize("norm", [layer_norm, rms_norm])
Norm = Callable[..., Tensor]
any_seed = st.integers(0, 2**32 - 1)


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64)


def random(module: nn.Module) -> nn.Module:
    """Give a module weights that are large enough to show a fault, in float64."""
    for p in module.double().parameters():
        nn.init.normal_(p, std=0.5)
    return module


# ------------------------------------------------------------------ mathematics


def test_by_hand() -> None:
    """Of (1, 2, 6): mean 3, variance (4 + 1 + 9)/3; mean square 41/3."""
    x = torch.tensor([1.0, 2.0, 6.0], dtype=torch.float64)
    deviation = math.sqrt(14 / 3)
    assert_close(layer_norm(x, eps=0.0), torch.tensor([-2.0, -1, 3]).double() / deviation)
    assert_close(rms_norm(x, eps=0.0), x / math.sqrt(41 / 3))


@given(any_seed)
def test_a_layer_norm_has_mean_zero_and_variance_one(seed: int) -> None:
    torch.manual_seed(seed)
    x = 3.0 * draw(B, T, D) + 8.0
    y = layer_norm(x, eps=0.0)
    assert_close(y.mean(-1), torch.zeros(B, T).double(), **CLOSE)
    assert_close(y.square().mean(-1), torch.ones(B, T).double(), **CLOSE)
    assert not torch.allclose(y.var(-1), torch.ones(B, T).double())  # the variance divides by D


@given(any_seed)
def test_an_rms_norm_has_size_one_and_keeps_its_direction(seed: int) -> None:
    torch.manual_seed(seed)
    x = 3.0 * draw(B, T, D) + 8.0
    y = rms_norm(x, eps=0.0)
    assert_close(y.square().mean(-1), torch.ones(B, T).double(), **CLOSE)
    assert_close(torch.cosine_similarity(x, y, -1), torch.ones(B, T).double())
    assert (y.mean(-1) > 0.5).all()  # its mean stays


@NORMS
def test_a_larger_input_gives_the_same_output(norm: Norm) -> None:
    x = draw(B, T, D)
    assert_close(norm(1e3 * x, eps=0.0), norm(x, eps=0.0))
    assert_close(norm(-x, eps=0.0), -norm(x, eps=0.0))
    assert not torch.allclose(norm(x + draw(B, T, D), eps=0.0), norm(x, eps=0.0))


def test_a_shift_of_all_entries_leaves_layer_norm_alone_and_not_rms_norm() -> None:
    x, shift = draw(B, T, D), draw(B, T, 1)
    assert_close(layer_norm(x + shift, eps=0.0), layer_norm(x, eps=0.0))
    assert not torch.allclose(rms_norm(x + shift, eps=0.0), rms_norm(x, eps=0.0))


def test_without_a_mean_the_two_are_one() -> None:
    x = draw(B, T, D)
    x -= x.mean(-1, keepdim=True)
    assert_close(layer_norm(x, eps=1e-3), rms_norm(x, eps=1e-3), **CLOSE)


@NORMS
def test_every_vector_is_normalised_by_itself(norm: Norm) -> None:
    x = draw(B, T, D)
    want = norm(x)
    for b in range(B):
        for t in range(T):
            assert_close(norm(x[b, t]), want[b, t], **CLOSE)
    order = torch.randperm(T)
    assert_close(norm(x[:, order]), want[:, order], **EXACT)
    loud = x.clone()
    loud[1, 2] = 100 * draw(D)
    rest = torch.ones(B, T, dtype=torch.bool)
    rest[1, 2] = False
    assert_close(norm(loud)[rest], want[rest], **EXACT)
    assert not torch.allclose(norm(loud)[1, 2], want[1, 2])  # the test can see a change


@NORMS
def test_eps_is_added_to_the_square_and_keeps_a_silent_vector_finite(norm: Norm) -> None:
    x = torch.tensor([2.0, -2.0], dtype=torch.float64)  # mean 0, mean square 4
    assert_close(norm(x, eps=5.0), x / 3.0)
    silent = torch.zeros(D, dtype=torch.float64, requires_grad=True)
    out = norm(silent)
    assert (out == 0).all()
    out.sum().backward()
    assert silent.grad is not None
    assert silent.grad.isfinite().all()


@NORMS
def test_scale_and_shift_come_last(norm: Norm) -> None:
    x, weight, bias = draw(B, T, D), draw(D), draw(D)
    assert_close(norm(x, weight), norm(x) * weight, **CLOSE)
    if norm is layer_norm:
        assert_close(norm(x, weight, bias), norm(x) * weight + bias, **CLOSE)
        assert_close(norm(x, None, bias), norm(x) + bias, **CLOSE)


def jacobian(norm: Norm, x: Tensor) -> Tensor:
    return torch.autograd.functional.jacobian(lambda x: norm(x, eps=0.0), x)


def test_the_jacobian_of_layer_norm_is_a_projection_over_the_deviation() -> None:
    """(I − 11ᵀ/D − yyᵀ/D)/σ: it kills the mean and the radius, and keeps all the rest."""
    x = 3.0 * draw(D) + 2.0
    y, deviation = layer_norm(x, eps=0.0), x.std(correction=0)
    got = jacobian(layer_norm, x) * deviation
    ones = torch.ones(D, dtype=torch.float64)
    assert_close(got, torch.eye(D).double() - ones.outer(ones) / D - y.outer(y) / D, **CLOSE)
    assert_close(got @ got, got, **CLOSE)
    assert torch.linalg.matrix_rank(got) == D - 2
    assert_close(got @ ones, 0 * ones, **CLOSE)
    assert_close(got @ x, 0 * x, rtol=0, atol=1e-11)


def test_the_jacobian_of_rms_norm_kills_the_radius_only() -> None:
    x = 3.0 * draw(D) + 2.0
    y, size = rms_norm(x, eps=0.0), x.square().mean().sqrt()
    got = jacobian(rms_norm, x) * size
    assert_close(got, torch.eye(D).double() - y.outer(y) / D, **CLOSE)
    assert torch.linalg.matrix_rank(got) == D - 1


@NORMS
def test_gradients_twice(norm: Norm) -> None:
    x, weight = draw(3, 4).requires_grad_(), draw(4).requires_grad_()
    assert torch.autograd.gradcheck(norm, (x, weight))
    assert torch.autograd.gradgradcheck(norm, (x, weight))


@NORMS
@pytest.mark.parametrize("lead", [(), (3,), (2, 3, 2), (0,), (2, 0)])
def test_any_number_of_leading_axes(norm: Norm, lead: tuple[int, ...]) -> None:
    x = draw(*lead, D)
    assert norm(x).shape == x.shape
    assert_close(norm(x).flatten(0, -1), norm(x.reshape(-1, D)).flatten())


@NORMS
def test_inputs_are_left_unchanged_and_their_layout_does_not_matter(norm: Norm) -> None:
    x = draw(B, D, T).mT
    before = x.clone()
    assert_close(norm(x), norm(x.contiguous()), **CLOSE)
    assert_close(x, before, **EXACT)


# ------------------------------------------------------------------ precision


def definition(norm: Norm, x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """The formula in float64."""
    x, weight = x.double(), weight.double()
    centred = x - x.mean(-1, keepdim=True) if norm is layer_norm else x
    return centred / (centred.square().mean(-1, keepdim=True) + eps).sqrt() * weight


@pytest.mark.kills(
    "half precision squared in half precision",
    "nn/norms.py",
    "return nn.functional.rms_norm(x, x.shape[-1:], weight, eps)",
    "return x / (x * x).mean(-1, True).add(eps).sqrt() * (1 if weight is None else weight)",
)
@NORMS
@pytest.mark.parametrize(("dtype", "bound"), [(torch.bfloat16, 2**-8), (torch.float16, 2**-11)])
@pytest.mark.parametrize("width", [16, 1024])
def test_half_precision_loses_no_more_than_the_rounding_of_the_result(
    norm: Norm, dtype: torch.dtype, bound: float, width: int, device: torch.device
) -> None:
    x = (30 * draw(50, width) + 100).to(device, dtype)
    weight = (1 + draw(width) / 4).to(device, dtype)
    got, want = norm(x, weight, eps=1e-5), definition(norm, x, weight, 1e-5)
    assert got.dtype == dtype
    assert_close(got.double(), want, rtol=1.01 * bound, atol=1e-5)


@NORMS
def test_float32_equals_the_definition(norm: Norm, device: torch.device) -> None:
    x, weight = draw(50, 64).to(device).float(), draw(64).to(device).float()
    assert_close(norm(x, weight, eps=1e-5).double(), definition(norm, x, weight, 1e-5), **FLOAT32)


FLOAT32 = {"rtol": 2e-6, "atol": 2e-6}


@pytest.mark.parametrize("module", [LayerNorm(8), RMSNorm(8)], ids=["layer", "rms"])
def test_autocast_may_mix_dtypes(module: nn.Module) -> None:
    x = torch.randn(B, T, 8)
    with torch.autocast("cpu", torch.bfloat16):
        assert_close(module(x), module(x.bfloat16()).float(), rtol=0, atol=0.05)


# ------------------------------------------------------------------ modules and parity


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("eps", [1e-5, 1e-2])
def test_equals_torch_nn_layer_norm(bias: bool, eps: float) -> None:
    ours, theirs = random(LayerNorm(D, eps=eps, bias=bias)), nn.LayerNorm(D, eps, bias=bias)
    theirs.double().load_state_dict(ours.state_dict())  # the names are the same, too
    equal(ours, theirs)


@pytest.mark.parametrize("eps", [1e-6, 1e-2])
def test_equals_torch_nn_rms_norm(eps: float) -> None:
    ours, theirs = random(RMSNorm(D, eps=eps)), nn.RMSNorm(D, eps)
    theirs.double().load_state_dict(ours.state_dict())
    equal(ours, theirs)


def equal(ours: nn.Module, theirs: nn.Module) -> None:
    x = (draw(B, T, D) + 2).requires_grad_()
    got, want = ours(x), theirs(x)
    assert_close(got, want, **CLOSE)
    mine = torch.autograd.grad(got.sin().sum(), (x, *ours.parameters()))
    other = torch.autograd.grad(want.sin().sum(), (x, *theirs.parameters()))
    assert_close(mine, other, **CLOSE)


def test_equals_llama() -> None:
    """Hugging Face computes it in float32 whatever comes in, so no nearer than that."""
    llama = pytest.importorskip("transformers.models.llama.modeling_llama")
    ours, theirs = random(RMSNorm(D)).float(), llama.LlamaRMSNorm(D)
    theirs.load_state_dict(ours.state_dict())
    x = (torch.randn(B, T, D) + 2).requires_grad_()
    got, want = ours(x), theirs(x)
    assert_close(got, want, **FLOAT32)
    mine, other = (torch.autograd.grad(y.sin().sum(), x)[0] for y in (got, want))
    assert_close(mine, other, **FLOAT32)


def test_modules_begin_with_scale_one_and_shift_zero() -> None:
    x = draw(B, T, D)
    assert_close(LayerNorm(D).double()(x), layer_norm(x, eps=1e-5), **CLOSE)
    assert_close(RMSNorm(D).double()(x), rms_norm(x, eps=1e-6), **CLOSE)
    assert LayerNorm(D, bias=False).bias is None
    for module in (random(LayerNorm(D)), random(RMSNorm(D))):
        module.reset_parameters()
        assert (module.weight == 1).all()
        assert not hasattr(module, "bias") or (module.bias == 0).all()


def test_modules_say_their_sizes() -> None:
    assert repr(LayerNorm(D, bias=False)) == "LayerNorm(7, eps=1e-05, bias=False)"
    assert repr(RMSNorm(D)) == "RMSNorm(7, eps=1e-06)"


def test_modules_build_on_the_meta_device() -> None:
    with torch.device("meta"):
        assert LayerNorm(D)(torch.empty(B, D)).is_meta
        assert RMSNorm(D)(torch.empty(B, D)).is_meta
