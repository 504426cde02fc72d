"""GPT: what it learns from a text, beside n-grams that have counted the same text.

The text is what Python's standard library says about itself (`txlite.data.library`), cut into byte
pairs. Every model is scored on the held-out modules, in bits per character. Three sizes are trained
with two, three or four budgets each, every one a training of its own with a schedule that ends
there; beside each stands the 5-gram that has counted exactly the windows that were read. Then
Llama's four changes to a GPT, one at a time and all together, at equal steps. And a GPT whose
layers attend to later positions too: what it seems to score, and what it scores when the later
tokens are not there.

Each training is kept in ``_build/studies/17_points`` when it is done, so that an interrupted seed
goes on where it was.
"""

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

import txlite
from txlite._atomic import whole
from txlite.data.library import library_text
from txlite.data.tokenizers import BPE, train_bpe
from txlite.models import GPT, GPTConfig, NGram
from txlite.training import (
    Batches,
    TextScore,
    adamw,
    causality_leaks,
    fit,
    score_text,
    surprises,
    token_losses,
    warmup_cosine,
)

VOCABULARY, LENGTH, ROWS = 512, 128, 4  # tokens; of a window; windows of a step
RATES = {64: 4e-3, 128: 4e-3, 192: 2e-3}  # by width: with 4e-3 the large one stayed behind
WARMUP, DECAY, BETAS = 40, 0.1, (0.9, 0.98)
DRAWN = 0.06  # first weights: 0.02, GPT-2's, is for six times the width
STEPS = 800  # of the page's training, and of each of Llama's changes
SIZES = {"small": (64, 2), "medium": (128, 3), "large": (192, 4)}  # width, layers
BUDGETS = {"small": (400, 800, 1600, 3200), "medium": (400, 800, 1600), "large": (400, 800)}
HEADS, ORDERS = 4, (1, 2, 3, 4, 5, 6)
PLAIN: dict[str, Any] = {"positions": "learned"}  # GPT's own; the three sizes have rotary ones
CHANGES: dict[str, dict[str, Any]] = {
    "rotary": {"positions": "rotary"},
    "grouped": {"num_kv_heads": 2},
    "SwiGLU": {"activation": "swiglu", "d_ff": 344},  # three matrices, as large as two of 512
    "RMS": {"norm": "rms"},
}
PEEKING_STEPS, ASKED = 300, 120  # tokens at which it is asked honestly: within one window
POINTS = Path(__file__).parents[1] / "_build" / "studies" / "17_points"


class Corpus:
    """The text and its tokens, the same for every seed."""

    def __init__(self) -> None:
        text = library_text()
        self.texts = text.texts
        self.bpe: BPE = train_bpe(self.texts["train"], VOCABULARY)
        self.train = self.stream(self.texts["train"])
        self.characters = sum(map(len, self.texts["train"]))
        self.starts = range(0, len(self.train) - LENGTH, LENGTH)
        self.exam = [self.stream([one])[None] for one in self.texts["test"] if one]

    def stream(self, texts: Sequence[str]) -> Int[Tensor, " N"]:
        """Return texts one after the other, each after the mark that begins it."""
        return torch.tensor([t for one in texts for t in (self.bpe.bos_id, *self.bpe.encode(one))])

    def window(self, starts: Sequence[int]) -> Int[Tensor, "B T"]:
        """Return windows: what is read, and a token more."""
        return torch.stack([self.train[at : at + LENGTH + 1] for at in starts])

    def batches(self, seed: int) -> Batches:
        """Return the windows in an order that the seed decides, all of them once in an epoch."""
        return Batches(self.starts, self.window, batch_size=ROWS, seed=seed)

    def score(self, model: nn.Module) -> TextScore:
        """Return what the held-out text costs."""
        return score_text(
            model,
            self.texts["test"],
            encode=self.bpe.encode,
            bos_id=self.bpe.bos_id,
            vocabulary=f"{self.bpe.vocab_size} byte pairs",
            window=LENGTH,
        )

    def counted(self, tokens: Int[Tensor, " N"], order: int) -> TextScore:
        """Return what the held-out text costs an n-gram that has counted some tokens."""
        model = NGram(tokens, self.bpe.vocab_size, order=order)
        told = "".join(self.texts["test"])
        return TextScore(
            nats=sum(float(model.surprises(row).sum()) for row in self.exam),
            tokens=sum(row.shape[1] - 1 for row in self.exam),
            characters=len(told),
            bytes=len(told.encode()),
            vocabulary=f"{self.bpe.vocab_size} byte pairs",
        )

    def read(self, seed: int, steps: int) -> Int[Tensor, " N"]:
        """Return the tokens that so many steps read, each once, in the order of the text."""
        seen: set[int] = set()
        for rows in islice(Batches(self.starts, list, batch_size=ROWS, seed=seed), steps):
            seen.update(rows)
        parts: list[Tensor] = []
        for at in sorted(seen):
            if at and at - LENGTH not in seen:
                parts.append(torch.tensor([self.bpe.bos_id]))  # what stood before was not read
            parts.append(self.train[at : at + LENGTH])
        return torch.cat(parts)


corpus = cache(Corpus)


def config(size: str, **changes: Any) -> GPTConfig:
    """Return a GPT of one of the sizes, with some choices changed."""
    width, layers = SIZES[size]
    plain = GPTConfig(
        vocab_size=corpus().bpe.vocab_size,
        d_model=width,
        num_heads=HEADS,
        d_ff=4 * width,
        num_layers=layers,
        max_len=LENGTH,
        dropout=0.0,
        attention_dropout=0.0,
        init_std=DRAWN,
        positions="rotary",
    )
    return replace(plain, **changes)


def next_token(model: nn.Module, batch: Int[Tensor, "B T"]) -> tuple[Tensor, int]:
    """Return the sum of the surprises at the tokens that come next, and how many they are."""
    losses = token_losses(model(batch[:, :-1]), batch[:, 1:])
    return losses.sum(), losses.numel()


def built(settings: GPTConfig, seed: int) -> GPT:
    """Return an untrained model; the seed decides its weights."""
    txlite.seed(seed)
    return GPT(settings).to(txlite.device())


def trained(model: GPT, seed: int, steps: int) -> float:
    """Train a model in place, and return the seconds of the processor."""
    begin, rate = time.process_time(), RATES[model.config.d_model]
    fit(
        model,
        corpus().batches(txlite.seed(seed).initial_seed()),
        next_token,
        steps=steps,
        optimizer=adamw(model, rate, betas=BETAS, weight_decay=DECAY, fused=True),
        schedule=warmup_cosine(rate, WARMUP, steps),
        clip_norm=1.0,
        progress=False,
    )
    return time.process_time() - begin


def weights(model: nn.Module) -> int:
    """Return how many numbers a model has learned, those of positions left out."""
    return sum(p.numel() for name, p in model.named_parameters() if "positions" not in name)


def point(settings: GPTConfig, seed: int, steps: int) -> dict[str, float]:
    """Train once and return what it costs and what it scores."""
    model = built(settings, seed)
    seconds = trained(model, seed, steps)
    score = corpus().score(model)
    held_out_probe = torch.Generator().manual_seed(0)
    leaks = causality_leaks(
        model,
        corpus().exam[0][:, :32].repeat(2, 1),
        vocab_size=settings.vocab_size,
        generator=held_out_probe,
        cuts=(1, 16, 31),
    )
    tokens = steps * ROWS * LENGTH
    return {
        "nats": score.nats,
        "bits": score.bits_per_character,
        "seconds": seconds,
        "tokens": float(tokens),
        "parameters": float(weights(model)),
        "compute": 6.0 * weights(model) * tokens,
        "leaks": float(len(leaks)),
    }


def beside(seed: int, steps: int) -> dict[str, float]:
    """Return what a 5-gram scores that has counted what so many steps read."""
    tokens = corpus().read(txlite.seed(seed).initial_seed(), steps)
    return {
        "bits": corpus().counted(tokens, 5).bits_per_character,
        "share": len(tokens) / len(corpus().train),
    }


def peeking(seed: int, causal: bool) -> dict[str, float]:
    """Train a small GPT whose layers may attend to later positions, or not, and ask it twice.

    First as always, all positions of a window at once. Then honestly: the text up to a token, and
    nothing of what follows.
    """
    model = built(config("small"), seed)
    for layer in model.decoder.layers:
        layer.causal = causal  # type: ignore[assignment]
    trained(model, seed, PEEKING_STEPS)
    bpe = corpus().bpe
    row = torch.cat([row[0] for row in corpus().exam])[None, : ASKED + 1]
    text = bpe.decode(row[0, 1:].tolist())
    bits = 1 / math.log(2) / len(text)
    at_once = surprises(model, row)
    honest = prefix_by_prefix(model, row)
    return {
        "at once": float(at_once.double().sum()) * bits,
        "honest": float(honest.double().sum()) * bits,
        "characters": float(len(text)),
    }


@torch.no_grad()
def prefix_by_prefix(model: nn.Module, row: Int[Tensor, "1 T"]) -> Float[Tensor, " N"]:
    """Return −log p of every token but the first, from a model that is shown nothing after it."""
    model.eval()
    found = []
    for at in range(1, row.shape[1]):
        shown = row[:, max(0, at - LENGTH) : at].to(txlite.device())
        found.append(token_losses(model(shown)[:, -1], row[:, at].to(txlite.device())))
    return torch.cat(found)


def kept(name: str, seed: int, make: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Return a result that is there, or make it and keep it."""
    how = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    file = POINTS / how / f"{name} {seed}.json"
    if file.exists():
        return dict(json.loads(file.read_text(encoding="utf-8")))
    found = make()
    file.parent.mkdir(parents=True, exist_ok=True)
    with whole(file) as part:
        part.write_text(json.dumps(found), encoding="utf-8")
    return found


def n_grams() -> dict[str, float]:
    """Return what the baselines score, which no seed changes, and the sizes of the text."""
    data = corpus()
    found = {
        "train: characters": float(data.characters),
        "train: tokens": float(len(data.train)),
        "test: characters": float(sum(map(len, data.texts["test"]))),
        "test: tokens": float(sum(row.shape[1] - 1 for row in data.exam)),
    }
    for order in ORDERS:
        begin = time.process_time()
        score = data.counted(data.train, order)
        found[f"{order}-gram: nats"] = score.nats
        found[f"{order}-gram: bits"] = score.bits_per_character
        found[f"{order}-gram: seconds"] = time.process_time() - begin
    return found


def measure(seed: int) -> dict[str, float]:
    """Return every number of the chapter's curves and tables for one seed."""
    runs = {
        f"{size}, {steps} steps": (config(size), steps)
        for size, budgets in BUDGETS.items()
        for steps in budgets
    }
    together = {key: x for change in CHANGES.values() for key, x in change.items()}
    for name, change in {"GPT": {}, **CHANGES, "all four": together}.items():
        runs[f"{name}, {STEPS} steps"] = config("medium", **{**PLAIN, **change}), STEPS
    found = n_grams()
    found["untrained: bits"] = kept(
        "untrained", seed, lambda: {"bits": _bits(built(config("medium"), seed))}
    )["bits"]
    for name, (settings, steps) in runs.items():
        point_of = name.replace("rotary", "medium")  # the same training
        one = kept(point_of, seed, lambda s=settings, n=steps: point(s, seed, n))  # type: ignore[misc]
        found |= {f"{name}: {what}": value for what, value in one.items()}
    for steps in sorted({n for budgets in BUDGETS.values() for n in budgets}):
        one = kept(f"beside {steps}", seed, lambda n=steps: beside(seed, n))  # type: ignore[misc]
        found |= {f"5-gram of {steps} steps: {what}": value for what, value in one.items()}
    for name, causal in (("causal", True), ("peeking", False)):
        one = kept(name, seed, lambda c=causal: peeking(seed, c))  # type: ignore[misc]
        found |= {f"{name}: {what}": value for what, value in one.items()}
    return {name: round(value, 4) for name, value in found.items()}


def _bits(model: nn.Module) -> float:
    return corpus().score(model).bits_per_character
