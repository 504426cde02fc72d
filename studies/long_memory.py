"""Long memory: how well attention and an LSTM remember, near and far.

Both read the same pages of the memory test (`txlite.data.recall`) and are trained alike. The values
are the shares of right answers on fresh pages, where the question comes 4 or 40 steps after the
note. Guessing scores 0.25.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import txlite
from txlite.data.recall import sample_recall
from txlite.nn import MultiHeadAttention, masks

WIDTH, NAMES, VALUES = 32, 10, 4
STEPS, BATCH, PAGES = 300, 64, 500
NEAR, FAR = 4, 40
LEARNING_RATE = 8e-3


class LookUp(nn.Module):
    """One layer of causal attention with one head."""

    def __init__(self) -> None:
        super().__init__()
        self.attend = MultiHeadAttention(WIDTH, num_heads=1)
        self.mix = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Return the states after the layer, (B, T, D)."""
        x = x + self.attend(x, mask=masks.causal())
        mixed: Tensor = self.mix(x).relu()
        return x + mixed


class Recurrent(nn.Module):
    """One LSTM of the same width."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTM(WIDTH, WIDTH, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return the states after the layer, (B, T, D)."""
        states: Tensor = self.cell(x)[0]
        return states


class Reader(nn.Module):
    """Reads notes and says a value at each step."""

    def __init__(self, memory: nn.Module) -> None:
        super().__init__()
        self.name = nn.Embedding(NAMES + 1, WIDTH)  # the last one: blank
        self.value = nn.Embedding(VALUES + 1, WIDTH)  # the last one: not told
        self.memory = memory
        self.answer = nn.Linear(WIDTH, VALUES)

    def forward(self, names: Tensor, values: Tensor) -> Tensor:
        """Return the scores of the values, (B, T, V)."""
        scores: Tensor = self.answer(self.memory(self.name(names) + self.value(values)))
        return scores


def train(model: Reader, pages: torch.Generator, device: torch.device) -> None:
    """Train on every question of fresh pages, with a warm-up and a decay of the learning rate."""
    adam = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, LEARNING_RATE, total_steps=STEPS)
    for _ in range(STEPS):
        page = sample_recall(BATCH, pages).to(device)
        loss = cross_entropy(model(page.names, page.values).mT, page.targets)
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        schedule.step()


@torch.no_grad()
def accuracy(model: Reader, distance: int, device: torch.device) -> float:
    """Return the share of right answers to the last question of pages with this distance."""
    page = sample_recall(PAGES, torch.Generator().manual_seed(99), distance=distance).to(device)
    said = model(page.names, page.values)[:, -1].argmax(-1)
    return float((said == page.targets[:, -1]).double().mean())


def measure(seed: int) -> dict[str, float]:
    """Train both with this seed, and return what they remember."""
    device, found = txlite.device(), {}
    for name, memory in (("attention", LookUp), ("LSTM", Recurrent)):
        pages = txlite.seed(seed)
        model = Reader(memory()).to(device)
        train(model, pages, device)
        for distance in (NEAR, FAR):
            found[f"{name}, {distance} steps"] = accuracy(model, distance, device)
    return found
