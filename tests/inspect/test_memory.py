"""The count of bytes is exact: results are counted once, inputs and views never."""

import torch

from txlite.inspect import record_memory
from txlite.nn import masks, scaled_dot_product_attention


def test_a_chain_holds_two_links_at_a_time() -> None:
    x = torch.zeros(100, dtype=torch.float64)
    with record_memory() as memory:
        y = x + 1
        y = y * 2
        y = y - 3
    assert memory.now == 800
    assert memory.peak == 1600


def test_what_is_given_back_no_longer_counts() -> None:
    with record_memory() as memory:
        big = torch.zeros(1000, dtype=torch.uint8)
        del big
        small = torch.zeros(10, dtype=torch.uint8)
    assert memory.peak == 1000
    assert memory.now == small.nbytes == 10


def test_inputs_views_and_in_place_results_are_free() -> None:
    x = torch.zeros(6, 7)
    with record_memory() as memory:
        y = x.T[1:]
        x.add_(1)
        z = y.unsqueeze(0).expand(5, -1, -1)
    assert memory.peak == 0
    assert z.shape == (5, 6, 6)


def test_the_backward_pass_counts_too() -> None:
    x = torch.randn(50, dtype=torch.float64, requires_grad=True)
    with record_memory() as forward:
        y = x.exp().sum()
    with record_memory() as backward:
        y.backward()
    assert forward.peak >= 400
    assert backward.peak >= 400


def test_nothing_is_counted_after_the_block() -> None:
    with record_memory() as memory:
        pass
    kept = torch.zeros(1000)
    assert kept.nbytes == 4000
    assert memory.peak == 0


def test_a_rule_needs_memory_in_proportion_to_the_length_and_a_table_to_its_square() -> None:
    rule = masks.causal() & masks.sliding_window(8)
    peaks = {"rule": [], "table": []}
    for length in (256, 512):
        x = torch.randn(1, 2, length, 4)
        for name, mask in (("rule", rule), ("table", rule.to_tensor(length, length))):
            with record_memory() as memory:
                scaled_dot_product_attention(x, x, x, mask)
            peaks[name].append(memory.peak)
    assert peaks["rule"][1] < 2.2 * peaks["rule"][0]
    assert peaks["table"][1] > 3.5 * peaks["table"][0]
