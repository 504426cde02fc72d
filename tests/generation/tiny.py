"""A decoder small enough to search exhaustively, with positions, padding and a cache."""

import itertools

import torch
from torch import Tensor, nn

from txlite.nn import KVCache, MultiHeadAttention, masks

VOCABULARY = 7


class TinyDecoder(nn.Module):
    """Two causal attentions over tokens and learned positions, which count real tokens only."""

    def __init__(self, vocabulary: int = VOCABULARY, dropout: float = 0.0) -> None:
        super().__init__()
        self.token = nn.Embedding(vocabulary, 6)
        self.position = nn.Embedding(40, 6)
        self.attention = nn.ModuleList(MultiHeadAttention(6, 3) for _ in range(2))
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(6, vocabulary)
        self.read: list[tuple[int, int]] = []  # the shape of each call's tokens
        for p in self.parameters():
            nn.init.normal_(p, std=1.0)
        self.double()

    def forward(
        self, tokens: Tensor, *, keep: Tensor | None = None, cache: KVCache | None = None
    ) -> Tensor:
        batch, new = tokens.shape
        self.read.append((batch, new))
        seen = 0 if cache is None else cache.length
        if keep is None:
            keep = torch.ones(batch, seen + new, dtype=torch.bool)
        positions = (keep.long().cumsum(-1) - 1).clamp(min=0)[:, seen:]
        x = self.dropout(self.token(tokens) + self.position(positions))
        mask = masks.causal() & masks.padding(keep)
        for i, attention in enumerate(self.attention):
            child = None if cache is None else cache.child(f"attention.{i}")
            x = x + torch.tanh(attention(x, mask=mask, cache=child))
        logits: Tensor = self.out(x)
        return logits


def tiny(seed: int = 3, vocabulary: int = VOCABULARY, dropout: float = 0.0) -> TinyDecoder:
    torch.manual_seed(seed)
    model = TinyDecoder(vocabulary, dropout).eval()
    model.out.bias.data[2] += 2.0  # the end token of these tests: it should be reached
    return model


def left_padded(lengths: list[int]) -> tuple[Tensor, Tensor]:
    """Prompts of these lengths, and which of their tokens are real."""
    width = max(lengths)
    keep = torch.arange(width) >= width - torch.tensor(lengths)[:, None]
    return torch.randint(1, VOCABULARY, (len(lengths), width)).masked_fill(~keep, 0), keep


def log_prob(model: nn.Module, prompt: Tensor, new: list[int]) -> float:
    """Log-probability of a continuation of one prompt (T,)."""
    tokens = torch.cat([prompt, torch.tensor(new)])[None]
    with torch.no_grad():
        steps = model(tokens)[0, len(prompt) - 1 : -1].log_softmax(-1)
    return float(steps[torch.arange(len(new)), torch.tensor(new)].sum())


def every_sequence(vocabulary: int, length: int, eos: int) -> list[list[int]]:
    """All continuations: those that end with ``eos``, and those of full length without it."""
    others = [v for v in range(vocabulary) if v != eos]
    ended = [[*start, eos] for n in range(length) for start in itertools.product(others, repeat=n)]
    return ended + [list(full) for full in itertools.product(others, repeat=length)]
