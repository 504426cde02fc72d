"""Attention's mathematics, then its parity with the definition and with torch.nn."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from tests.nn import definition, zoo
from tests.nn.tensors import (
    ALL_SIZES,
    LONG_SQUARE,
    SMALL,
    SQUARE,
    E,
    V,
    array,
    distance,
    qkv,
)
from tests.nn.zoo import Sizes
from txlite.nn import (
    attention_weights,
    masks,
    scaled_dot_product_attention,
)

EXACT = {"rtol": 0.0, "atol": 0.0}
KINDS = [
    pytest.param(name, sizes, id=f"{name}-T{sizes.T}-S{sizes.S}")
    for sizes in ALL_SIZES
    for name in zoo.NAMES
    if zoo.possible(name, sizes)
]
# Dropping T, S cases that say nothing new where a test is slow.
SOME_KINDS = [
    pytest.param(name, sizes, id=f"{name}-T{sizes.T}-S{sizes.S}")
    for sizes in (SMALL, LONG_SQUARE)
    for name in zoo.NAMES
]
any_seed = st.integers(0, 2**32 - 1)


# ------------------------------------------------------------------ the weights


@pytest.mark.parametrize(("name", "sizes"), SOME_KINDS)
def test_rows_are_distributions_over_the_visible_keys(name: str, sizes: Sizes) -> None:
    q, k, _ = qkv(sizes)
    mask, table = zoo.make(name, sizes)
    weights = attention_weights(q, k, mask)
    seen = torch.from_numpy(np.broadcast_to(table, weights.shape).copy())
    assert (weights >= 0).all()
    assert (weights[~seen] == 0).all()
    assert (weights[seen] > 0).all()
    assert_close(weights.sum(-1), seen.any(-1).to(weights))


def test_an_undecided_query_attends_to_all_keys_alike() -> None:
    weights = attention_weights(torch.zeros(1, 4), torch.randn(5, 4))
    assert_close(weights, torch.full((1, 5), 0.2))


def test_two_keys_by_hand() -> None:
    """Scores 1·2/√4 = 1 and 0 give e/(1 + e) and 1/(1 + e)."""
    query = torch.tensor([[1.0, 0, 0, 0]])
    key = torch.tensor([[2.0, 9, 9, 9], [0.0, 5, 5, 5]])
    e = math.e
    assert_close(attention_weights(query, key), torch.tensor([[e / (1 + e), 1 / (1 + e)]]))


@pytest.mark.parametrize("width", [4, 64, 1024])
def test_the_scale_keeps_scores_at_unit_variance_whatever_the_width(width: int) -> None:
    q, k = torch.randn(2, 500, width).unbind()
    scores = attention_weights(q, k).log()  # the scores, up to a constant in each row
    assert scores.var(-1).mean().item() == pytest.approx(1.0, rel=0.05)
    unscaled = attention_weights(q.double(), k.double(), scale=1.0).log().clamp(min=-700)
    assert width == 4 or unscaled.var(-1).mean().item() > 10  # the test can see a missing scale


def test_a_larger_scale_sharpens_and_a_zero_scale_forgets() -> None:
    q, k, _ = qkv(SMALL)
    winner = (q @ k.mT).argmax(-1)
    assert_close(attention_weights(q, k, scale=1e6), F.one_hot(winner, SMALL.S).to(q))
    assert_close(attention_weights(q, k, scale=0.0), torch.full_like(q @ k.mT, 1 / SMALL.S))


@pytest.mark.parametrize("scale", [0.0, -0.7, 3.1])
@pytest.mark.parametrize("name", ["none", "causal", "padding", "window"])
def test_any_scale_means_the_same_on_every_path(name: str, scale: float) -> None:
    q, k, v = qkv(LONG_SQUARE)
    mask, table = zoo.make(name, LONG_SQUARE)
    got = scaled_dot_product_attention(q, k, v, mask, scale=scale)
    want = definition.attention(array(q), array(k), array(v), table, scale=scale)
    assert distance(got, want) <= 1e-12


@given(any_seed)
def test_a_constant_added_to_a_row_of_scores_changes_nothing(seed: int) -> None:
    torch.manual_seed(seed)
    q, k, _ = qkv(SMALL)
    constant = torch.randn(SMALL.B, SMALL.H, SMALL.T, 1, dtype=torch.float64) * 5
    assert_close(attention_weights(q, k, bias=constant), attention_weights(q, k))
    tilt = torch.randn(SMALL.S, dtype=torch.float64)
    assert not torch.allclose(attention_weights(q, k, bias=tilt), attention_weights(q, k))


@pytest.mark.kills(
    "query changed in place",
    "nn/attention.py",
    "    allowed = visible(rule, bias, scores, scores.shape[-1])\n",
    "    query.data.mul_(0.5)\n    allowed = visible(rule, bias, scores, scores.shape[-1])\n",
)
def test_inputs_are_left_unchanged() -> None:
    for name in zoo.NAMES:
        q, k, v = (x.detach() for x in qkv(LONG_SQUARE))
        mask, _ = zoo.make(name, LONG_SQUARE)
        bias = torch.randn(LONG_SQUARE.T, LONG_SQUARE.S, dtype=torch.float64)
        before = [x.clone() for x in (q, k, v, bias)]
        attention_weights(q, k, mask, bias=bias)
        scaled_dot_product_attention(q, k, v, mask)
        scaled_dot_product_attention(q, k, v, mask, bias=bias)
        for x, y in zip((q, k, v, bias), before, strict=True):
            assert_close(x, y, **EXACT)


# ------------------------------------------------------------------ who can change what


@pytest.mark.kills(
    "causal flag for no mask",
    "nn/_kernels.py",
    "            return _fused(query, key, value, None, dropout, scale)\n",
    "            return _fused(query, key, value, None, dropout, scale, is_causal=True)\n",
)
@pytest.mark.parametrize(("name", "sizes"), SOME_KINDS)
def test_a_hidden_key_changes_nothing_and_a_visible_one_does(name: str, sizes: Sizes) -> None:
    q, k, v = qkv(sizes)
    mask, table = zoo.make(name, sizes)
    before = scaled_dot_product_attention(q, k, v, mask)
    column = sizes.S // 2
    with torch.no_grad():
        k[..., column, :] += 2.0
        v[..., column, :] -= 3.0
    after = scaled_dot_product_attention(q, k, v, mask)
    sees = torch.from_numpy(np.broadcast_to(table, (*sizes,))[..., column].copy())
    assert_close(after[~sees], before[~sees], **EXACT)
    assert (after[sees] != before[sees]).any(-1).all()  # the test can see a change


@pytest.mark.parametrize(("name", "sizes"), SOME_KINDS)
def test_a_hidden_key_has_no_gradient(name: str, sizes: Sizes) -> None:
    q, k, v = qkv(sizes)
    mask, table = zoo.make(name, sizes)
    scaled_dot_product_attention(q, k, v, mask).square().sum().backward()
    table = np.broadcast_to(table, (*sizes,))
    unseen = torch.from_numpy(~table.any(-2))  # (B, H, S): keys that nobody sees
    blind = torch.from_numpy(~table.any(-1))  # (B, H, T): queries that see nobody
    assert k.grad is not None
    assert v.grad is not None
    assert q.grad is not None
    for grad, zero in ((k.grad, unseen), (v.grad, unseen), (q.grad, blind)):
        assert grad.isfinite().all()
        assert (grad[zero] == 0).all()
    assert (v.grad[~unseen] != 0).any(-1).all()


@given(st.integers(1, SQUARE.T - 1), any_seed)
def test_the_future_cannot_change_the_past(now: int, seed: int) -> None:
    torch.manual_seed(seed)
    q, k, v = (x.detach() for x in qkv(SQUARE))
    for mask in (masks.causal(), masks.causal() & masks.sliding_window(3)):
        past = scaled_dot_product_attention(q, k, v, mask)
        k2, v2 = k.clone(), v.clone()
        k2[..., now:, :], v2[..., now:, :] = 9.0, 9.0
        future = scaled_dot_product_attention(q, k2, v2, mask)
        assert_close(future[..., :now, :], past[..., :now, :], **EXACT)
        assert not torch.allclose(future[..., now:, :], past[..., now:, :])


@given(st.permutations(range(SMALL.S)), st.permutations(range(SMALL.T)), any_seed)
def test_the_order_of_keys_is_no_information(keys: list[int], queries: list[int], n: int) -> None:
    torch.manual_seed(n)
    q, k, v = qkv(SMALL)
    out = scaled_dot_product_attention(q, k, v)
    assert_close(scaled_dot_product_attention(q, k[..., keys, :], v[..., keys, :]), out)
    assert_close(scaled_dot_product_attention(q[..., queries, :], k, v), out[..., queries, :])
    table = torch.rand(SMALL.T, SMALL.S) < 0.6
    masked = scaled_dot_product_attention(q, k, v, table)
    moved = scaled_dot_product_attention(q, k[..., keys, :], v[..., keys, :], table[:, keys])
    assert_close(moved, masked)


def test_values_must_move_with_their_keys() -> None:
    q, k, v = qkv(SMALL)
    out = scaled_dot_product_attention(q, k, v)
    assert not torch.allclose(scaled_dot_product_attention(q, k, v.flip(-2)), out)


@given(any_seed)
def test_the_output_lies_between_the_visible_values(seed: int) -> None:
    torch.manual_seed(seed)
    q, k, v = (x.detach() for x in qkv(SQUARE))
    out = scaled_dot_product_attention(q, k, v, masks.causal())
    for t in range(SQUARE.T):
        seen = v[..., : t + 1, :]
        assert (out[..., t, :] <= seen.amax(-2) + 1e-12).all()
        assert (out[..., t, :] >= seen.amin(-2) - 1e-12).all()


def test_sequences_of_a_batch_and_heads_do_not_mix() -> None:
    for name in ("none", "causal", "padding", "window & table4", "table3"):
        q, k, v = (x.detach() for x in qkv(LONG_SQUARE))
        mask, table = zoo.make(name, LONG_SQUARE)
        out = scaled_dot_product_attention(q, k, v, mask)
        for b in range(LONG_SQUARE.B):
            for h in range(LONG_SQUARE.H):
                full = torch.from_numpy(np.broadcast_to(table, (*LONG_SQUARE,))[b, h].copy())
                alone = scaled_dot_product_attention(q[b, h], k[b, h], v[b, h], full)
                assert_close(out[b, h], alone)


# ------------------------------------------------------------------ dropout


@pytest.mark.parametrize("name", ["none", "causal", "padding", "window", "nothing_real"])
def test_dropout_drops_weights_and_scales_up_the_rest(name: str) -> None:
    """With the identity as values the output is the dropped map itself."""
    sizes, p = LONG_SQUARE, 0.25
    q, k, _ = (x.detach() for x in qkv(sizes))
    mask, _ = zoo.make(name, sizes)
    weights = attention_weights(q, k, mask)
    identity = torch.eye(sizes.S, dtype=torch.float64).expand(sizes.B, sizes.H, -1, -1)
    dropped = scaled_dot_product_attention(q, k, identity, mask, dropout=p)
    kept = dropped != 0
    assert_close(dropped[kept], weights[kept] / (1 - p))
    share = kept[weights != 0].double().mean().item()
    assert share == pytest.approx(1 - p, abs=0.05)


def test_dropout_is_unbiased() -> None:
    q, k, v = (x.detach() for x in qkv(SMALL))
    draws = [scaled_dot_product_attention(q, k, v, dropout=0.4) for _ in range(2000)]
    mean = torch.stack(draws).mean(0)
    assert_close(mean, scaled_dot_product_attention(q, k, v), rtol=0, atol=0.12)


def test_without_dropout_the_result_is_the_same_twice() -> None:
    q, k, v = qkv(SMALL)
    first = scaled_dot_product_attention(q, k, v)
    assert_close(scaled_dot_product_attention(q, k, v, dropout=0.0), first, **EXACT)


# ------------------------------------------------------------------ shapes


@pytest.mark.parametrize("lead", [(), (3,), (2, 3), (2, 3, 2), (2, 1, 3, 2)])
@pytest.mark.parametrize("name", ["none", "causal", "causal & window", "table2"])
def test_any_number_of_leading_axes(lead: tuple[int, ...], name: str) -> None:
    T, S = LONG_SQUARE.T, LONG_SQUARE.S
    q, k = torch.randn(*lead, T, E).double(), torch.randn(*lead, S, E).double()
    v = torch.randn(*lead, S, V).double()
    mask, table = zoo.make(name, Sizes(1, 1, T, S))
    want = definition.attention(array(q), array(k), array(v), table[0, 0])
    assert distance(scaled_dot_product_attention(q, k, v, mask), want) <= 1e-12
    weights = definition.weights(array(q), array(k), table[0, 0])
    assert distance(attention_weights(q, k, mask), weights) <= 1e-12


@pytest.mark.parametrize("lead", [(2,), (2, 3), (2, 3, 5)])
def test_a_batch_of_masks_lines_up_with_the_first_leading_axis(lead: tuple[int, ...]) -> None:
    T, S = SMALL.T, SMALL.S
    q, k = torch.randn(*lead, T, E).double(), torch.randn(*lead, S, E).double()
    keep = torch.rand(2, S) < 0.6
    table = keep.numpy().reshape(2, *[1] * (len(lead) - 1), 1, S)
    want = definition.weights(array(q), array(k), table)
    assert distance(attention_weights(q, k, masks.padding(keep)), want) <= 1e-12
    drawn = keep[:, None, :].expand(2, T, S)
    assert distance(attention_weights(q, k, drawn), want) <= 1e-12


EMPTY = [Sizes(0, 3, 4, 5), Sizes(2, 3, 0, 4), Sizes(2, 3, 4, 0), Sizes(2, 3, 0, 0)]


@pytest.mark.parametrize("sizes", EMPTY, ids=str)
@pytest.mark.parametrize("name", ["none", "causal", "window", "blocks", "padding", "table4"])
def test_empty_axes_give_empty_or_zero_results(name: str, sizes: Sizes) -> None:
    q, k, v = qkv(sizes, width=V)
    mask, _ = zoo.make(name, sizes)
    out = scaled_dot_product_attention(q, k, v, mask)
    assert out.shape == (sizes.B, sizes.H, sizes.T, V)
    assert (out == 0).all()  # nobody to attend to
    out.sum().backward()
    assert attention_weights(q, k, mask).shape == sizes


@pytest.mark.parametrize("name", ["none", "causal", "padding", "causal & window"])
def test_memory_layout_does_not_matter(name: str) -> None:
    q, k, v = (x.detach() for x in qkv(LONG_SQUARE))
    mask, _ = zoo.make(name, LONG_SQUARE)
    want = scaled_dot_product_attention(q, k, v, mask)
    turned = [x.transpose(1, 2).contiguous().transpose(1, 2) for x in (q, k, v)]
    strided = [torch.stack([x, x], dim=-1)[..., 0] for x in (q, k, v)]
    assert not any(x.is_contiguous() for x in (*turned, *strided))
    assert_close(scaled_dot_product_attention(*turned, mask), want)
    assert_close(scaled_dot_product_attention(*strided, mask), want)
    assert_close(attention_weights(*strided[:2], mask), attention_weights(q, k, mask))


# ------------------------------------------------------------------ parity with the definition


@pytest.mark.kills(
    "band ignores the keys ahead",
    "nn/_kernels.py",
    "return Band(back, ahead) if narrow",
    "return Band(back, 0) if narrow",
)
@pytest.mark.kills(
    "band one too narrow",
    "nn/_kernels.py",
    "return Band(back, ahead) if narrow",
    "return Band(max(back - 1, 0), ahead) if narrow",
)
@pytest.mark.parametrize("width", [E, V])
@pytest.mark.parametrize(("name", "sizes"), KINDS)
def test_equals_the_definition_forward_and_gradient(
    name: str, sizes: Sizes, width: int, device: torch.device
) -> None:
    q, k, v = qkv(sizes, device=device, width=width)
    mask, table = on(device, *zoo.make(name, sizes))
    out = scaled_dot_product_attention(q, k, v, mask)
    assert distance(out, definition.attention(array(q), array(k), array(v), table)) <= 1e-12
    upstream = torch.randn(out.shape, dtype=torch.float64, device=device)
    out.backward(upstream)
    want = definition.gradient(array(upstream), array(q), array(k), array(v), table)
    assert distance(q.grad, want.query) <= 1e-12
    assert distance(k.grad, want.key) <= 1e-12
    assert distance(v.grad, want.value) <= 1e-12


@pytest.mark.parametrize(("name", "sizes"), SOME_KINDS)
def test_the_map_equals_the_definition_forward_and_gradient(
    name: str, sizes: Sizes, device: torch.device
) -> None:
    q, k, v = qkv(sizes, device=device)
    mask, table = on(device, *zoo.make(name, sizes))
    weights = attention_weights(q, k, mask)
    assert distance(weights, definition.weights(array(q), array(k), table)) <= 1e-12
    upstream = torch.randn(*sizes[:3], E, dtype=torch.float64, device=device)
    (weights @ v).backward(upstream)
    want = definition.gradient(array(upstream), array(q), array(k), array(v), table)
    assert distance(q.grad, want.query) <= 1e-12
    assert distance(k.grad, want.key) <= 1e-12


@pytest.mark.parametrize("width", [E, V])
@pytest.mark.parametrize(("name", "sizes"), SOME_KINDS)
def test_float32_stays_within_two_millionths(
    name: str, sizes: Sizes, width: int, device: torch.device
) -> None:
    q, k, v = qkv(sizes, torch.float32, device, width)
    mask, table = on(device, *zoo.make(name, sizes))
    out = scaled_dot_product_attention(q, k, v, mask)
    assert out.dtype == torch.float32
    assert distance(out, definition.attention(array(q), array(k), array(v), table)) <= 2e-6
    upstream = torch.randn(out.shape, device=device)
    out.backward(upstream)
    want = definition.gradient(array(upstream), array(q), array(k), array(v), table)
    assert distance(q.grad, want.query) <= 2e-6
    assert distance(k.grad, want.key) <= 2e-6
    assert distance(v.grad, want.value) <= 2e-6


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("name", "sizes"), SOME_KINDS)
def test_half_precision_is_finite_and_near(
    name: str, sizes: Sizes, dtype: torch.dtype, device: torch.device
) -> None:
    q, k, v = qkv(sizes, dtype, device)
    mask, table = on(device, *zoo.make(name, sizes))
    out = scaled_dot_product_attention(q, k, v, mask)
    assert out.dtype == dtype
    assert distance(out, definition.attention(array(q), array(k), array(v), table)) <= 2e-2
    assert attention_weights(q, k, mask).dtype == dtype
    out.sum().backward()
    for x in (q, k, v):
        assert x.grad is not None
        assert x.grad.isfinite().all()


BIASES = {"T S": (5, 7), "S": (7,), "H T S": (3, 5, 7), "H 1 1": (3, 1, 1), "B H T S": (2, 3, 5, 7)}


@pytest.mark.parametrize("shape", BIASES.values(), ids=BIASES)
@pytest.mark.parametrize("name", ["none", "causal", "padding", "window", "blind_rows", "table3"])
def test_a_bias_equals_the_definition_forward_and_gradient(
    name: str, shape: tuple[int, ...], device: torch.device
) -> None:
    q, k, v = qkv(SMALL, device=device)
    bias = torch.randn(shape, dtype=torch.float64, device=device, requires_grad=True)
    mask, table = on(device, *zoo.make(name, SMALL))
    out = scaled_dot_product_attention(q, k, v, mask, bias=bias)
    args = (array(q), array(k), array(v), table, array(bias))
    assert distance(out, definition.attention(*args)) <= 1e-12
    assert distance(attention_weights(q, k, mask, bias=bias) @ v, array(out)) <= 1e-12
    upstream = torch.randn(out.shape, dtype=torch.float64, device=device)
    out.backward(upstream)
    want = definition.gradient(array(upstream), *args)
    assert distance(q.grad, want.query) <= 1e-12
    assert distance(k.grad, want.key) <= 1e-12
    summed = torch.from_numpy(want.bias).sum_to_size(shape)
    assert distance(bias.grad, array(summed)) <= 1e-12


@pytest.mark.kills(
    "blind rows NaN in the gradient of the map",
    "nn/attention.py",
    ".masked_fill(~allowed, -math.inf).masked_fill(blind, 0.0)",
    ".masked_fill(~(allowed | blind), -math.inf)",
)
@pytest.mark.parametrize("name", ["none", "causal", "padding", "table4"])
def test_a_bias_of_minus_infinity_hides_as_a_mask_does(name: str) -> None:
    q, k, v = qkv(SMALL)
    mask, table = zoo.make(name, SMALL)
    seen = torch.rand(SMALL.T, SMALL.S) < 0.4
    seen[1] = False
    bias = torch.zeros(SMALL.T, SMALL.S, dtype=torch.float64).masked_fill(~seen, -math.inf)
    bias.requires_grad_()
    out = scaled_dot_product_attention(q, k, v, mask, bias=bias)
    want = definition.attention(array(q), array(k), array(v), table & seen.numpy())
    assert distance(out, want) <= 1e-12
    assert distance(attention_weights(q, k, mask, bias=bias) @ v, want) <= 1e-12
    (out.sum() + attention_weights(q, k, mask, bias=bias).square().sum()).backward()
    for x in (q, k, v, bias):
        assert x.grad is not None
        assert x.grad.isfinite().all()


@pytest.mark.kills(
    "a NaN in the bias hides", "nn/_kernels.py", "bias != -math.inf", "bias > -math.inf"
)
def test_a_nan_is_not_swept_under_the_mask() -> None:
    q, k, v = (x.detach() for x in qkv(SMALL))
    bias = torch.full((SMALL.T, SMALL.S), math.nan, dtype=torch.float64)
    assert scaled_dot_product_attention(q, k, v, bias=bias).isnan().all()
    assert attention_weights(q, k, bias=bias).isnan().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_bias_takes_the_dtype_of_the_scores(dtype: torch.dtype) -> None:
    q, k, v = qkv(SMALL, torch.float32)
    bias = torch.randn(SMALL.T, SMALL.S).to(dtype)
    assert attention_weights(q, k, bias=bias).dtype == torch.float32
    out = scaled_dot_product_attention(q, k, v, bias=bias)
    assert out.dtype == torch.float32
    assert_close(out, attention_weights(q, k, bias=bias) @ v)


def on(
    device: torch.device, mask: masks.Mask | Tensor | None, table: np.ndarray
) -> tuple[masks.Mask | Tensor | None, np.ndarray]:
    """Move the tensors of a mask."""
    move = torch.utils._pytree.tree_map_only(Tensor, lambda x: x.to(device), mask)
    return move, table


# ------------------------------------------------------------------ parity with torch's function


@pytest.mark.parametrize("sizes", [SMALL, SQUARE], ids=str)
def test_equals_torch_where_torch_has_it(sizes: Sizes, device: torch.device) -> None:
    q, k, v = qkv(sizes, device=device)
    table = torch.rand(sizes.T, sizes.S, device=device) < 0.7
    for ours, theirs in (
        (None, {}),
        (table, {"attn_mask": table}),
        (masks.causal(), {"attn_mask": table.new_ones(table.shape).tril(sizes.S - sizes.T)}),
    ):
        got = scaled_dot_product_attention(q, k, v, ours)
        want = F.scaled_dot_product_attention(q, k, v, **theirs)
        assert_close(got, want, rtol=0, atol=1e-12)
        mine = torch.autograd.grad(got.square().sum(), (q, k, v))
        other = torch.autograd.grad(want.square().sum(), (q, k, v))
        assert_close(mine, other, rtol=0, atol=1e-12)


def test_gradients_of_the_map_can_be_differentiated_again() -> None:
    x = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a: attention_weights(a, a, masks.causal()), (x,))
    assert torch.autograd.gradgradcheck(lambda a: attention_weights(a, a, masks.causal()), (x,))


def test_autocast_may_mix_dtypes_of_plain_tensors() -> None:
    q, k, v = qkv(SMALL, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        got = scaled_dot_product_attention(q, k.bfloat16(), v)
        weights = attention_weights(q, k.bfloat16())
    want = scaled_dot_product_attention(q, k, v)
    assert_close(got.float(), want, rtol=0, atol=0.05)
    assert_close(weights.float(), attention_weights(q, k), rtol=0, atol=0.05)
