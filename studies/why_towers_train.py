"""Why towers train: what norm, residual, learning rate and first weights do to 24 layers.

The task of the chapter: eight characters of Python's manual, which one is next? The eight
embeddings, laid side by side, go through a tower of feed-forward layers. Every value is the bits
per character on text that was not trained on; the names say wiring, depth, learning rate, steps of
warm-up and after how many steps it was measured. The learning rate stays constant after the
warm-up, so that one run gives a curve.
"""

import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import txlite
from txlite.data.manual import ALPHABET, python_manual
from txlite.nn import FeedForward, LayerNorm

WIDTH, HIDDEN, LETTER, BEFORE = 64, 128, 8, 8
BATCH, STEPS, AT = 64, 400, (50, 100, 200, 400)
RATES = (3e-3, 1e-3, 3e-4)
NORMS = ("plain", "norm only", "residual only", "post-norm", "pre-norm")
MENDED = ("plain, scaled", "plain, mirrored", "residual only, small")


class Case(NamedTuple):
    """One run: how the tower is wired and begun, and how it is trained."""

    wiring: str
    depth: int
    rate: float
    warm_up: int = 1

    def __str__(self) -> str:
        layers = f"{self.depth} layer" + "s" * (self.depth > 1)
        return f"{self.wiring}, {layers}, {self.rate:g}, {self.warm_up}"


class Wired(nn.Module):
    """A feed-forward layer and a norm, wired in one of five ways."""

    def __init__(self, wiring: str) -> None:
        super().__init__()
        self.sublayer = FeedForward(WIDTH, HIDDEN, activation="relu")
        self.norm, self.wiring = LayerNorm(WIDTH), wiring

    def forward(self, x: Tensor) -> Tensor:
        """Return the states after the layer, (B, D)."""
        f, norm = self.sublayer, self.norm
        ways = {
            "plain": lambda: f(x),
            "norm only": lambda: f(norm(x)),
            "residual only": lambda: x + f(x),
            "post-norm": lambda: norm(x + f(x)),
            "pre-norm": lambda: x + f(norm(x)),
        }
        y: Tensor = ways[self.wiring]()
        return y


class Guesser(nn.Module):
    """Eight characters in, scores of the next one out."""

    def __init__(self, wiring: str, depth: int) -> None:
        super().__init__()
        way = wiring.partition(",")[0]
        self.character = nn.Embedding(len(ALPHABET), LETTER)
        layers = [Wired(way) for _ in range(depth)]
        last = LayerNorm(WIDTH) if way == "pre-norm" else nn.Identity()
        self.tower = nn.Sequential(*layers, last)
        self.guess = nn.Linear(WIDTH, len(ALPHABET))
        for layer in layers:
            begin(layer.sublayer, wiring, depth)

    def forward(self, before: Tensor) -> Tensor:
        """Return the scores, (B, V)."""
        scores: Tensor = self.guess(self.tower(self.character(before).flatten(1)))
        return scores


@torch.no_grad()
def begin(layer: FeedForward, wiring: str, depth: int) -> None:
    """Change the weights that the layer begins with, where the wiring's name asks for it."""
    up, down = layer.up_proj.weight, layer.down_proj.weight
    if wiring.endswith("scaled"):  # each layer then keeps the mean square of what it is given
        up *= 1.5**0.5
        down *= 1.5**0.5
    elif wiring.endswith("mirrored"):  # and here it begins as a rotation
        for weight, axis in ((up, 0), (down, 1)):
            turn = torch.empty(WIDTH, WIDTH, device=weight.device)
            nn.init.orthogonal_(turn)
            weight.copy_(torch.cat([turn, -turn], axis))
    elif wiring.endswith("small"):
        down /= depth


def excerpts(text: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return pieces of nine characters, (B, 9)."""
    starts = torch.randint(len(text) - BEFORE, (count, 1), generator=generator)
    return text[(starts + torch.arange(BEFORE + 1)).to(text.device)]


def bits(model: Guesser, pages: Tensor) -> Tensor:
    """Return the bits that the last characters cost."""
    return cross_entropy(model(pages[:, :-1]), pages[:, -1]) / math.log(2)


def train(case: Case, text: Tensor, exam: Tensor, seed: int) -> Iterator[float]:
    """Train, and yield the bits of the exam after the steps of ``AT``."""
    generator = txlite.seed(seed)
    model = Guesser(case.wiring, case.depth).to(text.device)
    adam = torch.optim.Adam(model.parameters(), lr=case.rate, betas=(0.9, 0.98))
    for step in range(1, STEPS + 1):
        adam.param_groups[0]["lr"] = case.rate * min(1.0, step / case.warm_up)
        loss = bits(model, excerpts(text, BATCH, generator))
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        if step in AT:
            with torch.no_grad():
                yield float(bits(model, exam))


def cases() -> Iterator[Case]:
    """Every run of the study."""
    for depth, wiring in itertools.product((1, 4), NORMS):
        yield Case(wiring, depth, RATES[0])
    for wiring, rate in itertools.product((*NORMS, *MENDED), RATES):
        yield Case(wiring, 24, rate)
    for rate in RATES[:2]:
        yield Case("post-norm", 24, rate, 100)


def measure(seed: int) -> dict[str, float]:
    """Train every case with this seed, and return the bits per character after 50 to 400 steps."""
    torch.set_flush_denormal(True)  # what vanishes does so faster
    place = {character: k for k, character in enumerate(ALPHABET)}
    text = torch.tensor([place[c] for c in python_manual()], device=txlite.device())
    cut = 9 * len(text) // 10
    unseen = text[cut:]
    exam = unseen[: len(unseen) // 9 * 9].view(-1, 9)
    found = {}
    for case in cases():
        for step, value in zip(AT, train(case, text[:cut], exam, seed), strict=True):
            found[f"{case}, after {step}"] = round(min(value, 99.0), 4)
    return found
