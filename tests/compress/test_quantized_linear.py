"""Linear maps of whole numbers, against the matrices that they stand for."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from txlite.compress import QuantizedEmbedding, QuantizedLinear, expand_rows, round_rows
from txlite.nn import TokenEmbedding

I, O = 12, 7  # noqa: E741


def linear(bias: bool = True, dtype: torch.dtype = torch.float64) -> nn.Linear:
    return nn.Linear(I, O, bias=bias, dtype=dtype)


@pytest.mark.parametrize(("bits", "group"), [(8, None), (8, 4), (4, None), (4, 6)])
@pytest.mark.parametrize("bias", [True, False])
def test_weight_only_is_the_expanded_matrix(bits: int, group: int | None, bias: bool) -> None:
    exact = linear(bias)
    layer = QuantizedLinear.of(exact, bits=bits, group_size=group)
    x = torch.randn(2, 5, I, dtype=torch.float64, requires_grad=True)
    meant = expand_rows(*round_rows(exact.weight, bits=bits, group_size=group)).double()
    assert_close(layer.expanded().double(), meant)
    found = layer(x)
    assert_close(found, nn.functional.linear(x, meant, exact.bias))
    (slope,) = torch.autograd.grad(found.sum(), x)
    assert_close(slope, meant.sum(0).expand_as(x))
    assert (found - exact(x)).abs().max() < (0.05 if bits == 8 else 1.0)


@pytest.mark.kills(
    "quantization: a row of inputs has the scale of another",
    "compress/quantized_linear.py",
    "most = x.abs().amax(-1, keepdim=True)",
    "most = x.abs().amax(-1, keepdim=True).flip(0)",
)
def test_dynamic_multiplies_whole_numbers_exactly() -> None:
    exact = linear(dtype=torch.float32)
    layer = QuantizedLinear.of(exact, dynamic=True)
    x = torch.randn(2, 5, I) * torch.logspace(-6, 3, 5)[:, None]
    x[1, 3] = 0
    codes, scales = round_rows(x.reshape(-1, I))
    sums = codes.long() @ layer.weight.long().T
    want = sums * scales * layer.scales.T + exact.bias
    assert_close(layer(x), want.reshape(2, 5, O))
    assert_close(layer(x)[1, 3], exact.bias)
    assert_close(layer(x), exact(x), rtol=0.02, atol=0.02 * float(x.abs().max()))
    assert_close(layer(x[0, 0]), layer(x)[0, 0])


def test_no_number_stays_no_number() -> None:
    layer = QuantizedLinear.of(linear(dtype=torch.float32), dynamic=True)
    x = torch.randn(3, I)
    x[1, 2] = torch.nan
    found = layer(x)
    assert found[1].isnan().all()
    assert found[[0, 2]].isfinite().all()


@pytest.mark.kills(
    "quantization: scales become float16 with the model",
    "compress/_matrix.py",
    "        if self.scales.dtype != exact.dtype:",
    "        if False:",
)
def test_scales_stay_exact_whatever_the_model_becomes() -> None:
    exact = linear(dtype=torch.float32)
    exact.weight.data[0] = torch.tensor([1e-6, -1e-6] * (I // 2))
    layer = QuantizedLinear.of(exact)
    half = layer.half()
    assert half.scales.dtype == torch.float32
    assert half.bias is not None
    assert half.bias.dtype == torch.float16
    assert half(torch.ones(1, I, dtype=torch.float16)).dtype == torch.float16
    assert half.expanded()[0].abs().min() > 0.9e-6
    assert layer.to("meta").scales.is_meta
    small = QuantizedEmbedding.of(TokenEmbedding(5, 4)).to(torch.bfloat16)
    assert small(torch.tensor([1])).dtype == torch.bfloat16


def test_bytes_are_really_fewer() -> None:
    exact = nn.Linear(64, 32)
    for choices, want in (
        ({}, 64 * 32 + 4 * 32),
        ({"bits": 4}, 64 * 32 // 2 + 4 * 32),
        ({"bits": 4, "group_size": 16}, 64 * 32 // 2 + 4 * 32 * 4),
    ):
        layer = QuantizedLinear.of(exact, **choices)  # type: ignore[arg-type]
        assert sum(x.untyped_storage().nbytes() for x in layer.buffers()) == want


@pytest.mark.plain
def test_choices_that_do_not_fit_are_refused() -> None:
    for choices, message in (
        ({"dynamic": True, "bits": 4}, r"dynamic=True should come with bits=8 and whole rows"),
        ({"dynamic": True, "group_size": 4}, r"dynamic=True should come with bits=8"),
        ({"group_size": 5}, r"I=12 should be a multiple of group_size=5"),
        ({"bits": 2}, r"bits should be 4 or 8, got 2"),
    ):
        with pytest.raises(ValueError, match=message):
            QuantizedLinear(I, O, **choices)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"x should have shape \(\*B, I=12\)"):
        QuantizedLinear(I, O)(torch.zeros(2, 3))
    assert "bits=4, group_size=6" in repr(QuantizedLinear(I, O, bits=4, group_size=6))
    assert "bits=8" in repr(QuantizedEmbedding(5, 4))
