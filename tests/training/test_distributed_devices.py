"""Which device each of several processes computes on, without owning a GPU."""

import pytest
import torch
from torch import distributed as dist

from txlite.training import distributed
from txlite.training.distributed import Team, processes


@pytest.mark.parametrize(
    ("gpus", "cpu", "device", "backend"),
    [
        (2, False, torch.device("cuda", 1), "nccl"),
        (3, False, torch.device("cuda", 1), "nccl"),
        (1, False, torch.device("cpu"), "gloo"),  # not one for each
        (2, True, torch.device("cpu"), "gloo"),
    ],
)
def test_each_process_has_a_gpu_of_its_own_or_none_has(
    gpus: int, cpu: bool, device: torch.device, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[object] = []
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setattr(distributed, "default_device", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(dist, "init_process_group", chosen.append)
    monkeypatch.setattr(dist, "destroy_process_group", lambda: chosen.append("ended"))
    monkeypatch.setattr(distributed, "team", lambda: Team(1, 2))
    with processes(cpu=cpu) as (crew, here):
        assert (crew, here) == (Team(1, 2), device)
    seen = [device] if device.type == "cuda" else []
    assert chosen == [*seen, backend, "ended"]
