"""Layouts on paper: the published choices come out, and the bytes are the formulas'."""

from functools import cache
from typing import Any

import pytest
import torch
from torch import nn

from txlite.distributed import Estimate, Layout, Machine, bubble_share, plan_layouts
from txlite.models import GPT, GPTConfig


@cache
def built(name: str) -> nn.Module:
    with torch.device("meta"):
        return GPT(getattr(GPTConfig, name)())


def rows(name: str, devices: int, **more: Any) -> dict[tuple[int, int, int], Estimate]:
    found = plan_layouts(built(name), devices, Machine.dgx2(), batch=512, length=1024, **more)
    return {(r.layout.tensor, r.layout.pipeline, r.layout.data): r for r in found}


def test_megatron_needs_eight_devices_for_a_copy() -> None:
    found = rows("megatron_8b", 512)
    assert [t for t in (1, 2, 4, 8) if found[t, 1, 512 // t].fits] == [8]  # the paper's 8 × 64
    row = found[8, 1, 64]
    assert row.parts == 8
    assert row.parameters * 8 == pytest.approx(8.3e9, rel=0.02)
    assert row.seconds["bubble"] == row.sent["pipeline"] == 0.0
    layer, ways = 2.0 * 8 * 1024 * 3072, 6  # bytes of the states, and sums forward, again, back
    assert row.sent["tensor"] == pytest.approx(72 * ways * layer * 2 * 7 / 8)


@pytest.mark.kills(
    "planner: moments are never shared out",
    "distributed/planner.py",
    "shared = layout.data if self.shard_moments else 1",
    "shared = 1",
)
def test_turing_nlg_needs_its_moments_shared_out() -> None:
    alone, shared = rows("turing_nlg", 256), rows("turing_nlg", 256, shard_moments=True)
    tensor_only = [key for key in alone if key[1] == 1]
    assert not any(alone[key].fits for key in tensor_only)
    assert shared[4, 1, 64].fits  # as it was trained: cut by four, on 256 devices
    assert not shared[2, 1, 128].fits
    assert {key[0] for key in alone} == {1, 2, 4}  # 28 heads: by eight nobody can cut them
    key = (4, 1, 64)
    assert shared[key].memory["moments"] == pytest.approx(alone[key].memory["moments"] / 64)


def small(**more: Any) -> list[Estimate]:
    with torch.device("meta"):
        model = GPT(GPTConfig(vocab_size=64, d_model=32, num_heads=4, d_ff=64, num_layers=4))
    machine = Machine(memory=1e9, flops=1e9, inside=2e6, between=1e6, per_node=4)
    return plan_layouts(model, 8, machine, batch=16, length=8, **more)


def test_every_layout_that_divides_is_there_once() -> None:
    layouts = [row.layout for row in small()]
    want = [Layout(t, p, 8 // t // p) for t in (1, 2, 4) for p in (1, 2, 4) if 8 % (t * p) == 0]
    assert sorted(layouts, key=str) == sorted(want, key=str)
    assert str(layouts[0]).count("×") == 2


def test_what_fits_comes_first_and_the_fastest_of_it() -> None:
    order = [(not row.fits, row.total_seconds) for row in small()]
    assert order == sorted(order)
    tight = Machine(memory=900e3, flops=1e9, inside=2e6, between=1e6, per_node=4)
    with torch.device("meta"):
        model = GPT(GPTConfig(vocab_size=64, d_model=32, num_heads=4, d_ff=64, num_layers=4))
    fits = [row.fits for row in plan_layouts(model, 8, tight, batch=16, length=8)]
    assert fits == sorted(fits, reverse=True)
    assert len(set(fits)) == 2


def test_numbers_by_hand() -> None:
    row = next(r for r in small() if r.layout == Layout(2, 2, 2))
    assert row.parts == 8
    layer = 32 * 96 + 96 + 32 * 32 + 32 * 64 + 64 + 64 * 32  # cut, with its biases
    held = 2 * (layer // 2 + 32 + 32 + 4 * 32) + 32 * 32  # two layers, half of 64 rows
    assert row.parameters == max(held + 1024 * 32, held + 2 * 32)
    states = 2 * 8 * 8 * 32  # half precision, eight rows of a copy
    assert row.sent == {
        "tensor": 2 * 6 * states * 2 * (1 / 2),
        "pipeline": 2.0 * states,
        "data": 2 * row.parameters * 2 * (1 / 2),
    }
    for name, speed in {"tensor": 2e6, "data": 2e6, "pipeline": 1e6}.items():
        assert row.seconds[name] == pytest.approx(row.sent[name] / speed)
    idle = row.seconds["bubble"] / (row.seconds["bubble"] + row.seconds["compute"])
    assert idle == pytest.approx(bubble_share(2, 8))
    scores = 4 * 8 * 32.0  # half of the vocabulary
    one = 8 * (10 * 32 + 2 * (4 * 32 + 2 * 64) / 2)
    assert row.memory["activations"] == 2 * 2 * (2 * 8 * 32) + one + scores
    assert row.total_memory == sum(row.memory.values())
    assert row.memory["moments"] == 12 * row.parameters


def test_recomputing_trades_memory_for_time() -> None:
    key = Layout(2, 2, 2)
    kept, again = (next(r for r in small(recompute=x) if r.layout == key) for x in (False, True))
    assert kept.memory["activations"] > again.memory["activations"]
    assert kept.seconds["compute"] < again.seconds["compute"]
    assert kept.sent["tensor"] * 1.5 == again.sent["tensor"]


@pytest.mark.plain
def test_what_cannot_be_planned_is_refused() -> None:
    good: dict[str, Any] = {"memory": 1.0, "flops": 1.0, "inside": 1.0, "between": 1.0}
    for more, message in (
        ({"memory": 0.0}, "memory should be a positive number, got 0"),
        ({"per_node": 0}, "per_node should be a positive whole number, got 0"),
        ({"usable": 1.5}, r"usable should be a number in \[0, 1\], got 1.5"),
        ({"utilisation": 0.0}, "utilisation should be a positive number, got 0"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            Machine(**{**good, **more})
    with torch.device("meta"):
        model = GPT(GPTConfig(vocab_size=64, d_model=32, num_heads=4, d_ff=64, num_layers=4))
    for devices, batch, message in (
        (0, 16, "devices should be a positive whole number, got 0"),
        (8, 0, "batch should be a positive whole number, got 0"),
        (7, 16, "devices=7 should divide into layouts"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            plan_layouts(model, devices, Machine(**good), batch=batch, length=8)
