"""What the studies of ViT have in common: sizes, training, and how patches are mixed.

The settings were chosen on the digits' ``valid`` part; what is reported is trained on ``known`` and
scored on ``test``.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

import txlite
from txlite.data.pictures import LabelledPictures, moved
from txlite.models import SmallCNN, ViTConfig, ViTForImageClassification
from txlite.training import Batches, History, adamw, fit, token_losses, warmup_cosine

PATCH, LABELS = 2, 10  # of a digit
ROWS, STEPS, WARMUP, DECAY = 32, 1440, 50, 0.05  # pictures of a step
RATES = {"ViT": 1e-3, "CNN": 5e-3}  # peaks
WIDTHS = (32, 80, 144)  # of the CNN: about as many parameters as the ViT
SHIFT, TURN = 0.5, 0.2  # pixels, radians
ASKED = 512  # pictures at once

Change = Callable[[Tensor, torch.Generator], Tensor]


def config(**changes: Any) -> ViTConfig:
    """Return the ViT of the digits, with some choices changed."""
    plain = ViTConfig(
        image_size=8,
        patch_size=PATCH,
        num_channels=1,
        num_labels=LABELS,
        d_model=64,
        num_heads=4,
        d_ff=128,
        num_layers=4,
        dropout=0.0,
        attention_dropout=0.0,
        init_std=0.1,
    )
    return replace(plain, **changes)


def built(kind: str, seed: int, **changes: Any) -> nn.Module:
    """Return an untrained model; the seed decides its weights."""
    txlite.seed(seed)
    if kind == "CNN":
        return SmallCNN(LABELS, 1, widths=WIDTHS).to(txlite.device())
    return ViTForImageClassification(config(**changes)).to(txlite.device())


def small_moves_of(shift: float, turn: float, *, ground: float = 0.0) -> Change:
    """Return what shifts and turns pictures by a little; ``ground`` comes in from outside."""

    def change(pictures: Tensor, generator: torch.Generator) -> Tensor:
        return moved(pictures - ground, generator, shift=shift, turn=turn) + ground

    return change


small_moves = small_moves_of(SHIFT, TURN)


def mixed(
    pictures: Float[Tensor, "B C Y X"], orders: Int[Tensor, "*B P"], patch: int = PATCH
) -> Float[Tensor, "B C Y X"]:
    """Lay the patches of pictures in another order: one order for all, or one for each."""
    unfolded = nn.functional.unfold(pictures, patch, stride=patch)  # (B, C·patch², P)
    orders = orders.to(pictures.device).expand(len(pictures), -1)[:, None]
    laid = unfolded.gather(2, orders.expand_as(unfolded))
    return nn.functional.fold(laid, pictures.shape[-2:], patch, stride=patch)


def one_order(patches: int) -> Change:
    """Return what mixes the patches of all pictures alike, whatever the seed."""
    held_out = torch.Generator().manual_seed(0)
    order = torch.randperm(patches, generator=held_out)
    return lambda pictures, generator: mixed(pictures, order)


def orders_of_their_own(patches: int) -> Change:
    """Return what mixes the patches of each picture in its own way, every time."""

    def change(pictures: Tensor, generator: torch.Generator) -> Tensor:
        drawn = torch.rand(len(pictures), patches, generator=generator)
        return mixed(pictures, drawn.argsort(dim=1))

    return change


def labels_of(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, int]:
    """Return the sum of the surprises at the labels, and how many they are."""
    losses = token_losses(model(batch[0]), batch[1])
    return losses.sum(), losses.numel()


def trained(
    model: nn.Module,
    part: LabelledPictures,
    seed: int,
    *,
    rate: float,
    steps: int,
    changes: tuple[Change, ...],
    rows: int = ROWS,
) -> History:
    """Train a model in place; every picture is changed anew each time it is taken."""
    generator = txlite.seed(seed)

    def collate(chosen: list[int]) -> tuple[Tensor, Tensor]:
        pictures, labels = part.rows(chosen)
        for change in changes:
            pictures = change(pictures, generator)
        return pictures, labels

    return fit(
        model,
        Batches(
            range(len(part)),
            collate,
            batch_size=min(rows, len(part)),
            seed=txlite.seed(seed).initial_seed(),
        ),
        labels_of,
        steps=steps,
        optimizer=adamw(model, rate, weight_decay=DECAY, fused=True),
        schedule=warmup_cosine(rate, min(WARMUP, steps // 2), steps),
        clip_norm=1.0,
        progress=False,
    )


@torch.no_grad()
def scores(model: nn.Module, pictures: Float[Tensor, "N C Y X"]) -> Float[Tensor, "N L"]:
    """Return what a model scores each label, in evaluation mode."""
    model.eval()
    device = txlite.device()
    return torch.cat([model(some.to(device)).cpu() for some in torch.split(pictures, ASKED)])


def accuracy(model: nn.Module, part: LabelledPictures) -> float:
    """Return the share of pictures whose label a model scores highest."""
    return float((scores(model, part.pictures).argmax(1) == part.labels).double().mean())


def balanced(part: LabelledPictures, count: int, seed: int) -> LabelledPictures:
    """Return as many pictures of each label, chosen by the seed, ``count`` in all."""
    generator = txlite.seed(seed)
    kinds = torch.unique(part.labels)
    rows = []
    for kind in kinds.tolist():
        of_kind = torch.nonzero(part.labels == kind)[:, 0]
        order = torch.randperm(len(of_kind), generator=generator)
        rows.append(of_kind[order[: count // len(kinds)]])
    return part.rows(torch.cat(rows))
