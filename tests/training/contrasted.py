"""Pairs that several processes share: what ``torchrun`` runs for the tests of the loss."""

import json
import sys
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from txlite.training import contrastive_loss
from txlite.training.distributed import local_rows, processes


class Towers(nn.Module):
    """Two matrices and a scale."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.one, self.other = (nn.Linear(5, 4).double() for _ in range(2))
        self.log_scale = nn.Parameter(torch.tensor(1.5, dtype=torch.double))

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        x, y = self.one(x), self.other(y)
        return functional.normalize(x, dim=-1), functional.normalize(y, dim=-1)


def pairs() -> tuple[Tensor, Tensor]:
    """Return eight pairs."""
    draw = torch.Generator().manual_seed(4)
    one, other = torch.randn(2, 8, 5, generator=draw, dtype=torch.double)
    return one, other


def main() -> None:
    """Write the loss and the gradients that DDP has put together."""
    with processes(cpu=True) as (team, _):
        model = Towers()
        shared = DistributedDataParallel(model) if team.size > 1 else model
        (x, y), _ = local_rows(pairs(), team)
        loss = contrastive_loss(*shared(x, y), model.log_scale.exp())
        loss.backward()
        total = team.total([loss.item()], torch.device("cpu"))[0] / team.size
        gradients = {name: p.grad.tolist() for name, p in model.named_parameters()}
        if team.rank == 0:
            Path(sys.argv[1]).write_text(json.dumps({"loss": total, "gradients": gradients}))


if __name__ == "__main__":
    main()
