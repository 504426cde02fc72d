"""A stack works a mask's table out once, for that call only, and with the numbers of each layer."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.testing import assert_close

from tests.nn.layered import B, D, F, H, S, T, draw, spread
from txlite.nn import Decoder, Encoder, masks
from txlite.nn.masks._coordinates import Coordinates
from txlite.nn.masks._one_call import OneCall, for_one_call
from txlite.nn.masks._rules import Mask

WRITTEN: list[int] = []


@dataclass(frozen=True, eq=False)
class Counted(Mask):
    """Everything but the last key, and a note of each time that somebody asks."""

    def allowed(self, at: Coordinates) -> Tensor:
        WRITTEN.append(at.num_keys)
        return at.keys + 0 * at.queries < at.num_keys - 1


def test_a_table_is_written_once_for_all_layers() -> None:
    stack, x = spread(Encoder(4, D, H, F)), draw(B, T, D)
    WRITTEN.clear()
    got = stack(x, Counted())
    assert [T] == WRITTEN
    want = x
    for layer in stack.layers:
        want = layer(want, Counted())
    assert_close(got, stack.norm(want), rtol=0, atol=0)


def test_the_next_call_reads_the_tensor_anew() -> None:
    stack, x = spread(Encoder(2, D, H, F)), draw(B, T, D)
    keep = torch.ones(B, T, dtype=torch.bool)
    mask = masks.padding(keep)
    before = stack(x, mask)
    keep[:, -1] = False
    after = stack(x, mask)
    assert_close(after, stack(x, masks.padding(keep.clone())), rtol=0, atol=0)
    assert not torch.allclose(before[:, :-1], after[:, :-1])


def test_blind_rows_are_zero_in_every_layer() -> None:
    stack, x, memory = spread(Decoder(3, D, H, F)), draw(B, T, D), draw(B, S, D)
    keep = torch.ones(B, S, dtype=torch.bool)
    keep[1] = False  # the second sentence may look at nothing
    got = stack(x, memory, memory_mask=masks.padding(keep))
    want = x
    for layer in stack.layers:
        want = layer(want, memory, memory_mask=masks.padding(keep))
    assert_close(got, stack.norm(want), rtol=0, atol=0)
    assert not got.isnan().any()


def test_it_is_the_rule_that_it_wraps() -> None:
    rule = masks.causal() & masks.sliding_window(3)
    once = for_one_call(rule)
    assert isinstance(once, OneCall)
    assert for_one_call(once) is once
    assert for_one_call(None) is None
    assert (once.reach, repr(once), once.device) == (rule.reach, repr(rule), None)
    assert torch.equal(once.to_tensor(T, S), rule.to_tensor(T, S))
    assert torch.equal((~once).to_tensor(T, S), (~rule).to_tensor(T, S))
