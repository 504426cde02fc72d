"""A layer whose heads and hidden units are shared out among processes is the layer of one."""

from pathlib import Path

import pytest
import torch
import torch.multiprocessing as mp
from torch.testing import assert_close


@pytest.mark.plain
@pytest.mark.slow
@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize(("dtype", "atol"), [(torch.float32, 1e-6), (torch.float64, 1e-11)])
def test_several_processes_give_the_numbers_of_one(
    size: int, dtype: torch.dtype, atol: float, tmp_path: Path
) -> None:
    from tests.nn import sharing

    mp.spawn(sharing.work, args=(size, str(tmp_path), dtype), nprocs=size)
    found, want = torch.load(tmp_path / "found.pt"), sharing.run(sharing.layer(dtype))
    assert found.pop("heads") == sharing.D // size  # each holds a share
    refusal = bytes(found.pop("refusal").tolist()).decode()
    assert refusal.startswith(f"mask should have shape (B=2, H={sharing.H // size}, T=5, S=5)")
    assert set(found) == set(want)
    for name in want:
        largest = max(1.0, want[name].abs().max().item())  # a sum of fives is rounded as fives are
        assert_close(found[name], want[name], rtol=0, atol=atol * largest)
