"""The two operators around a cut: each is the other's gradient."""

from typing import Any

import pytest
import torch

pytestmark = [pytest.mark.plain, pytest.mark.slow]


def test_each_is_the_others_gradient(found: list[Any]) -> None:
    size = len(found)
    total = float(sum(range(1, size + 1)))  # rank r has r + 1
    for rank, got in enumerate(found):
        x, slope = got["entered"]
        assert torch.equal(x, torch.full((2, 3), rank + 1.0))  # as it was
        assert torch.equal(slope, torch.full((2, 3), total))
        x, slope = got["summed"]
        assert torch.equal(x, torch.full((2, 3), total))
        assert torch.equal(slope, torch.full((2, 3), rank + 1.0))  # as it came
