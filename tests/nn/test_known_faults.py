"""Faults that other implementations had or have: one test each says that txlite has not.

Each docstring says what went wrong elsewhere.
"""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.nn import definition
from tests.nn.tensors import LONG_SQUARE, SMALL, SQUARE, array, distance, qkv
from txlite.inspect import record_attention
from txlite.nn import (
    KVCache,
    MultiHeadAttention,
    attention_weights,
    masks,
    scaled_dot_product_attention,
)

pytestmark = pytest.mark.plain


def heads(**kwargs: object) -> MultiHeadAttention:
    module = MultiHeadAttention(10, 6, head_dim=4, **kwargs).double()  # type: ignore[arg-type]
    for p in module.parameters():
        torch.nn.init.normal_(p, std=0.5)
    return module


def sequence(length: int = 5, batch: int = 2) -> Tensor:
    return torch.randn(batch, length, 10, dtype=torch.float64)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize("no_grad", [True, False])
def test_f1_a_sample_that_is_all_padding_poisons_nothing(
    training: bool, record: bool, no_grad: bool
) -> None:
    """NaN in the output, the weights and every parameter's gradient of the whole batch."""
    module, x = heads().train(training), sequence()
    keep = torch.tensor([[False] * 5, [True, True, False, True, True]])
    with torch.set_grad_enabled(not no_grad):
        if record:
            with record_attention(module) as maps:
                out = module(x, mask=masks.padding(keep))
            assert (maps[""][0] == 0).all()
        else:
            out = module(x, mask=masks.padding(keep))
    assert_close(out[0], module.output_proj.bias.expand(5, 10))  # nothing was gathered
    assert_close(out[1], module(x[1:], mask=masks.padding(keep[1:]))[0])
    if not no_grad:
        out.square().sum().backward()
        for p in module.parameters():
            assert p.grad is not None
            assert p.grad.isfinite().all()


def test_f2_causal_does_not_make_another_mask_vanish() -> None:
    """With a causal flag set, the mask given beside it was silently ignored."""
    q, k, v = qkv(SQUARE)
    drawn = torch.rand(SQUARE.T, SQUARE.S) < 0.6
    both = torch.ones_like(drawn).tril() & drawn
    for mask in (masks.causal() & drawn, drawn & masks.causal()):
        got = scaled_dot_product_attention(q, k, v, mask)
        assert_close(got, scaled_dot_product_attention(q, k, v, both))
        assert not torch.allclose(got, scaled_dot_product_attention(q, k, v, masks.causal()))


def test_f3_time_before_batch_is_refused_as_soon_as_it_can_be_seen() -> None:
    """Input with time first was attended along the batch axis, without an error."""
    module, x = heads(), sequence(length=5, batch=3)
    time_first = x.transpose(0, 1)
    with pytest.raises(ValueError, match=r"keep should have shape \(B=5, S=3\), got \(3, 5\)"):
        module(time_first, mask=masks.padding(torch.ones(3, 5, dtype=torch.bool)))
    with pytest.raises(ValueError, match=r"key should have shape \(B=5, S, D=10\)"):
        module(time_first, x)
    assert_close(module(x)[1], module(x[1:2])[0])  # sequences of a batch know nothing of each other


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("sizes", [SMALL, SQUARE, LONG_SQUARE], ids=str)
def test_f4_a_row_that_sees_nothing_is_zero_on_every_path(
    sizes: object, dtype: torch.dtype, device: torch.device
) -> None:
    """Zero, NaN or a uniform average, depending on the backend and on how the mask was written."""
    q, k, v = qkv(sizes, dtype, device)  # type: ignore[arg-type]
    T, S = q.shape[-2], k.shape[-2]
    nothing = torch.zeros(2, S, dtype=torch.bool, device=device)
    hidden = torch.full((T, S), -math.inf, device=device)
    for mask, bias in (
        (masks.padding(nothing), None),
        (masks.sliding_window(2) & masks.padding(nothing), None),
        (masks.causal() & ~masks.causal(), None),
        (torch.zeros(T, S, dtype=torch.bool, device=device), None),
        (masks.padding(nothing), torch.randn(T, S, device=device)),
        (None, hidden),
        (masks.causal(), hidden),
    ):
        out = scaled_dot_product_attention(q, k, v, mask, bias=bias)
        weights = attention_weights(q, k, mask, bias=bias)
        assert (out == 0).all()
        assert (weights == 0).all()
        for x in torch.autograd.grad(out.sum() + weights.sum(), (q, k, v)):
            assert (x == 0).all()


def test_f5_the_last_query_stands_at_the_last_key() -> None:
    """Causal with fewer queries than keys let the first query see only the first key."""
    q, k, v = qkv(SMALL)
    weights = attention_weights(q, k, masks.causal())
    seen = torch.ones(SMALL.T, SMALL.S, dtype=torch.bool).tril(SMALL.S - SMALL.T)
    assert_close(weights != 0, seen.expand_as(weights))
    assert_close(scaled_dot_product_attention(q, k, v, masks.causal()), weights @ v)


def test_f6_a_bool_mask_is_never_added_to_the_scores() -> None:
    """A bool mask of the cache was added to the scores as 0 and 1."""
    module, x, cache = heads(), sequence(), KVCache()
    bias = torch.randn(5, 5, dtype=torch.float64)
    want = module(x, mask=masks.causal(), bias=bias)
    module(x[:, :3], mask=masks.causal(), bias=bias[:3, :3], cache=cache)
    got = module(x[:, 3:], mask=masks.causal(), bias=bias[3:], cache=cache)
    assert_close(got, want[:, 3:])
    with pytest.raises(ValueError, match="bias should hold floating-point numbers, got bool"):
        module(x, bias=torch.ones(5, 5, dtype=torch.bool))


def test_f7_every_path_obeys_the_same_arguments() -> None:
    """An override of the causal flag was dropped on the fused path only."""
    q, k, v = qkv(LONG_SQUARE)
    for mask in (None, masks.causal(), ~masks.causal(), masks.sliding_window(3)):
        for scale in (None, 0.9):
            fused = scaled_dot_product_attention(q, k, v, mask, scale=scale)
            assert_close(fused, attention_weights(q, k, mask, scale=scale) @ v)
    plain, causal = (scaled_dot_product_attention(q, k, v, m) for m in (None, masks.causal()))
    assert not torch.allclose(plain, causal)


def test_f8_left_padding_changes_no_real_token() -> None:
    """A prompt padded on the left gave other numbers than the same prompt alone."""
    module, x = heads(), sequence(batch=1)
    padded = torch.cat([torch.randn(1, 3, 10, dtype=torch.float64), x], dim=1)
    keep = torch.arange(8)[None] >= 3
    for mask in (masks.causal(), masks.causal() & masks.sliding_window(3), masks.blocks(10)):
        got = module(padded, mask=mask & masks.padding(keep))[:, 3:]
        assert_close(got, module(x, mask=mask))


def test_f9_maps_are_there_on_the_fused_path() -> None:
    """With the fused kernel on, the maps of every layer were None, without a word."""
    module, x = heads(), sequence()
    with record_attention(module) as maps:
        module(x, mask=masks.causal())
    assert maps[""].shape == (2, 6, 5, 5)
    assert_close(maps[""].sum(-1), torch.ones(2, 6, 5, dtype=torch.float64))


def test_f10_dropout_falls_on_the_weights_in_training() -> None:
    """Training on the fused path crashed, and dropout fell on the output instead."""
    module, x = heads(dropout=0.5).train(), sequence()
    module(x).sum().backward()
    q, k, _ = qkv(SMALL)
    identity = torch.eye(SMALL.S, dtype=torch.float64).expand(2, 3, -1, -1)
    dropped = scaled_dot_product_attention(q, k, identity, dropout=0.5)
    weights = attention_weights(q, k)
    assert_close(dropped[dropped != 0], 2 * weights[dropped != 0])
    assert (dropped == 0).any()


def test_f11_no_mask_means_no_mask_also_with_a_cache() -> None:
    """Setting up a cache changed what a missing mask means."""
    module, x, cache = heads(), sequence(), KVCache()
    assert_close(module(x, cache=cache), module(x))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.uint8])
def test_f12_numbers_are_no_mask(dtype: torch.dtype) -> None:
    """A float mask of 0 and -inf was accepted, and used inverted."""
    module, x = heads(), sequence()
    name = str(dtype).removeprefix("torch.")
    match = rf"should be a bool tensor \(True = may attend\), got {name}; write the condition out"
    with pytest.raises(ValueError, match=f"mask {match}"):
        module(x, mask=torch.ones(5, 5, dtype=dtype))
    with pytest.raises(ValueError, match=f"mask {match}"):
        masks.causal() & torch.ones(5, 5, dtype=dtype)
    with pytest.raises(ValueError, match=f"keep {match}"):
        masks.padding(torch.ones(2, 5, dtype=dtype))


@pytest.mark.parametrize("length", [3, 4, 6, 9])
def test_f13_a_mask_of_another_length_is_refused(length: int) -> None:
    """Masks for 3, 4, 6 or 9 tokens were accepted for 5, as long as they were all ones."""
    module, x = heads(), sequence()
    ones = torch.ones(2, length, dtype=torch.bool)
    with pytest.raises(ValueError, match=rf"keep should have shape .*S=5.*got \(2, {length}\)"):
        module(x, mask=masks.padding(ones))
    with pytest.raises(ValueError, match=rf"mask should have shape .*S=5.*got \(5, {length}\)"):
        module(x, mask=torch.ones(5, length, dtype=torch.bool))
    with pytest.raises(ValueError, match=rf"segments should have shape .*got \(2, {length}\)"):
        module(x, mask=masks.causal() & masks.blocks(ones.int()))


def test_f15_the_map_agrees_with_the_output_on_padded_samples() -> None:
    """Asking for the maps changed the numbers, or gave an empty tuple and a warning."""
    module, x = heads(), sequence()
    keep = torch.tensor([[False] * 5, [True, False, True, True, False]])
    want = module(x, mask=masks.padding(keep))
    with record_attention(module) as maps:
        got = module(x, mask=masks.padding(keep))
    assert_close(got, want, rtol=0, atol=0)
    values = module.value_proj(x).unflatten(-1, (6, 4)).transpose(1, 2)
    assert_close(module.output_proj((maps[""] @ values).transpose(1, 2).flatten(2)), got)


def test_f16_a_second_conversation_needs_no_reset() -> None:
    """The length of the cache lived on the model, and a second prompt met the first one's."""
    module, x = heads(), sequence()
    first, second = KVCache(), KVCache()
    module(x, mask=masks.causal(), cache=first)
    assert_close(
        module(x[:, :2], mask=masks.causal(), cache=second), module(x, mask=masks.causal())[:, :2]
    )


def test_f17_the_caller_s_tensors_are_left_alone() -> None:
    """The masked softmax wrote into its input, and a length of zero gave a uniform average."""
    q, k, v = (x.detach() for x in qkv(SQUARE))
    bias, drawn = torch.randn(7, 7, dtype=torch.float64), torch.rand(7, 7) < 0.5
    before = [x.clone() for x in (q, k, v, bias, drawn)]
    for mask in (masks.causal() & drawn, drawn):
        attention_weights(q, k, mask, bias=bias)
        scaled_dot_product_attention(q, k, v, mask, bias=bias)
    for x, y in zip((q, k, v, bias, drawn), before, strict=True):
        assert_close(x, y, rtol=0, atol=0)


def test_f20_no_error_of_the_tensor_library_reaches_the_caller() -> None:
    """ "The size of tensor a (6) must match the size of tensor b (5)" names no argument."""
    module, x = heads(), sequence()
    wrong = [
        ("mask", {"mask": torch.ones(6, 6, dtype=torch.bool)}),
        ("bias", {"bias": torch.zeros(6, 6)}),
        ("keep", {"mask": masks.padding(torch.ones(2, 6, dtype=torch.bool))}),
        ("keep", {"mask": masks.padding(torch.ones(3, 5, dtype=torch.bool))}),
        ("key", {"key": sequence(batch=3)}),
        ("value", {"key": x, "value": sequence(length=6)}),
    ]
    for name, arguments in wrong:
        with pytest.raises(ValueError, match=f"^{name} should"):
            module(x, **arguments)


def test_a_float_mask_s_smallest_number_does_not_leak() -> None:
    """Filling with the smallest number instead of -inf lets a blind row average what it must not.

    The number also overflows to -inf when autocast narrows it.
    """
    q, k, v = qkv(SMALL, torch.float32)
    smallest = torch.full((SMALL.T, SMALL.S), torch.finfo(torch.float32).min)
    out = scaled_dot_product_attention(q, k, v, torch.zeros(5, 7, dtype=torch.bool))
    assert (out == 0).all()
    with torch.autocast("cpu", torch.bfloat16):
        assert scaled_dot_product_attention(q, k, v, bias=smallest).isfinite().all()
    half = scaled_dot_product_attention(q.half(), k.half(), v.half(), bias=smallest)
    assert half.isfinite().all()


def test_a_batch_of_masks_is_not_taken_for_heads() -> None:
    """(B, T, S) broadcast from the right is (H, T, S): right shapes and wrong heads if B = H."""
    q, k, v = (torch.randn(3, 3, n, 4, dtype=torch.float64) for n in (5, 7, 7))
    drawn = torch.rand(3, 5, 7) < 0.6
    want = definition.attention(array(q), array(k), array(v), drawn.numpy()[:, None])
    assert distance(scaled_dot_product_attention(q, k, v, drawn), want) <= 1e-12
    other = definition.attention(array(q), array(k), array(v), drawn.numpy()[None])
    assert np.abs(want - other).max() > 0.01  # the test can see the difference


def test_and_between_masks_is_refused() -> None:
    """``a and b`` of two objects is just ``b``: half of the mask is lost."""
    with pytest.raises(ValueError, match=r"mask should be combined with &, \| and ~"):
        masks.causal() and masks.sliding_window(2)
    with pytest.raises(ValueError, match=r"mask should be combined with &, \| and ~"):
        assert not masks.causal()


def test_large_scores_do_not_overflow() -> None:
    """Exponentials of raw scores overflow; softmax subtracts the largest first."""
    q, k, v = (1e3 * x for x in qkv(SMALL, torch.float32))
    assert scaled_dot_product_attention(q, k, v, masks.causal()).isfinite().all()
    assert attention_weights(q, k, masks.causal()).isfinite().all()
