"""Local attention: what a head may see, with every other mask, step by step, and at what cost."""

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.nn import (
    Attend,
    KVCache,
    LocalAttend,
    MultiHeadAttention,
    attention_weights,
    masks,
    scaled_dot_product_attention,
)

B, H, T, D, E = 2, 3, 14, 12, 4


def heads(length: int = T) -> tuple[Tensor, Tensor, Tensor]:
    q, k, v = torch.randn(3, B, H, length, E, dtype=torch.float64)
    return q, k, v


@pytest.mark.parametrize("length", [1, 3, 14, 150])
@pytest.mark.parametrize("before", [0, 1, 2])
@pytest.mark.kills("local: the mask is forgotten", "nn/local.py", "self.window & as_mask(mask)",
                   "self.window")  # fmt: skip
def test_it_is_attention_under_a_window_of_blocks(length: int, before: int) -> None:
    q, k, v = heads(length)
    keep = torch.rand(B, length) < 0.8
    for mask in (None, masks.causal(), masks.causal() & masks.padding(keep),
                 torch.rand(length, length) < 0.6):  # fmt: skip
        rows = [[0 <= i // 4 - j // 4 <= before for j in range(length)] for i in range(length)]
        window = torch.tensor(rows)
        whole = window if mask is None else window & mask
        got = LocalAttend(4, before)(q, k, v, mask)
        assert_close(got, scaled_dot_product_attention(q, k, v, whole), rtol=0.0, atol=1e-12)
        weights = LocalAttend(4, before).weights(q, k, mask)
        assert_close(weights, attention_weights(q, k, whole), rtol=0.0, atol=1e-12)


def test_step_by_step_it_is_the_same() -> None:
    part = MultiHeadAttention(D, H, attend=LocalAttend(4)).double()
    for p in part.parameters():
        nn.init.normal_(p, std=0.5)
    x, cache, parts = torch.randn(B, T, D, dtype=torch.float64), KVCache(), []
    for start, end in ((0, 3), (3, 4), (4, 9), (9, 14)):
        parts.append(part(x[:, start:end], mask=masks.causal(), cache=cache))
    assert_close(torch.cat(parts, 1), part(x, mask=masks.causal()), rtol=0.0, atol=1e-12)


def test_wide_enough_it_is_plain_attention() -> None:
    q, k, v = heads()
    assert_close(LocalAttend(T, scale=0.7)(q, k, v), Attend(scale=0.7)(q, k, v))
    assert repr(LocalAttend(4, 2, dropout=0.1)) == (
        "LocalAttend(block_window(4, before=2, after=0), dropout=0.1)"
    )


@pytest.mark.plain
def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="chunk_length should be a positive whole number, got 0"):
        LocalAttend(0)
    with pytest.raises(ValueError, match="num_before should be"):
        LocalAttend(4, -1)
    q, k, v = heads()
    with pytest.raises(ValueError, match="mask should be a bool tensor"):
        LocalAttend(4)(q, k, v, torch.zeros(T, T))  # type: ignore[arg-type]
