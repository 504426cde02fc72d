"""Long memory: how soon five memories learn to recall, near and far, and from what gradient.

All read the same pages of the memory test (`txlite.data.recall`) in the same order, with one
optimiser and one schedule, and are trained for four budgets of steps, each from the beginning. The
values are shares of right answers on fresh pages, by the distance between note and question;
guessing scores 0.25. Beside them stand the gradient that reaches a note told 40 to 47 steps ago,
and the core milliseconds of a step of training.
"""

import math
import time
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

import txlite
from txlite.data.recall import Recall, sample_recall
from txlite.nn import MultiHeadAttention, masks

WIDTH, NAMES, VALUES = 32, 10, 4
BUDGETS = (30, 100, 300, 1200)
BATCH, PAGES = 64, 250
BANDS = {"1–4": (1, 4), "12–15": (12, 15), "16–19": (16, 19), "40–47": (40, 47)}
FAR = "40–47"
LEARNING_RATE = 8e-3
KEPT = 2 ** (-1 / 47)
"""What a forget gate lets through each step, for half to be left after 47."""


class Attention(nn.Module):
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


class Convolution(nn.Module):
    """Four layers of kernel size 2 with dilations 1, 2, 4, 8: a window of 16 steps."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(2 * WIDTH, WIDTH) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """Return the states after the layers, (B, T, D)."""
        for i, layer in enumerate(self.layers):
            earlier = pad(x, (0, 0, 2**i, 0))[:, : x.shape[1]]
            x = x + layer(torch.cat([x, earlier], dim=-1)).relu()
        return x


class Recurrent(nn.Module):
    """A recurrent network of the same width."""

    def __init__(self, cell: type[nn.RNN | nn.LSTM]) -> None:
        super().__init__()
        self.cell = cell(WIDTH, WIDTH, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return the states after the layer, (B, T, D)."""
        states: Tensor = self.cell(x)[0]
        return states


def open_gate() -> Recurrent:
    """Return an LSTM whose forget gates begin open: half of a cell is left after 47 steps."""
    memory = Recurrent(nn.LSTM)
    bias = math.log(KEPT / (1 - KEPT))
    for name, parameter in memory.cell.named_parameters():
        if name.startswith("bias"):  # torch adds two; the gates are i, f, g, o
            parameter.data[WIDTH : 2 * WIDTH] = bias / 2
    return memory


MEMORIES: dict[str, Callable[[], nn.Module]] = {
    "attention": Attention,
    "RNN": lambda: Recurrent(nn.RNN),
    "CNN": Convolution,
    "LSTM": lambda: Recurrent(nn.LSTM),
    "LSTM, gate open": open_gate,
}


class Model(nn.Module):
    """Reads notes and gives scores of the values at each position."""

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


def train(model: Model, steps: int, pages: torch.Generator, device: torch.device) -> float:
    """Train on every question of fresh pages, with warm-up and decay; return the core seconds."""
    adam = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, LEARNING_RATE, total_steps=steps)
    spent = 0.0
    for _ in range(steps):
        page = sample_recall(BATCH, pages).to(device)
        start = time.process_time()
        loss = cross_entropy(model(page.names, page.values).mT, page.targets)
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        schedule.step()
        spent += time.process_time() - start
    return spent


@cache
def exam(distance: int, device: torch.device) -> Recall:
    """Return fresh pages whose last question lies so far from its note: the same in every run."""
    return sample_recall(PAGES, torch.Generator().manual_seed(99), distance=distance).to(device)


@torch.no_grad()
def accuracy(model: Model, distance: int, device: torch.device) -> float:
    """Return the share of right answers to the last question of pages with this distance."""
    page = exam(distance, device)
    said = model(page.names, page.values)[:, -1].argmax(-1)
    return float((said == page.targets[:, -1]).double().mean())


def gradient(model: Model, distance: int, device: torch.device) -> float:
    """Return the mean norm of the gradient of the right value's score, at the note that told it."""
    page = exam(distance, device)
    x = (model.name(page.names) + model.value(page.values)).detach().requires_grad_()
    scores = model.answer(model.memory(x))[:, -1]
    right = scores.gather(1, page.targets[:, -1:]).sum()
    (found,) = torch.autograd.grad(right, x)
    return float(found[:, -1 - distance].norm(dim=-1).double().mean())


Measured = Callable[[Model, int, torch.device], float]


def over(band: str, measured: Measured, model: Model, device: torch.device) -> float:
    """Return the mean of what is measured at the distances of a band, to four digits."""
    low, high = BANDS[band]
    found = [measured(model, distance, device) for distance in range(low, high + 1)]
    return float(f"{sum(found) / len(found):.4g}")


def measure(seed: int) -> dict[str, float]:
    """Train all with this seed, and return what they remember after each budget."""
    device, found = txlite.device(), {}
    for kind, build in MEMORIES.items():
        spent = 0.0
        for steps in (0, *BUDGETS):
            pages = txlite.seed(seed)
            model = Model(build()).to(device)
            if steps:
                spent += train(model, steps, pages, device)
                for band in BANDS:
                    share = over(band, accuracy, model, device)
                    found[f"{kind}, {steps} steps, distance {band}"] = share
            found[f"{kind}, {steps} steps, gradient"] = over(FAR, gradient, model, device)
        found[f"{kind}, ms a step"] = float(f"{1e3 * spent / sum(BUDGETS):.2g}")
    return found
