"""Every kind of call is heard, once, with the bytes of the whole message."""

from typing import Any

import pytest
import torch

from txlite.distributed import Collective, Traffic, record_collectives


@pytest.mark.plain
@pytest.mark.slow
def test_every_kind_is_heard(found: list[Any]) -> None:
    size = len(found)
    for rank, got in enumerate(found):
        said = got["kinds"]
        ring = [("send", 24, size)] if rank < size - 1 else []
        assert said == [
            ("all_reduce", 24, size),
            ("all_reduce", 24, size),  # the functional one
            *[("all_gather", 24 * size, size)] * 3,
            ("reduce_scatter", 24 * size, size),
            ("broadcast", 24, size),
            *ring,
        ]
        assert got["after"] == len(said)  # nothing is heard when the block is over


def test_sums_by_kind() -> None:
    traffic = Traffic([Collective("all_reduce", 80, 4), Collective("send", 10, 2)])
    assert (traffic.calls(), traffic.calls("send"), traffic.calls("broadcast")) == (2, 1, 0)
    assert (traffic.message(), traffic.message("all_reduce")) == (90, 80)
    assert (traffic.sent(), traffic.sent("all_reduce")) == (130.0, 120.0)


def test_one_process_says_nothing() -> None:
    with record_collectives() as traffic:
        torch.ones(3).sum()
    assert traffic == []
