"""Patterns of sparse attention: what each saves, what it refuses, and how a draw behaves.

What each means, position by position, stands in tests/nn/zoo.py.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from txlite.nn import Mask, attention_weights, masks, scaled_dot_product_attention

PATTERNS: dict[str, Callable[[], Mask]] = {
    "dilated": lambda: masks.dilated_window(4, 3),
    "by blocks": lambda: masks.causal() & masks.block_window(8),
    "window": lambda: masks.sliding_window(9),
    "dilated, padded": lambda: masks.dilated_window(4, 3) & masks.causal(),
}


def heads(length: int) -> tuple[Tensor, Tensor, Tensor]:
    q, k, v = torch.randn(3, 2, 3, length, 5, dtype=torch.float64)
    return q, k, v


def products(rule: Mask, length: int) -> int:
    """Count the multiplications of attention under a rule, by its matrix products."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    given = heads(length)
    with FlopCounterMode(display=False) as counted, sdpa_kernel(SDPBackend.MATH):
        scaled_dot_product_attention(*given, rule)
    return counted.get_total_flops()


@pytest.mark.parametrize("name", PATTERNS)
def test_a_short_reach_costs_what_the_length_is_and_not_its_square(name: str) -> None:
    one, two, four = (products(PATTERNS[name](), length) for length in (512, 1024, 2048))
    assert two <= 2.1 * one
    assert four <= 2.1 * two
    whole = products(masks.causal(), 2048)
    assert whole == 4 * products(masks.causal(), 1024)
    assert 8 * four < whole


@pytest.mark.parametrize("name", PATTERNS)
def test_in_chunks_it_is_the_same_attention(name: str) -> None:
    q, k, v = heads(200)
    rule = PATTERNS[name]()
    got = scaled_dot_product_attention(q, k, v, rule)
    assert_close(got, attention_weights(q, k, rule) @ v, rtol=0.0, atol=1e-12)


def test_big_bird_is_a_window_by_blocks_global_tokens_and_a_draw() -> None:
    rule = masks.block_window(3, 1, 1) | masks.global_tokens(3) | masks.random_blocks(3, 2, seed=4)
    table = rule.to_tensor(30, 30)
    blocks = table.unflatten(0, (10, 3)).unflatten(2, (10, 3))
    assert torch.equal(blocks.any((1, 3)), blocks.all((1, 3)))  # whole blocks
    middle = blocks[:, 0, :, 0]
    assert middle[0].all()
    assert middle[:, 0].all()
    assert (middle[2:-1].sum(-1) <= 1 + 3 + 2).all()
    assert middle[2:-1].sum() > 7 * 4  # the draw adds to it
    for i in range(10):
        assert middle[i, max(i - 1, 0) : i + 2].all()


def test_a_draw_is_the_seed_s_and_even() -> None:
    def drawn(seed: int, size: int = 1, length: int = 300) -> Tensor:
        return masks.random_blocks(size, 5, seed=seed).to_tensor(length, length)

    table = drawn(3)
    assert torch.equal(table, drawn(3))
    assert table.sum(-1).unique().tolist() == [5]
    assert (table & drawn(4)).sum() < 80  # 25 of 1500 by chance: 5 · 5 / 300 in each row
    assert 0.7 < table.sum(0).float().var() / 5 < 1.4  # Poisson: variance and mean are one
    assert 0 < table.diagonal().sum() < 20
    part = masks.random_blocks(1, 400).to_tensor(7, 7)
    assert part.all()  # all there are


def test_a_pair_s_number_does_not_change_with_the_length() -> None:
    """So that of the blocks drawn for a longer text, those that were there before were drawn."""
    short = masks.random_blocks(2, 3, seed=1).to_tensor(20, 20)
    long = masks.random_blocks(2, 3, seed=1).to_tensor(40, 40)[:20, :20]
    assert not (long & ~short).any()
    assert long.sum() > 0


def test_one_step_is_a_window_and_one_block_is_a_block() -> None:
    for pair in (
        (masks.dilated_window(3, 1), masks.sliding_window(3)),
        (masks.block_window(3, 0, 0), masks.blocks(3)),
        (masks.strided(1), masks.sliding_window(99)),
    ):
        one, other = (rule.to_tensor(5, 11) for rule in pair)
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: masks.dilated_window(2, 3), "dilated_window(2, 3)"),
        (lambda: masks.strided(3), "strided(3)"),
        (lambda: masks.block_window(4, 1), "block_window(4, before=1, after=0)"),
        (lambda: masks.global_tokens(2), "global_tokens(2)"),
        (lambda: masks.global_tokens(torch.zeros(2, 5).bool()), "global_tokens(chosen: (2, 5))"),
        (lambda: masks.random_blocks(4, 2, seed=7), "random_blocks(4, 2, seed=7)"),
    ],
)
def test_a_pattern_says_what_it_is(make: Callable[[], Mask], told: str) -> None:
    assert repr(make()) == told


@pytest.mark.plain
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: masks.dilated_window(0, 1), "size should be a positive whole number, got 0"),
        (lambda: masks.dilated_window(1, -2), "dilation should be a positive whole number, got -2"),
        (lambda: masks.strided(1.5), "stride should be a positive whole number, got 1.5"),
        (lambda: masks.block_window(4, -1), "before should be .*whole number.*, got -1"),
        (lambda: masks.block_window(4, 1, -1), "after should be .*whole number.*, got -1"),
        (lambda: masks.global_tokens(0), "chosen should be a positive whole number, got 0"),
        (lambda: masks.global_tokens(torch.ones(2, 3)), "chosen should be a bool tensor"),
        (
            lambda: masks.global_tokens(torch.ones(3, dtype=torch.bool)),
            r"chosen should have shape \(B, S\), got \(3,\)",
        ),
        (lambda: masks.random_blocks(4, 0), "count should be a positive whole number, got 0"),
        (lambda: masks.random_blocks(4, 1, seed=-1), "seed should be .*whole number.*, got -1"),
    ],
)
def test_what_makes_no_pattern_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_chosen_tokens_fit_their_batch() -> None:
    rule = masks.global_tokens(torch.zeros(2, 5, dtype=torch.bool))
    q, k, v = heads(6)
    with pytest.raises(ValueError, match=r"chosen should have shape \(B=2, S=6\), got \(2, 5\)"):
        scaled_dot_product_attention(q, k, v, rule)
    with pytest.raises(ValueError, match="chosen should have an entry for each of T=6 queries"):
        rule.check(6, 5)
