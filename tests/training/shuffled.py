"""Two processes whose batches differ, or not: what ``torchrun`` runs for the tests."""

import argparse

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from txlite.training import adamw, fit
from txlite.training.distributed import processes


def loss(model: nn.Module, batch: list[Tensor]) -> tuple[Tensor, int]:
    """Count every row as one token."""
    (x,) = batch
    return model(x).square().sum(), len(x)


def main() -> None:
    """Train on a loader that shuffles by torch's own chance, or by a generator of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--own", action="store_true")
    own = torch.Generator().manual_seed(5) if parser.parse_args().own else None
    with processes(cpu=True):
        torch.manual_seed(3)
        rows = TensorDataset(torch.arange(64.0)[:, None])
        loader = DataLoader(rows, batch_size=8, shuffle=True, generator=own)
        model = nn.Linear(1, 2)
        history = fit(model, loader, loss, steps=8, optimizer=adamw(model, 0.01))
        print(f"tokens {sum(history.tokens)}\n", end="")  # noqa: T201 (written at once)


if __name__ == "__main__":
    main()
