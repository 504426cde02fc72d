"""Small models of several families with redrawn weights, all sizes different, and their inputs."""

from typing import Any

import torch
from torch import Tensor, nn

from tests.models.tiny import redrawn
from txlite.models import (
    BERT,
    GPT,
    BERTConfig,
    BERTForMaskedLM,
    BERTForSequenceClassification,
    GPTConfig,
    Llama,
    LlamaConfig,
    ViT,
    ViTConfig,
)

B, T, V, H, E, F, L = 3, 7, 29, 4, 5, 25, 2
D = H * E
SIZES: dict[str, Any] = {
    "vocab_size": V, "d_model": D, "num_heads": H, "d_ff": F, "num_layers": L, "max_len": 16,
}  # fmt: skip


def bert(**options: Any) -> BERT:
    return redrawn(BERT(BERTConfig(**{**SIZES, **options})))


def classifier(**options: Any) -> BERTForSequenceClassification:
    config = BERTConfig(**{**SIZES, "num_labels": 6, **options})
    return redrawn(BERTForSequenceClassification(config))


def masked_lm(**options: Any) -> BERTForMaskedLM:
    return redrawn(BERTForMaskedLM(BERTConfig(**{**SIZES, **options})))


def gpt(**options: Any) -> GPT:
    return redrawn(GPT(GPTConfig(**{**SIZES, **options})))


def llama(**options: Any) -> Llama:
    return redrawn(Llama(LlamaConfig(**{**SIZES, "head_dim": 10, **options})))


def vit(**options: Any) -> ViT:
    sizes = {"d_model": D, "num_heads": H, "d_ff": F, "num_layers": L}
    return redrawn(ViT(ViTConfig(**{**sizes, "image_size": 6, "patch_size": 3, **options})))


def tokens(generator: torch.Generator | None = None) -> Tensor:
    return torch.randint(V, (B, T), generator=generator)


def kept() -> Tensor:
    """Which tokens are real: on the right some are not, another number in each row."""
    return torch.arange(T) < torch.tensor([7, 4, 2])[:, None]


def given(model: nn.Module) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return what a model is called with."""
    if isinstance(model, ViT):
        return (torch.randn(B, 3, 6, 9, dtype=torch.float64),), {}
    return (tokens(),), {"keep": kept()}


def real(model: nn.Module, out: Tensor) -> Tensor:
    """Return the answers for what is no padding."""
    return out if isinstance(model, ViT) or out.ndim == 2 else out[kept()]
