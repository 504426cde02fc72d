"""Many heads: the definition head by head, parity with torch.nn, weights, dtypes."""

import copy
import io
import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.nn import definition, zoo
from tests.nn.tensors import (
    LONG_SQUARE,
    SMALL,
    SQUARE,
    array,
    distance,
)
from tests.nn.zoo import Sizes
from txlite.nn import (
    KVCache,
    MultiHeadAttention,
    masks,
)

EXACT = {"rtol": 0.0, "atol": 0.0}


def heads(
    d_model: int = 10, num_heads: int = 6, *, std: float = 0.5, **kwargs: object
) -> MultiHeadAttention:
    """Return a module in float64 whose weights are large enough to show a fault."""
    module = MultiHeadAttention(d_model, num_heads, **kwargs).double()  # type: ignore[arg-type]
    for p in module.parameters():
        torch.nn.init.normal_(p, std=std)
    return module


def sequences(width: int = 10, sizes: Sizes = SMALL) -> tuple[Tensor, Tensor, Tensor]:
    B, _, T, S = sizes
    query, key, value = (torch.randn(B, n, width, dtype=torch.float64) for n in (T, S, S))
    return query.requires_grad_(), key.requires_grad_(), value.requires_grad_()


@pytest.mark.kills(
    "values from the key projection",
    "nn/multi_head.py",
    "self.value_proj(key if value is None",
    "self.key_proj(key if value is None",
)
@pytest.mark.kills(
    "heads joined without going back",
    "nn/multi_head.py",
    "self.output_proj(z.transpose(1, 2).flatten(2))",
    "self.output_proj(z.reshape(z.shape[0], z.shape[2], -1))",
)
@pytest.mark.kills(
    "heads interleaved",
    "nn/multi_head.py",
    "x.reshape(*x.shape[:-1], -1, self.head_dim).transpose(1, 2)",
    "x.reshape(*x.shape[:-1], self.head_dim, -1).mT.transpose(1, 2)",
)
@pytest.mark.kills(
    "heads split on the wrong axis",
    "nn/multi_head.py",
    "x.reshape(*x.shape[:-1], -1, self.head_dim).transpose(1, 2)",
    "x.reshape(x.shape[0], -1, x.shape[1], self.head_dim)",
)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("num_kv_heads", [6, 3, 2, 1])
@pytest.mark.parametrize("name", ["none", "causal", "padding", "table3", "table4", "blind_rows"])
def test_heads_equal_the_definition_one_by_one(name: str, num_kv_heads: int, bias: bool) -> None:
    module = heads(num_kv_heads=num_kv_heads, head_dim=4, bias=bias)
    query, key, value = sequences()
    sizes = SMALL._replace(H=6)
    mask, table = zoo.make(name, sizes)
    projections = {n: array(p) for n, p in module.state_dict().items()}
    want = definition.multi_head(
        array(query), array(key), array(value), projections, 6, num_kv_heads, table
    )
    assert distance(module(query, key, value, mask), want) <= 1e-12


@pytest.mark.parametrize("sizes", [SMALL, SQUARE, LONG_SQUARE], ids=str)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", ["none", "causal", "padding", "causal & window", "table4"])
def test_equals_torch_nn_multihead_attention(name: str, bias: bool, sizes: Sizes) -> None:
    """Forward, and the gradient of every input and every weight."""
    D, H = 12, sizes.H
    ours = heads(D, H, bias=bias)
    theirs = torch.nn.MultiheadAttention(D, H, bias=bias, batch_first=True).double()
    copy_weights(ours, theirs, bias)
    mask, table = zoo.make(name, sizes, seed=3)
    table[..., -1] = True  # theirs gives NaN for a blind row
    seen = np.broadcast_to(table, (*sizes,)).reshape(-1, sizes.T, sizes.S)
    blocked = torch.from_numpy(~seen)  # theirs: True = blocked
    mine = mask | torch.from_numpy(table) if mask is not None else None
    query, key, value = sequences(D, sizes)
    got = ours(query, key, value, mine)
    want = theirs(query, key, value, attn_mask=blocked, need_weights=False)[0]
    assert_close(got, want, rtol=0, atol=1e-12)
    inputs = (query, key, value)
    mine_grad = torch.autograd.grad(got.square().sum(), (*inputs, *weights_of(ours)))
    other_grad = torch.autograd.grad(want.square().sum(), (*inputs, *theirs.parameters()))
    assert_close(mine_grad[:3], other_grad[:3], rtol=1e-12, atol=1e-12)
    for a, b in zip(stacked(mine_grad[3:], bias), other_grad[3:], strict=True):
        assert_close(a, b, rtol=1e-12, atol=1e-12)


def weights_of(m: MultiHeadAttention) -> list[Tensor]:
    projections = (m.query_proj, m.key_proj, m.value_proj, m.output_proj)
    return [p.weight for p in projections] + [p.bias for p in projections if p.bias is not None]


def stacked(grads: tuple[Tensor, ...], bias: bool) -> list[Tensor]:
    """Bring txlite's gradients into the order and the stacking of torch.nn."""
    inner = [torch.cat(grads[:3])]
    outer = [grads[3]]
    if not bias:
        return inner + outer
    return [*inner, torch.cat(grads[4:7]), *outer, grads[7]]


@torch.no_grad()
def copy_weights(ours: MultiHeadAttention, theirs: torch.nn.MultiheadAttention, bias: bool) -> None:
    projections = (ours.query_proj, ours.key_proj, ours.value_proj)
    theirs.in_proj_weight.copy_(torch.cat([p.weight for p in projections]))
    theirs.out_proj.weight.copy_(ours.output_proj.weight)
    if bias:
        theirs.in_proj_bias.copy_(torch.cat([p.bias for p in projections]))
        theirs.out_proj.bias.copy_(ours.output_proj.bias)


@pytest.mark.parametrize("num_kv_heads", [3, 2, 1])
def test_shared_keys_equal_repeated_keys(num_kv_heads: int) -> None:
    """Grouped queries are full attention whose key and value projections repeat."""
    grouped, full = heads(num_kv_heads=num_kv_heads, head_dim=4), heads(head_dim=4)
    state = dict(grouped.state_dict())
    for name in ("key_proj.weight", "key_proj.bias", "value_proj.weight", "value_proj.bias"):
        split = state[name].unflatten(0, (num_kv_heads, 4))
        state[name] = split.repeat_interleave(6 // num_kv_heads, dim=0).flatten(0, 1)
    full.load_state_dict(state)
    query, key, value = sequences()
    got, want = grouped(query, key, value), full(query, key, value)
    assert_close(got, want)
    got.square().sum().backward()
    want.square().sum().backward()
    repeated = full.key_proj.weight.grad
    assert repeated is not None
    summed = repeated.unflatten(0, (num_kv_heads, 6 // num_kv_heads, 4)).sum(1).flatten(0, 1)
    assert_close(grouped.key_proj.weight.grad, summed)


@pytest.mark.kills(
    "value is the query",
    "nn/multi_head.py",
    "self.value_proj(key if value is None else value)",
    "self.value_proj(query if value is None else value)",
)
def test_self_attention_is_what_a_lone_query_means() -> None:
    module = heads(head_dim=4)
    query, key, value = sequences()
    assert_close(module(query), module(query, query, query), **EXACT)
    assert_close(module(query, key), module(query, key, key), **EXACT)
    assert not torch.allclose(module(query, key), module(query, key, value))
    assert not torch.allclose(module(query, key), module(query))


def test_tokens_may_be_permuted_unless_a_mask_knows_their_order() -> None:
    module = heads(head_dim=4)
    x = torch.randn(2, 7, 10, dtype=torch.float64)
    order = torch.randperm(7)
    assert_close(module(x[:, order]), module(x)[:, order])
    causal = module(x, mask=masks.causal())[:, order]
    assert not torch.allclose(module(x[:, order], mask=masks.causal()), causal)


def test_a_head_that_sees_nothing_contributes_nothing() -> None:
    module = heads(head_dim=4)
    query, key, _ = sequences()
    keep = torch.ones(1, 6, 1, 1, dtype=torch.bool)
    keep[:, 2] = False
    pruned = copy.deepcopy(module)
    with torch.no_grad():
        pruned.output_proj.weight[:, 2 * 4 : 3 * 4] = 0
    assert_close(module(query, key, mask=keep), pruned(query, key))
    assert not torch.allclose(module(query, key, mask=keep), module(query, key))


def test_a_bias_for_each_head() -> None:
    module = heads(head_dim=4)
    query, key, _ = sequences()
    bias = torch.randn(2, 6, 5, 7, dtype=torch.float64)
    projections = {n: array(p) for n, p in module.state_dict().items()}
    want = definition.multi_head(
        array(query), array(key), array(key), projections, 6, 6, None, array(bias)
    )
    assert distance(module(query, key, bias=bias), want) <= 1e-12


def test_dropout_acts_in_training_only() -> None:
    module = heads(head_dim=4, dropout=0.5)
    plain = heads(head_dim=4)
    plain.load_state_dict(module.state_dict())
    x = torch.randn(2, 7, 10, dtype=torch.float64)
    assert not torch.allclose(module(x), module(x))
    assert_close(module.eval()(x), plain(x), **EXACT)
    assert_close(module(x), module(x), **EXACT)


def test_sizes_of_the_projections() -> None:
    module = MultiHeadAttention(10, 6, num_kv_heads=2, head_dim=4)
    shapes = {n: tuple(p.shape) for n, p in module.named_parameters()}
    assert shapes == {
        "query_proj.weight": (24, 10),
        "query_proj.bias": (24,),
        "key_proj.weight": (8, 10),
        "key_proj.bias": (8,),
        "value_proj.weight": (8, 10),
        "value_proj.bias": (8,),
        "output_proj.weight": (10, 24),
        "output_proj.bias": (10,),
    }
    paper = MultiHeadAttention(512, 8, bias=False)
    assert sum(p.numel() for p in paper.parameters()) == 4 * 512 * 512
    assert paper.head_dim == 64


@pytest.mark.kills(
    "xavier normal instead of uniform",
    "nn/multi_head.py",
    "nn.init.xavier_uniform_(proj.weight)",
    "nn.init.xavier_normal_(proj.weight)",
)
def test_weights_start_xavier_uniform_and_biases_zero() -> None:
    module = MultiHeadAttention(64, 8, num_kv_heads=2)
    for name in ("query_proj", "key_proj", "value_proj", "output_proj"):
        proj = getattr(module, name)
        bound = math.sqrt(6 / sum(proj.weight.shape))
        assert proj.weight.abs().max().item() == pytest.approx(bound, rel=0.02)
        assert proj.weight.abs().max().item() <= bound
        assert (proj.bias == 0).all()


def test_reset_parameters_draws_anew() -> None:
    module = MultiHeadAttention(8, 2)
    before = module.query_proj.weight.clone()
    module.reset_parameters()
    assert not torch.allclose(module.query_proj.weight, before)


def test_a_module_can_be_copied_saved_and_loaded() -> None:
    module, x = heads(head_dim=4), torch.randn(2, 7, 10, dtype=torch.float64)
    want = module(x, mask=masks.causal())
    assert_close(copy.deepcopy(module)(x, mask=masks.causal()), want, **EXACT)
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    loaded = MultiHeadAttention(10, 6, head_dim=4).double()
    loaded.load_state_dict(torch.load(file, weights_only=True))
    assert_close(loaded(x, mask=masks.causal()), want, **EXACT)


def test_a_module_builds_on_the_meta_device() -> None:
    with torch.device("meta"):
        module = MultiHeadAttention(12288, 96)
        assert module(torch.empty(1, 3, 12288)).shape == (1, 3, 12288)
    assert all(p.is_meta for p in module.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_computes_in_the_lower_precision(dtype: torch.dtype) -> None:
    module = MultiHeadAttention(8, 2)
    x, bias = torch.randn(2, 7, 8), torch.randn(7, 7)
    for mask in (None, masks.causal(), masks.padding(torch.rand(2, 7) < 0.6)):
        want = module(x, mask=mask, bias=bias)
        cache = KVCache()
        with torch.autocast("cpu", dtype):
            got = module(x, mask=mask, bias=bias)
            assert module(x, mask=mask, cache=cache).dtype == dtype
        assert got.dtype == dtype
        assert_close(got.float(), want, rtol=0, atol=0.05)


def test_printing_shows_the_sizes() -> None:
    assert "d_model=8, num_heads=2, head_dim=4" in repr(MultiHeadAttention(8, 2))
    assert "num_kv_heads" not in repr(MultiHeadAttention(8, 2))
    assert "num_heads=4, num_kv_heads=2, head_dim=3" in repr(
        MultiHeadAttention(8, 4, num_kv_heads=2, head_dim=3)
    )
