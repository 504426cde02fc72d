"""Relative positions: six schemes at the trained length and beyond, over five seeds.

The task and the models of ``chapters/06_relative_positions.ipynb``: at each letter of a random
text, say what followed the last time it occurred. Training texts have 32 letters. "…, 8 times" is
the share of right answers among the last 32 letters of texts of 256, and so on.

Four interventions on the trained models ask why one fails at new lengths:

- "…, moved": texts of 32 letters that begin at position 1000. The positions are new, the
  distances are not.
- "…, window": texts of 256 letters, of which a query sees the last 32. Distances are known, and
  there are no more keys than in training.
- "…, gap": texts of 32 letters whose second half begins 50 to 200 positions later. Asked are
  letters whose last occurrence is in the second half: what is needed is at known distances. There
  are no more keys than in training; distances across the gap are new. "…, no gap" are the same
  questions without it.
- "rotary, clamped": texts of 256 letters, where every distance above 31 is told as 31. There are
  more keys than in training, and no distance is new.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import txlite
from txlite.inspect import record_attention
from txlite.nn import Encoder, MultiHeadAttention, masks
from txlite.nn.positions import ALiBi, Learned, Positions, RelativeBias, Rotary, Sinusoidal

LETTERS, SHORT, WIDTH, HEADS, HEAD = 8, 32, 64, 4, 16
STEPS, BATCH, TEXTS, EXAM = 260, 32, 160, 99
RATE, TABLE_RATE = 4e-3, 4e-2
TIMES, GAPS, MOVED = 8, (50, 100, 150, 200), 1000
SCHEMES: dict[str, Callable[[], nn.Module | None]] = {
    "none": lambda: None,
    "clock": lambda: Sinusoidal(WIDTH),
    "learned": lambda: Learned(SHORT, WIDTH),
    "relative": lambda: RelativeBias(HEADS, num_buckets=16, max_distance=32, bidirectional=False),
    "ALiBi": lambda: ALiBi(HEADS),
    "rotary": lambda: Rotary(HEAD),
}


def sample_text(batch: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return texts, and for each letter where it stood last (−1: nowhere), both (B, T)."""
    text = torch.randint(LETTERS, (batch, length), generator=generator)
    i, j = torch.arange(length)[:, None], torch.arange(length)
    again = (text[:, :, None] == text[:, None, :]) & (j < i)
    return text, torch.where(again, j, -1).amax(-1)


def answers(text: Tensor, last: Tensor) -> Tensor:
    """Return what followed the last time, −100 where there is nothing to say, (B, T)."""
    return text.gather(1, last + 1).masked_fill(last < 0, -100)


class Reader(nn.Module):
    """The chapter's model: two layers, and one of the schemes."""

    def __init__(self, scheme: str) -> None:
        super().__init__()
        self.letters = nn.Embedding(LETTERS, WIDTH)
        self.output = nn.Linear(WIDTH, LETTERS)
        self.positions = SCHEMES[scheme]()
        self.layers = Encoder(2, WIDTH, HEADS, 128)

    def forward(
        self, text: Tensor, at: Tensor | None = None, mask: masks.Mask | None = None
    ) -> Tensor:
        """Return the scores of the letters after each letter, (B, T, V)."""
        at = torch.arange(text.shape[1]) if at is None else at
        at, x, how = at.to(text.device), self.letters(text), None
        match self.positions:
            case Sinusoidal() | Learned():
                x = x + self.positions(at)
            case RelativeBias() | ALiBi():
                how = Positions(bias=self.positions(at, at))
            case Rotary():
                how = Positions(rotation=self.positions(at))
        layers = self.layers(x, masks.causal() if mask is None else mask, positions=how)
        scores: Tensor = self.output(layers)
        return scores


class Clamped(nn.Module):
    """Causal rotary attention in which no distance is larger than 31."""

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, mask: object = None, bias: object = None
    ) -> Tensor:
        """Average the values, in each head by itself."""
        rotary, at = Rotary(HEAD), torch.arange(query.shape[-2], device=query.device)
        near = rotary(at).apply(query) @ rotary(at).apply(key).mT
        # (R₃₁ q) · k: the query turned as if the key stood 31 places back
        far = rotary(torch.full_like(at, SHORT - 1)).apply(query) @ key.mT
        distance = at[:, None] - at
        scores = torch.where(distance < SHORT, near, far) / HEAD**0.5
        averaged: Tensor = scores.masked_fill(distance < 0, -torch.inf).softmax(-1) @ value
        return averaged


def train(scheme: str, seed: int, device: torch.device) -> Reader:
    """Train on texts of 32 letters; a table of positions gets ten times the learning rate."""
    generator = txlite.seed(seed)
    model = Reader(scheme).to(device)
    groups: dict[bool, list[nn.Parameter]] = {False: [], True: []}
    for name, parameter in model.named_parameters():
        groups[name.startswith("positions")].append(parameter)
    adam = torch.optim.AdamW([{"params": group} for group in groups.values()])
    rates = torch.optim.lr_scheduler.OneCycleLR(adam, [RATE, TABLE_RATE], STEPS, pct_start=0.1)
    for _ in range(STEPS):
        text, last = sample_text(BATCH, SHORT, generator)
        loss = F.cross_entropy(model(text.to(device)).mT, answers(text, last).to(device))
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        rates.step()
    return model.eval()


def share(right: Tensor, asked: Tensor) -> float:
    """Return the share of right answers among those that are asked."""
    return round(float((right & asked).sum() / asked.sum()), 4)


@torch.no_grad()
def exam(model: Reader, scheme: str, device: torch.device) -> dict[str, float]:
    """Return how a trained model does at all lengths, and under the interventions."""
    text, last = sample_text(TEXTS, TIMES * SHORT, torch.Generator().manual_seed(EXAM))
    text, last, wanted = (t.to(device) for t in (text, last, answers(text, last)))
    short = text[:, :SHORT]

    def marked(given: Tensor, times: int) -> float:
        part = slice(SHORT * (times - 1), SHORT * times)
        return share(given[:, part] == wanted[:, part], wanted[:, part] >= 0)

    given = model(short if scheme == "learned" else text).argmax(-1)
    lengths = range(1, 2 if scheme == "learned" else TIMES + 1)
    found = {f"{scheme}, {times} times": marked(given, times) for times in lengths}
    with record_attention(model) as maps:
        model(short)
    back = maps["layers.layers.0.attention"].diagonal(-1, -2, -1).mean((0, 2))
    found[f"{scheme}, one back"] = round(float(back.max()), 4)
    if scheme in ("none", "learned"):
        return found
    moved = model(short, torch.arange(SHORT) + MOVED).argmax(-1)
    found[f"{scheme}, moved"] = marked(moved, 1)
    window = masks.causal() & masks.sliding_window(SHORT)
    found[f"{scheme}, window"] = marked(model(text, mask=window).argmax(-1), TIMES)
    asked = (last[:, :SHORT] >= SHORT // 2) & (torch.arange(SHORT, device=device) >= 24)
    found[f"{scheme}, no gap"] = share(given[:, :SHORT] == wanted[:, :SHORT], asked)
    across = []
    for gap in GAPS:
        at = torch.arange(SHORT)
        at[SHORT // 2 :] += gap
        across.append(share(model(short, at).argmax(-1) == wanted[:, :SHORT], asked))
    found[f"{scheme}, gap"] = round(sum(across) / len(across), 4)
    if scheme == "rotary":
        model.positions = None
        for module in model.modules():
            if isinstance(module, MultiHeadAttention):
                module.attend = Clamped()
        found["rotary, clamped"] = marked(model(text).argmax(-1), TIMES)
    return found


def measure(seed: int) -> dict[str, float]:
    """Train one model of each scheme with this seed, and return what it understands."""
    device, found = txlite.device(), dict[str, float]()
    for scheme in SCHEMES:
        found |= exam(train(scheme, seed, device), scheme, device)
    return found
