"""What the studies of GPT have in common: the text, the sizes, and how a model is trained.

The text is what Python's standard library says about itself (`txlite.data.library`), cut into byte
pairs, in windows of 128 tokens. The rates are not here: `studies/gpt_rates.py` chooses them.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

import txlite
from txlite.data.library import library_text
from txlite.data.tokenizers import BPE, train_bpe
from txlite.models import GPT, GPTConfig, NGram
from txlite.training import (
    Batches,
    History,
    TextScore,
    adamw,
    fit,
    score_text,
    token_losses,
    warmup_cosine,
)

VOCABULARY, LENGTH, ROWS = 512, 128, 4  # tokens; of a window; windows of a step
WARMUP, DECAY, BETAS = 40, 0.1, (0.9, 0.98)
DRAWN = 0.06  # first weights: 0.02, GPT-2's, is for six times the width
SIZES = {"small": (64, 2), "medium": (128, 3), "large": (192, 4)}  # width, layers
HEADS = 4
PLAIN: dict[str, Any] = {"positions": "learned"}  # GPT's own; the three sizes have rotary ones
CHANGES: dict[str, dict[str, Any]] = {
    "rotary": {"positions": "rotary"},
    "grouped": {"num_kv_heads": 2},
    "SwiGLU": {"activation": "swiglu", "d_ff": 344},  # three matrices, as large as two of 512
    "RMS": {"norm": "rms"},
}


class Corpus:
    """The text and its tokens, the same for every seed."""

    def __init__(self) -> None:
        text = library_text()
        self.texts = text.texts
        self.bpe: BPE = train_bpe(self.texts["train"], VOCABULARY)
        self.train = self.stream(self.texts["train"])
        self.characters = sum(map(len, self.texts["train"]))
        self.starts = range(0, len(self.train) - LENGTH, LENGTH)

    def stream(self, texts: Sequence[str]) -> Int[Tensor, " N"]:
        """Return texts one after the other, each after the mark that begins it."""
        return torch.tensor([t for one in texts for t in (self.bpe.bos_id, *self.bpe.encode(one))])

    def window(self, starts: Sequence[int]) -> Int[Tensor, "B T"]:
        """Return windows: what is read, and a token more."""
        return torch.stack([self.train[at : at + LENGTH + 1] for at in starts])

    def batches(self, seed: int) -> Batches:
        """Return the windows in an order that the seed decides, all of them once in an epoch."""
        return Batches(self.starts, self.window, batch_size=ROWS, seed=seed)

    def score(self, model: nn.Module | NGram, part: str = "test") -> TextScore:
        """Return what one of the held-out texts costs."""
        return score_text(
            model,
            self.texts[part],
            encode=self.bpe.encode,
            bos_id=self.bpe.bos_id,
            vocabulary=f"{self.bpe.vocab_size} byte pairs",
            window=LENGTH,
        )

    def exam(self, part: str = "test") -> list[Int[Tensor, "1 T"]]:
        """Return the documents of a held-out text, each after its mark."""
        return [self.stream([one])[None] for one in self.texts[part] if one]

    def counted(self, tokens: Int[Tensor, " N"], order: int, part: str = "test") -> TextScore:
        """Return what a held-out text costs an n-gram that has counted some tokens."""
        model = NGram(tokens, self.bpe.vocab_size, order=order)
        told, exam = "".join(self.texts[part]), self.exam(part)
        return TextScore(
            nats=sum(float(model.surprises(row).sum()) for row in exam),
            tokens=sum(row.shape[1] - 1 for row in exam),
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


def together() -> dict[str, Any]:
    """Return Llama's four changes as one."""
    return {key: x for change in CHANGES.values() for key, x in change.items()}


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


def trained(
    model: GPT,
    seed: int,
    steps: int,
    *,
    rate: float,
    warmup: int | None = None,
    **more: Any,
) -> History:
    """Train a model in place; ``rate`` is the peak of its learning rate."""
    return fit(
        model,
        corpus().batches(txlite.seed(seed).initial_seed()),
        next_token,
        steps=steps,
        optimizer=adamw(model, rate, betas=BETAS, weight_decay=DECAY, fused=True),
        schedule=warmup_cosine(rate, WARMUP if warmup is None else warmup, steps),
        clip_norm=1.0,
        progress=False,
        **more,
    )


def weights(model: nn.Module) -> int:
    """Return how many numbers a model has learned, those of positions left out."""
    return sum(p.numel() for name, p in model.named_parameters() if "positions" not in name)
