"""Bytes that are there, and milliseconds that pass."""

from typing import Any

import pytest
import torch
from torch import nn

from txlite.compress import measures, milliseconds, model_bytes


class Several(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.zeros(10))
        self.b = self.a
        self.register_buffer("view", self.a.data[2:5])
        self.register_buffer("codes", torch.zeros(7, dtype=torch.int8))
        self.register_buffer("table", torch.zeros(3, dtype=torch.float64), persistent=False)


@pytest.mark.kills(
    "bytes: a tied tensor is counted twice",
    "compress/measures.py",
    "storages = {x.untyped_storage()._cdata:",
    "storages = {id(x):",
)
def test_each_memory_counts_once() -> None:
    assert model_bytes(Several()) == 40 + 7 + 24
    assert model_bytes(Several().half()) == 20 + 7 + 6 + 6  # a cast gives the view its own memory
    assert model_bytes(nn.Linear(10, 3, device="meta")) == 132
    assert model_bytes(nn.ReLU()) == 0


def test_the_median_of_the_runs_that_count(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    times = iter([0.0, 0.5, 1.0, 1.1, 2.0, 2.2])
    monkeypatch.setattr(measures.time, "perf_counter", lambda: next(times))
    monkeypatch.setattr(measures, "_finish", lambda: calls.append("finish"))
    found = milliseconds(lambda: calls.append("run"), runs=3, warmup=2)
    assert found.median == pytest.approx(200)
    assert (found.fastest, found.slowest) == pytest.approx((100, 500))
    assert found.runs == 3
    assert calls == ["run"] * 2 + ["finish", "run", "finish"] * 3


def test_an_accelerator_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[Any] = []
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "synchronize", lambda: waited.append(1))
    milliseconds(lambda: None, runs=2, warmup=1)
    assert len(waited) == 4


@pytest.mark.plain
def test_calls_that_cannot_be_timed_are_refused() -> None:
    with pytest.raises(ValueError, match=r"call should be a function, without arguments, got 3"):
        milliseconds(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"runs"):
        milliseconds(lambda: None, runs=0)
