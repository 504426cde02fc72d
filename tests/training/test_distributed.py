"""Two processes train as one: the sharing by itself, then torchrun for real."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from tests.training import dying
from txlite.training.distributed import Team, local_rows, processes, shard, team
from txlite.training.rehearsal import Rehearsal, rehearse


class Pair(NamedTuple):
    x: Tensor
    keep: Tensor


def batch(rows: int) -> Pair:
    return Pair(torch.arange(rows * 2).view(rows, 2), torch.arange(rows))


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("rows", [1, 2, 3, 7])
def test_every_row_goes_to_exactly_one_process(rows, size):
    taken = []
    for rank in range(size):
        mine, real = local_rows(batch(rows), Team(rank, size))
        assert isinstance(mine, Pair)
        assert mine.x.shape[0] == mine.keep.shape[0] >= 1  # nobody runs on nothing
        if real:
            taken += mine.keep.tolist()
    assert sorted(taken) == list(range(rows))


def test_without_torchrun_a_process_is_alone(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    with processes() as (crew, device):
        assert crew == team() == Team(0, 1)
        assert isinstance(device, torch.device)
    model = nn.Linear(2, 3)
    assert shard(model) is model
    assert not hasattr(model.weight, "device_mesh")


@pytest.mark.plain
def test_rows_must_be_rows():
    with pytest.raises(ValueError, match=r"^batch should have one number of rows .* \[2, 3\]"):
        local_rows((torch.zeros(2), torch.zeros(3)), Team(0, 2))
    with pytest.raises(ValueError, match=r"^batch should have one number of rows .* \[0\]"):
        local_rows(torch.tensor(3.0), Team(0, 2))


def torchrun(count: int, file: Path, *words: str) -> dict[str, Any]:
    """Rehearse on several processes of this machine, on the CPU."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(count)]
    return _run([*torchrun, "-m", "txlite.training.rehearsal"], file, words)


def alone(**plan: Any) -> dict[str, Any]:
    """Rehearse in this process, on the CPU."""
    return rehearse(Rehearsal(cpu=True, **plan))


def _run(how: Sequence[str], file: Path, words: Sequence[str]) -> dict[str, Any]:
    command = [sys.executable, *how, *words, "--cpu", "--report", str(file)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(file.read_text())


def farthest(one: dict[str, Any], two: dict[str, Any], name: str) -> float:
    return max(abs(a - b) for a, b in zip(one[name], two[name], strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("how", [[], ["--sharded"]], ids=["DDP", "FSDP2"])
def test_two_processes_give_the_losses_of_one(tmp_path, how):
    one, two = alone(), torchrun(2, tmp_path / "2.json", *how)
    assert (one["processes"], two["processes"]) == (1, 2)
    assert len(one["losses"]) == 20
    assert farthest(one, two, "losses") <= 1e-6
    assert farthest(one, two, "gradient_norms") <= 1e-6
    assert one["losses"][-1] < one["losses"][0]


@pytest.mark.slow
def test_three_processes_agree_in_double_precision_to_the_last_digits(tmp_path):
    one = alone(double=True, accumulate=3)
    three = torchrun(3, tmp_path / "3.json", "--double", "--accumulate", "3")
    assert farthest(one, three, "losses") <= 1e-12
    assert farthest(one, three, "gradient_norms") <= 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("how", [[], ["--sharded"]], ids=["DDP", "FSDP2"])
def test_two_processes_go_on_bit_for_bit(tmp_path, how):
    words = ["--dropout", "0.3", *how]
    whole = torchrun(2, tmp_path / "whole.json", *words, "--steps", "12")
    folder = ["--checkpoint", str(tmp_path / "run")]
    torchrun(2, tmp_path / "first.json", *words, *folder, "--steps", "7")
    rest = torchrun(2, tmp_path / "rest.json", *words, *folder, "--steps", "12")
    assert {**rest, "scores": None} == {**whole, "scores": None}
    more = alone(
        dropout=0.3, checkpoint=str(tmp_path / "run"), steps=14
    )  # what two processes wrote
    assert more["losses"][:12] == whole["losses"]


def test_the_plan_of_the_children_draws_random_numbers():
    assert dying.plan(None, 3).dropout > 0
