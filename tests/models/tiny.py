"""Tiny Transformers with redrawn weights, and sentences with padding on either side."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from txlite.models import Transformer, TransformerConfig

# All different, so that a swapped axis cannot pass unseen.
B, S, T, D, H, F, V = 3, 7, 5, 12, 2, 20, 23
SCHEMES = ["none", "sinusoidal", "learned", "rotary", "alibi", "relative"]
EXACT: dict[str, float] = {"rtol": 0.0, "atol": 0.0}
CLOSE: dict[str, float] = {"rtol": 1e-9, "atol": 1e-10}


def config(**options: Any) -> TransformerConfig:
    sizes = {"vocab_size": V, "d_model": D, "num_heads": H, "d_ff": F, "num_layers": 2}
    return TransformerConfig(**{**sizes, "num_decoder_layers": 3, **options})


Model = TypeVar("Model", bound=nn.Module)


def redrawn(model: Model) -> Model:
    """At the usual initialisation a network is almost linear, and hides what is wrong with it."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            nn.init.normal_(p, std=0.5)
            if "norm" in name and name.endswith("weight"):
                p.add_(1.0)
    return model.double().eval()


def tiny(**options: Any) -> Transformer:
    return redrawn(Transformer(config(**options)))


def tokens(batch: int, length: int) -> Tensor:
    return torch.randint(4, V, (batch, length))


class Batch(NamedTuple):
    """Sentences of different lengths, and which of their tokens are real."""

    source: Tensor
    target: Tensor
    source_keep: Tensor
    target_keep: Tensor

    @property
    def keep(self) -> dict[str, Tensor]:
        return {"source_keep": self.source_keep, "target_keep": self.target_keep}


SOURCE_LENGTHS, TARGET_LENGTHS = [7, 4, 2], [5, 3, 4]


LENGTHS = [7, 4, 2]


def kept(side: str) -> Tensor:
    """Which of (B, S) positions are real: padding on the left, on the right, or anywhere."""
    keep = torch.arange(S) < torch.tensor(LENGTHS)[:, None]
    if side == "left":
        keep = keep.flip(1)
    elif side == "anywhere":
        keep = torch.stack([row[torch.randperm(S)] for row in keep])
    return keep


def padded(side: str = "right") -> Batch:
    """Draw a batch; ``side`` says where the padding is, in the source and in the target."""
    keeps = []
    for length, lengths in ((S, SOURCE_LENGTHS), (T, TARGET_LENGTHS)):
        keep = torch.arange(length) < torch.tensor(lengths)[:, None]
        if side == "anywhere":
            keep = torch.stack([row[torch.randperm(length)] for row in keep])
        keeps.append(keep.flip(1) if side == "left" else keep)
    return Batch(tokens(B, S), tokens(B, T), *keeps)


def share_dropped(dropout: nn.Dropout, reader: nn.Module, run: Callable[[], Any]) -> float:
    """Let one dropout drop, and return which share of what a part reads is zero."""
    read: list[Tensor] = []
    dropout.train()
    with reader.register_forward_pre_hook(lambda _, args: read.append(args[0])):
        run()
    dropout.eval()
    return read[0].eq(0).double().mean().item()
