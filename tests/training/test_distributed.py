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
from txlite.training import History
from txlite.training._run import Run
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


def test_a_process_alone_asks_no_other(monkeypatch):
    def asked(things, thing):
        things[:] = [f"{thing} of {rank}" for rank in range(len(things))]

    monkeypatch.setattr("torch.distributed.all_gather_object", asked)
    assert Team().gathered("file") == ["file"]
    assert Team(1, 3).gathered("file") == ["file of 0", "file of 1", "file of 2"]


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


@pytest.mark.slow
@pytest.mark.parametrize("own", [False, True], ids=["torch's chance", "a generator of its own"])
def test_processes_that_see_different_batches_are_told_so(own):
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [sys.executable, *command, "-m", "tests.training.shuffled", *["--own"] * own]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert (done.returncode == 0) is own, done.stderr
    if own:
        assert done.stdout.count("tokens 64") == 2
    else:
        wanted = "ValueError: batches should be the same in every process, in one order"
        assert done.stderr.count(wanted) >= 2  # both stop: nobody waits for the other


@pytest.mark.parametrize(
    ("marks", "alike"),
    [((7, 7), True), ((7, 8), False), ((7, 7, 7), True), ((6, 7, 8), False), ((0, 0), True)],
)
def test_all_processes_come_to_one_answer_about_their_batches(marks, alike):
    """The sum of one number and of its square says whether all have the same, to each alike."""

    class Heard(Team):
        def total(self, numbers, device):
            return [2.0, 3.0, float(sum(marks)), float(sum(m**2 for m in marks))]

    run = Run.__new__(Run)
    run.team, run.device, run.history = Heard(0, len(marks)), torch.device("cpu"), History()
    if alike:
        assert run._total(0.0, 0, marks[0]) == (2.0, 3.0)
        return
    with pytest.raises(ValueError, match=r"^batches should be the same in every .* in step 1\. "):
        run._total(0.0, 0, marks[0])


@pytest.mark.parametrize(
    ("seed", "rank", "own"),
    [
        (5, 0, 5),
        (5, 3, 8),
        (2**62 + 5, 3, 2**62 + 8),
        (2**63 - 1, 1, 0),
        (2**63 + 5, 2, 7),
        (2**64 - 1, 1, 0),
    ],
)
def test_every_process_has_chance_of_its_own(seed, rank, own):
    """The first keeps its seed; no sum is larger than a seed may be."""
    run = Run.__new__(Run)
    run.folder, run.team = None, Team(rank, 4)
    torch.manual_seed(seed)
    run._resume()
    assert torch.initial_seed() == own


def test_a_mark_is_cut_so_that_its_square_is_exact():
    sent = []

    class Sending(Team):
        def total(self, numbers, device):
            sent.append(numbers)
            return super().total(numbers, device)

    run = Run.__new__(Run)
    run.team, run.device, run.history = Sending(), torch.device("cpu"), History()
    assert run._total(1.5, 4, 2**32 - 1) == (1.5, 4)
    assert sent == [[1.5, 4, 2**20 - 1, (2**20 - 1) ** 2]]
    assert float((2**20 - 1) ** 2) * 1024 == (2**20 - 1) ** 2 * 1024


def test_the_plan_of_the_children_draws_random_numbers():
    assert dying.plan(None, 3).dropout > 0
