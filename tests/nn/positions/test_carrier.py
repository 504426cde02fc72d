"""The object that carries positions: where each of its fields counts, and what it refuses."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torch.utils import _pytree as pytree

from tests.nn.layered import CLOSE, B, D, F, H, S, T, decoder_layer, draw, encoder_layer, spread
from txlite.nn import DecoderLayer, MultiHeadAttention
from txlite.nn.positions import Positions, Rotary
from txlite.nn.positions.carrier import across


def turns(length: int) -> Positions:
    return Positions(rotation=Rotary(D // H)(torch.arange(length)))


def heads() -> MultiHeadAttention:
    made: MultiHeadAttention = spread(MultiHeadAttention(D, H))
    return made


def test_a_bias_that_is_carried_is_a_bias_that_is_given() -> None:
    layer, x, bias = encoder_layer(), draw(B, T, D), draw(H, T, T)
    assert_close(layer(x, positions=Positions(bias=bias)), layer(x, bias=bias), **CLOSE)
    both = layer(x, bias=bias, positions=Positions(bias=bias))
    assert_close(both, layer(x, bias=2 * bias), **CLOSE)


def test_query_key_marks_queries_and_keys_and_no_values() -> None:
    module, x, at = heads(), draw(B, T, D), draw(B, T, D)
    got = module(x, positions=Positions(query_key=at))
    assert_close(got, module(x + at, x + at, x), **CLOSE)
    assert not torch.allclose(got, module(x + at))


def test_each_sequence_brings_its_own() -> None:
    module, x, y, at, of = heads(), draw(B, T, D), draw(B, S, D), draw(T, D), draw(S, D)
    got = module(x, y, positions=Positions(query_key=at), key_positions=Positions(query_key=of))
    assert_close(got, module(x + at, y + of, y), **CLOSE)


def test_two_sequences_that_both_turn_attend_by_their_distance() -> None:
    module, x, y = heads(), draw(B, T, D), draw(B, S, D)

    def ask(shift: int, other: int) -> Tensor:
        own = Positions(rotation=Rotary(D // H)(torch.arange(T) + shift))
        theirs = Positions(rotation=Rotary(D // H)(torch.arange(S) + other))
        out: Tensor = module(x, y, positions=own, key_positions=theirs)
        return out

    assert_close(ask(0, 0), ask(7, 7), rtol=0, atol=1e-10)
    assert not torch.allclose(ask(0, 0), ask(0, 7))


def test_what_counts_across_two_sequences() -> None:
    own = Positions(query_key=draw(T, D), bias=draw(T, T), rotation=turns(T).rotation)
    theirs = Positions(query_key=draw(S, D), bias=draw(T, S))
    found = across(own, theirs)
    assert found is not None
    assert found.query_key is own.query_key
    assert found.bias is theirs.bias
    assert found.rotation is None
    turned = across(own, turns(S))
    assert turned is not None
    assert turned.rotation is own.rotation
    assert across(None, None) is None


def test_a_decoder_s_own_rotation_and_bias_stay_out_of_the_source() -> None:
    layer, x, memory = decoder_layer(), draw(B, T, D), draw(B, S, D)
    silent = {"attention.value_proj.weight", "attention.value_proj.bias"}
    with torch.no_grad():
        for name, p in layer.named_parameters():
            if name in silent:
                p.zero_()  # the self-attention says nothing, wherever the positions are
    assert_close(layer(x, memory, positions=turns(T)), layer(x, memory), **CLOSE)
    both = layer(x, memory, positions=turns(T), memory_positions=turns(S))
    assert not torch.allclose(both, layer(x, memory))


def test_it_is_a_tree() -> None:
    given = Positions(states=draw(T, D), rotation=turns(T).rotation)
    leaves, form = pytree.tree_flatten(given)
    again = pytree.tree_unflatten(leaves, form)
    assert again.states is given.states
    assert again.rotation.cos is given.rotation.cos


@pytest.mark.plain
def test_what_does_not_fit_is_named() -> None:
    layer, x = DecoderLayer(D, H, F), torch.zeros(B, T, D)
    memory = torch.zeros(B, S, D)
    for field in ("states", "query_key"):
        with pytest.raises(ValueError, match=rf"^positions\.{field} should have shape \(T=5"):
            layer(x, memory, positions=Positions(**{field: torch.zeros(T + 1, D)}))
        with pytest.raises(ValueError, match=rf"^positions\.{field} should have the dtype"):
            layer(x, memory, positions=Positions(**{field: torch.zeros(T, D).double()}))
    with pytest.raises(ValueError, match=r"^memory_positions\.query_key should have shape"):
        layer(x, memory, memory_positions=Positions(query_key=torch.zeros(T, D)))
    with pytest.raises(ValueError, match=r"^positions\.rotation should cover B=2 seq"):
        layer(x, memory, positions=turns(T + 1))
    with pytest.raises(ValueError, match=r"^positions\.rotation should be at most as"):
        layer(x, memory, positions=Positions(rotation=Rotary(8)(torch.arange(T))))
    with pytest.raises(ValueError, match=r"^memory_positions should be None"):
        DecoderLayer(D, H, F, cross_attention=False)(x, memory_positions=turns(S))
    with pytest.raises(ValueError, match=r"^key_positions should come with a key"):
        layer.attention(x, key_positions=turns(T))
    with pytest.raises(ValueError, match=r"^rotation should come with self-attention"):
        layer.attention(x, memory, key_positions=turns(S))
