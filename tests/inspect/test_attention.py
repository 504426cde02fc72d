"""Recorded maps are exact, and recording changes nothing."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from tests.nn import definition
from tests.nn.tensors import array, distance
from txlite.inspect import record_attention
from txlite.nn import KVCache, MultiHeadAttention, masks

B, T, S, D, H = 2, 5, 7, 10, 6
EXACT = {"rtol": 0.0, "atol": 0.0}


def heads(num_kv_heads: int = 2, dropout: float = 0.0) -> MultiHeadAttention:
    module = MultiHeadAttention(D, H, num_kv_heads=num_kv_heads, head_dim=4, dropout=dropout)
    for p in module.parameters():
        nn.init.normal_(p, std=0.5)
    return module.double()


def sequence(length: int = T) -> Tensor:
    return torch.randn(B, length, D, dtype=torch.float64)


class Two(nn.Module):
    """A model with two attentions, one of them deeper down."""

    def __init__(self) -> None:
        super().__init__()
        self.first = heads()
        self.layers = nn.ModuleList([nn.ModuleDict({"attention": heads(num_kv_heads=6)})])

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.first(x, mask=masks.causal())
        out: Tensor = x + self.layers[0]["attention"](x)
        return out


def by_hand(module: MultiHeadAttention, x: Tensor, y: Tensor, table: Tensor | None) -> Tensor:
    """The maps of all heads, (B, H, T, S), from the weights of the module."""
    groups = module.num_heads // module.num_kv_heads
    q = module.query_proj(x).unflatten(-1, (module.num_heads, -1)).transpose(1, 2)
    k = module.key_proj(y).unflatten(-1, (module.num_kv_heads, -1)).transpose(1, 2)
    k = k.repeat_interleave(groups, dim=1)
    seen = None if table is None else table.numpy()
    return torch.from_numpy(definition.weights(array(q), array(k), seen))


@pytest.mark.parametrize("num_kv_heads", [6, 2, 1])
@pytest.mark.parametrize("name", ["none", "causal", "padding", "tensor"])
def test_the_map_is_exact(num_kv_heads: int, name: str) -> None:
    module, x, y = heads(num_kv_heads), sequence(), sequence(S)
    keep = torch.rand(B, S) < 0.6
    drawn = torch.rand(T, S) < 0.6
    mask, table = {
        "none": (None, None),
        "causal": (masks.causal(), torch.ones(T, S, dtype=torch.bool).tril(S - T)),
        "padding": (masks.padding(keep), keep[:, None, None]),
        "tensor": (drawn, drawn),
    }[name]
    with record_attention(module) as maps:
        module(x, y, mask=mask)
    assert maps[""].shape == (B, H, T, S)
    assert distance(maps[""], array(by_hand(module, x, y, table))) <= 1e-12


def test_the_map_times_the_values_is_the_output() -> None:
    module, x = heads(num_kv_heads=6), sequence()
    bias = torch.randn(T, T, dtype=torch.float64)
    with record_attention(module) as maps:
        out = module(x, mask=masks.causal(), bias=bias)
    values = module.value_proj(x).unflatten(-1, (H, -1)).transpose(1, 2)
    joined = (maps[""] @ values).transpose(1, 2).flatten(2)
    assert_close(out, module.output_proj(joined))


def test_every_attention_is_recorded_under_its_path() -> None:
    model, x = Two(), sequence()
    with record_attention(model) as maps:
        assert maps == {}
        model(x)
    assert sorted(maps) == ["first", "layers.0.attention"]
    causal = torch.ones(T, T, dtype=torch.bool).tril()
    assert distance(maps["first"], array(by_hand(model.first, x, x, causal))) <= 1e-12
    assert (maps["layers.0.attention"] > 0).all()


def test_the_last_call_counts() -> None:
    module, x = heads(), sequence()
    with record_attention(module) as maps:
        module(x)
        module(x, sequence(S))
    assert maps[""].shape == (B, H, T, S)


def test_a_map_with_a_cache_spans_all_keys() -> None:
    module, cache = heads(), KVCache()
    with record_attention(module) as maps:
        module(sequence(4), mask=masks.causal(), cache=cache)
        module(sequence(1), mask=masks.causal(), cache=cache)
    assert maps[""].shape == (B, H, 1, 5)
    assert_close(maps[""].sum(-1), torch.ones(B, H, 1, dtype=torch.float64))


def test_recording_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same kernel is called as often and with the same arguments, and gives the same."""
    counts: list[bool] = []
    real = F.scaled_dot_product_attention

    def spy(*args: Tensor, **kwargs: object) -> Tensor:
        counts.append(bool(kwargs["is_causal"]))
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(F, "scaled_dot_product_attention", spy)
    model, x = Two(), sequence().requires_grad_()
    want = model(x)
    want.sum().backward()
    grad, x.grad, plain = x.grad, None, list(counts)
    counts.clear()
    with record_attention(model):
        got = model(x)
        got.sum().backward()
    assert_close(got, want, **EXACT)
    assert_close(x.grad, grad, **EXACT)
    assert counts == plain == [True, False]


def test_dropout_draws_the_same_and_the_map_is_before_it() -> None:
    module, x = heads(dropout=0.5), sequence()
    torch.manual_seed(3)
    want = module(x)
    torch.manual_seed(3)
    with record_attention(module) as maps:
        assert_close(module(x), want, **EXACT)
    assert_close(maps[""].sum(-1), torch.ones(B, H, T, dtype=torch.float64))


@pytest.mark.kills("maps keep their graph", "inspect/attention.py", "    @torch.no_grad()\n", "")
def test_maps_carry_no_gradient() -> None:
    module = heads()
    with record_attention(module) as maps:
        module(sequence().requires_grad_())
    assert not maps[""].requires_grad


def test_nothing_remains_afterwards() -> None:
    model, x = Two(), sequence()
    with record_attention(model) as maps:
        model(x)
    before = {path: table.clone() for path, table in maps.items()}
    model(sequence())
    assert_close(dict(maps), before, **EXACT)
    assert not any(m._forward_pre_hooks for m in model.modules())


def test_nothing_remains_after_an_error() -> None:
    module = heads()
    with pytest.raises(RuntimeError, match="planted"), record_attention(module):
        raise RuntimeError("planted")
    assert not any(m._forward_pre_hooks for m in module.modules())


def test_recordings_may_be_nested() -> None:
    model, x = Two(), sequence()
    with record_attention(model) as outer, record_attention(model.first) as inner:
        model(x)
    assert_close(outer["first"], inner[""], **EXACT)


def test_a_row_that_sees_nothing_is_zero() -> None:
    module = heads()
    with record_attention(module) as maps:
        module(sequence(), mask=torch.zeros(T, T, dtype=torch.bool))
    assert (maps[""] == 0).all()


def test_a_path_without_a_map_says_which_there_are() -> None:
    model = Two()
    with record_attention(model) as maps:
        model(sequence())
    with pytest.raises(KeyError, match=r"no map of 'second': recorded are \['first', 'layers"):
        maps["second"]


# ------------------------------------------------------------------ one attention, many places


class Again(nn.Module):
    """One attention that runs three times, under three names."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([heads()] * 3)
        self.broken = False

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = x + layer(x, mask=masks.causal())
            if self.broken:
                raise RuntimeError("stopped after the first layer")
        return x


def test_an_attention_in_several_places_has_a_map_for_each() -> None:
    model, x = Again(), sequence()
    with record_attention(model) as maps:
        model(sequence())
        model(x)
    assert list(maps) == ["layers.0", "layers.1", "layers.2"]
    table = torch.ones(T, T, dtype=torch.bool).tril()
    for path in maps:
        want = by_hand(model.layers[0], x, x, table)
        assert_close(maps[path], want, rtol=0, atol=1e-12)
        x = x + model.layers[0](x, mask=masks.causal())


def test_a_run_that_was_cut_leaves_the_next_in_order() -> None:
    model, x = Again(), sequence()
    with record_attention(model) as want:
        model(x)
    with record_attention(model) as got:
        model.broken = True
        with pytest.raises(RuntimeError, match="stopped"):
            model(x)
        model.broken = False
        model(x)
    assert all(torch.equal(got[path], want[path]) for path in want)
    assert not model._forward_pre_hooks
