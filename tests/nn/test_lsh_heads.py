"""Heads of LSH attention as a part of a layer: projections, seeds, lengths, and what is refused."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.nn import (
    EncoderLayer,
    KVCache,
    LSHAttention,
    choose_num_buckets,
    hash_buckets,
    lsh_attention,
    masks,
    random_rotations,
)
from txlite.nn.positions import Positions

B, T, D, H, E = 2, 22, 12, 3, 5
CLOSE: dict[str, float] = {"rtol": 0.0, "atol": 1e-12}


def spread(module: Any) -> Any:
    for p in module.double().parameters():
        nn.init.normal_(p, std=0.5)
    return module


def heads(**options: Any) -> LSHAttention:
    made: LSHAttention = spread(LSHAttention(D, H, **{"head_dim": E, "chunk_length": 4, **options}))
    return made


def states(length: int = T) -> Tensor:
    return torch.randn(B, length, D, dtype=torch.float64)


@pytest.mark.parametrize("num_buckets", [None, 6, (2, 4)])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.kills(
    "lsh heads: values are the queries",
    "nn/lsh_heads.py",
    "self._heads(self.value_proj(x))",
    "self._heads(self.query_key_proj(x))",
)
def test_it_is_lsh_attention_between_three_projections(num_buckets: Any, bias: bool) -> None:
    part, x = heads(num_hashes=2, num_buckets=num_buckets, bias=bias, seed=7), states()
    query, value = (
        proj(x).view(B, T, H, E).transpose(1, 2) for proj in (part.query_key_proj, part.value_proj)
    )
    count = num_buckets or choose_num_buckets(T, 4)
    generator = torch.Generator().manual_seed(7)
    turns = random_rotations(H, E, 2, count, generator=generator, dtype=x.dtype)
    buckets = hash_buckets(query, turns, count)
    rule = masks.causal() & masks.padding(torch.rand(B, T) < 0.8)
    out = lsh_attention(query, value, buckets, rule, chunk_length=4)
    want = part.output_proj(out.transpose(1, 2).reshape(B, T, H * E))
    assert_close(part(x, rule), want, **CLOSE)


def test_without_a_seed_each_call_hashes_otherwise_and_with_one_alike() -> None:
    x, seeded, free = states(), heads(seed=3), heads()
    free.load_state_dict(seeded.state_dict())
    assert torch.equal(seeded(x), seeded(x))
    assert not torch.equal(free(x), free(x))
    torch.manual_seed(5)
    first = free(x)
    torch.manual_seed(5)
    assert torch.equal(first, free(x))


def test_a_seed_takes_nothing_from_torch_s_own_numbers() -> None:
    part, x = heads(seed=3), states()
    torch.manual_seed(5)
    part(x)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(1))


@pytest.mark.parametrize("length", [0, 1, 3, 4])
def test_a_short_text_is_attended_to_as_a_whole(length: int) -> None:
    """And nothing is hashed: no seed, and the same twice."""
    part, x = heads(num_hashes=3), states(length)
    assert torch.equal(part(x, masks.causal()), part(x, masks.causal()))
    if length > 1:
        hidden = torch.eye(length).bool() | ~torch.ones(length, length).tril().bool()
        hidden[0, 0] = False
        q, v = (p(x).view(B, length, H, E).transpose(1, 2)
                for p in (part.query_key_proj, part.value_proj))  # fmt: skip
        scores = (q @ nn.functional.normalize(q, dim=-1).mT).masked_fill(hidden, -torch.inf)
        want = part.output_proj((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))
        assert_close(part(x, masks.causal()), want, rtol=0.0, atol=1e-4)


def test_dropout_is_for_training() -> None:
    part, x = heads(dropout=0.5, seed=1), states()
    assert not torch.equal(part(x), part(x))
    part.eval()
    assert torch.equal(part(x), part(x))


def test_padding_at_the_end_changes_nothing_before_it() -> None:
    """If the buckets are the same: as many of them, from one seed. What wraps around is hidden."""
    part, x = heads(num_buckets=4, seed=2, num_before=0), states(16)
    longer = torch.cat([x, states(8)], 1)
    keep = torch.arange(24).expand(B, -1) < 16
    assert_close(part(longer, masks.padding(keep))[:, :16], part(x), **CLOSE)


def test_it_stands_in_a_layer() -> None:
    layer = spread(EncoderLayer(D, H, 20, attention=heads(seed=1)))
    x = states().requires_grad_()
    out = layer(x, masks.causal())
    assert out.shape == (B, T, D)
    (slope,) = torch.autograd.grad(out[:, 9].sin().sum(), x)
    assert slope[:, 10:].abs().max() == 0
    assert slope[:, :10].abs().max() > 0


def test_it_says_its_sizes() -> None:
    told = repr(LSHAttention(12, 3, num_buckets=8))
    assert "d_model=12, num_heads=3, head_dim=4, chunk_length=64" in told
    assert "num_hashes=1, num_buckets=(8,)" in told


@pytest.mark.plain
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"d_model": 0}, "d_model should be a positive whole number"),
        ({"num_heads": 5, "head_dim": None}, "d_model=12 should be a multiple of num_heads=5"),
        ({"head_dim": 0}, "head_dim should be a positive whole number"),
        ({"chunk_length": 0}, "chunk_length should be a positive whole number"),
        ({"num_hashes": 0}, "num_hashes should be a positive whole number"),
        ({"num_buckets": 5}, "num_buckets should be an even whole number"),
        ({"num_before": -1}, "num_before should be"),
        ({"num_after": -1}, "num_after should be"),
        ({"seed": -1}, "seed should be"),
        ({"max_len": 0}, "max_len should be a positive whole number"),
        ({"dropout": 1.0}, "dropout should"),
    ],
)
def test_what_makes_no_heads_is_refused(options: dict[str, Any], message: str) -> None:
    sizes = {"d_model": D, "num_heads": H, "head_dim": E}
    with pytest.raises(ValueError, match=message):
        LSHAttention(**{**sizes, **options})


@pytest.mark.plain
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"x": torch.zeros(B, T, 7).double()}, r"x should have shape \(B, T, D=12\)"),
        ({"x": torch.zeros(B, T, D)}, "x should have the dtype of the weights"),
        ({"mask": torch.ones(T, T).bool()}, r"mask should be made of rules.*shape \(22, 22\)"),
        ({"mask": masks.padding(torch.ones(B, 9).bool())}, r"keep should have shape"),
        ({"bias": torch.zeros(T, T)}, "bias should be None for LSH attention"),
        ({"cache": KVCache()}, "cache should be None for LSH attention"),
        (
            {"positions": Positions(bias=torch.zeros(H, T, T))},
            "positions.bias should be None for LSH attention",
        ),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], message: str) -> None:
    given = {"x": states(), **given}
    with pytest.raises(ValueError, match=message):
        heads()(given.pop("x"), **given)
