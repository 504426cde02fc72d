"""Positional encoding: readers of dates, and what their positions are made of, over five seeds.

The task and the models of ``chapters/05_positional_encoding.ipynb``. "…, dates" is the share of
whole dates that are right, among 2 000 that are held out. Beside the clock and the learned table
stands a table that is drawn like the learned one and then kept as it is: it tells whether it is
the learning that matters. "…, first below" is the training step at which the loss, averaged over
15 steps, first falls below the floor of a model that sees no character; `blind_floor` says what
that is. The training set is the same for every seed; weights and batches are not.
"""

from collections import Counter, defaultdict
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import txlite
from txlite.data.dates import Dates, alphabet, encode_dates, sample_dates
from txlite.nn import MultiHeadAttention, masks
from txlite.nn.positions import Learned, Sinusoidal, count_positions

DATES, TESTS, BATCH, STEPS, WIDTH = 20_000, 2_000, 96, 300, 64
LEARNING_RATE, SMOOTH = 0.01, 15


class DateReader(nn.Module):
    """The chapter's model: one look at the characters, eight questions, one for each digit."""

    def __init__(self, place: nn.Module, *, scaled: bool = True, beside: bool = False):
        super().__init__()
        self.character = nn.Embedding(len(alphabet()) + 1, WIDTH)
        nn.init.normal_(self.character.weight, std=WIDTH**-0.5)
        self.size, self.beside = WIDTH**0.5 if scaled else 1.0, beside
        self.look, self.place = MultiHeadAttention(WIDTH, 4), place
        self.questions = nn.Parameter(torch.randn(8, WIDTH))
        self.answer = MultiHeadAttention(WIDTH, num_heads=4)
        self.digit = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the scores of ten digits for each of the eight questions, (B, 8, 10)."""
        keep = tokens > 0
        x = self.size * self.character(tokens)
        at = self.place(count_positions(keep))
        x = torch.cat([x[..., : WIDTH // 2], at], dim=-1) if self.beside else x + at
        real = masks.padding(keep)
        x = x + self.look(x, mask=real)
        gathered = self.answer(self.questions.expand(len(x), -1, -1), x, mask=real)
        scores: Tensor = self.digit(gathered)
        return scores


def frozen(length: int) -> Learned:
    """Return a table that is drawn like a learned one, and is never changed."""
    table = Learned(length, WIDTH)
    table.requires_grad_(False)
    return table


def kinds(longest: int) -> dict[str, Callable[[], nn.Module]]:
    """Return how each model is made, by name."""
    return {
        "sinusoidal": lambda: DateReader(Sinusoidal(WIDTH)),
        "learned": lambda: DateReader(Learned(longest, WIDTH)),
        "drawn and kept": lambda: DateReader(frozen(longest)),
        "sinusoidal, side by side": lambda: DateReader(Sinusoidal(WIDTH // 2), beside=True),
        "sinusoidal, words not scaled": lambda: DateReader(Sinusoidal(WIDTH), scaled=False),
    }


def blind_floor(dates: Dates) -> float:
    """Return the least loss per digit of a model that knows only how long each date is, in nats."""
    by_length: dict[int, list[tuple[int, ...]]] = defaultdict(list)
    lengths = (dates.tokens > 0).sum(-1).tolist()
    for length, digits in zip(lengths, dates.digits.tolist(), strict=True):
        by_length[length].append(tuple(digits))
    total = 0.0
    for rows in by_length.values():
        for column in zip(*rows, strict=True):
            share = torch.tensor(list(Counter(column).values()), dtype=torch.float64) / len(rows)
            total -= len(rows) * float((share * share.log()).sum())
    return total / (8 * len(lengths))


def train(make: Callable[[], nn.Module], seed: int, dates: Dates) -> tuple[nn.Module, Tensor]:
    """Train a model, and return it with the loss at every step."""
    generator = txlite.seed(seed)
    model, history = make().to(dates.tokens.device), []
    adam = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, LEARNING_RATE, total_steps=STEPS)
    for _ in range(STEPS):
        rows = torch.randint(len(dates.tokens), (BATCH,), generator=generator)
        rows = rows.to(dates.tokens.device)
        loss = cross_entropy(model(dates.tokens[rows]).flatten(0, 1), dates.digits[rows].flatten())
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        schedule.step()
        history.append(loss.item())
    return model.eval(), torch.tensor(history)


def measure(seed: int) -> dict[str, float]:
    """Train one model of each kind with this seed, and return how well they read dates."""
    device, found = txlite.device(), {}
    tests = sample_dates(TESTS, seed=1)
    train_set = encode_dates(sample_dates(DATES, seed=2, without=tests)).to(device)
    test_set = encode_dates(tests).to(device)
    longest = max(train_set.tokens.shape[1], test_set.tokens.shape[1])
    floor = blind_floor(train_set)
    for name, make in kinds(longest).items():
        model, history = train(make, seed, train_set)
        with torch.no_grad():
            right = model(test_set.tokens).argmax(-1) == test_set.digits
        found[f"{name}, dates"] = float(right.all(-1).double().mean())
        below = (history.unfold(0, SMOOTH, 1).mean(-1) < floor).nonzero().flatten()
        found[f"{name}, first below"] = float(below[0]) + SMOOTH if len(below) else float(STEPS)
    return found
