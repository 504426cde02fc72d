"""What the studies of DETR have in common: the scenes, the sizes, and how a detector is trained.

Scenes are drawn while it trains, each once. The two detectors share trunk, scenes, steps, optimiser
and schedule. The peaks of their learning rates are compared in `studies/detr_rates.py`, on
``valid``.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import txlite
from txlite.data.scenes import Scenes, scenes
from txlite.models import DETR, CenterMaps, CenterNet, ConvTrunk, Detections, DETRConfig
from txlite.training import (
    Batches,
    Found,
    History,
    adamw,
    average_precision,
    best_classes,
    fit,
    generalised_iou,
    peak_loss,
    peaks,
    set_loss,
    warmup_cosine,
)

CLASSES, QUERIES = 10, 8
MOST = 3  # digits in a scene
SCENE: dict[str, Any] = {"size": 40, "most": MOST, "sides": (0.3, 0.5)}
WIDTHS = (32, 64, 96)  # of the trunk, which makes 5 × 5 places of 40 × 40 pixels
CONFIG = DETRConfig(
    num_classes=CLASSES,
    num_queries=QUERIES,
    d_model=96,
    num_heads=4,
    d_ff=192,
    num_layers=1,
    num_decoder_layers=2,
    dropout=0.0,
)
SCENES, DRAWN = 32, 2**17  # of a step; numbers from which the scenes of a step are drawn
TESTED, TEST, VALID = 1000, 90_001, 90_002  # scenes of a held-out set, and what draws them
WARMUP, DECAY, CLIP = 50, 1e-4, 0.5
RATES = {"DETR": 1e-3, "CenterNet": 2e-3}
NOTHING = 0.1  # weight of "no object" in the loss
# Something is there more likely than not where a score is above this: what is there with the
# probability q has its lowest loss with the score q / (q + NOTHING · (1 − q)).
SURE = 1 / (1 + NOTHING)

# Weights of the boxes in the loss: the paper's, whose trunk has learned classes before, and ours.
PUBLISHED = (5.0, 2.0)
BOX, IOU = 1.0, 0.4
Loss = Callable[[nn.Module, Scenes], tuple[Tensor, int]]


class Detector(NamedTuple):
    """A kind of detector: how it is built, what it learns by, and how it is read."""

    build: Callable[[], nn.Module]
    loss: Loss
    read: Callable[[Any], list[Found]]


@cache
def held_out(part: str) -> Scenes:
    """Return the scenes of ``"test"`` or of ``"valid"``, which no seed changes."""
    held_out_seed = {"test": TEST, "valid": VALID}[part]
    return scenes(TESTED, part, generator=torch.Generator().manual_seed(held_out_seed), **SCENE)


class Drawn:
    """A step's scenes, from the number of its first: the same number, the same scenes."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, numbers: Sequence[int]) -> Scenes:
        """Draw as many scenes as there are numbers."""
        mixed = (self.seed * 1_000_003 + numbers[0]) % 2**32
        return scenes(len(numbers), generator=torch.Generator().manual_seed(mixed), **SCENE)


def batches(seed: int) -> Batches:
    """Return the scenes of all steps."""
    return Batches(range(DRAWN), Drawn(seed), batch_size=SCENES, seed=seed)


def detr(**changes: Any) -> DETR:
    """Return an untrained DETR, with some choices changed."""
    return DETR(replace(CONFIG, **changes), backbone=ConvTrunk(WIDTHS))


def by_matching(
    model: nn.Module,
    batch: Scenes,
    *,
    auxiliary: bool = True,
    weights: tuple[float, float] = (BOX, IOU),
) -> tuple[Tensor, int]:
    """Return the loss of a set, times the number of scenes."""
    found: Detections = model(batch.pictures)
    loss = set_loss(
        found.logits,
        found.boxes,
        batch.objects,
        earlier_logits=found.earlier_logits if auxiliary else None,
        earlier_boxes=found.earlier_boxes if auxiliary else None,
        box_weight=weights[0],
        iou_weight=weights[1],
        nothing_weight=NOTHING,
    )
    return loss.total * len(batch.pictures), len(batch.pictures)


def without_auxiliary(model: nn.Module, batch: Scenes) -> tuple[Tensor, int]:
    """Return the same of the last layer alone."""
    return by_matching(model, batch, auxiliary=False)


def weighed_as_published(model: nn.Module, batch: Scenes) -> tuple[Tensor, int]:
    """Return the loss of a set with the weights of the paper."""
    return by_matching(model, batch, weights=PUBLISHED)


def by_index(model: nn.Module, batch: Scenes) -> tuple[Tensor, int]:
    """Return the same loss when the first object is the first query's, and so on.

    The objects of a scene have no order, and nothing in the picture says which is the first.
    """
    found: Detections = model(batch.pictures)
    logits = [found.logits, *found.earlier_logits]
    boxes = [found.boxes, *found.earlier_boxes]
    total = torch.stack([_in_order(*one, batch.objects) for one in zip(logits, boxes, strict=True)])
    return total.sum() * len(batch.pictures), len(batch.pictures)


def _in_order(logits: Tensor, boxes: Tensor, objects: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Return the loss of one layer, query i matched with object i."""
    wanted = torch.full(logits.shape[:2], CLASSES, device=logits.device)
    for row, (labels, _) in zip(wanted, objects, strict=True):
        row[: len(labels)] = labels
    weights = torch.ones(CLASSES + 1, device=logits.device)
    weights[CLASSES] = NOTHING
    classes = cross_entropy(logits.flatten(0, 1), wanted.flatten(), weights)
    ours, theirs = boxes[wanted < CLASSES], torch.cat([b for _, b in objects])
    apart = (ours - theirs).abs().sum() / len(theirs)
    common = generalised_iou(ours, theirs).diagonal()
    return classes + BOX * apart + IOU * (1 - common).mean()


def by_peaks(model: nn.Module, batch: Scenes) -> tuple[Tensor, int]:
    """Return the loss of a CenterNet, times the number of scenes."""
    maps: CenterMaps = model(batch.pictures)
    loss = peak_loss(maps.logits, maps.sizes, maps.offsets, batch.objects)
    return loss * len(batch.pictures), len(batch.pictures)


def read_set(found: Detections) -> list[Found]:
    """Return what a DETR has found."""
    return best_classes(found.logits, found.boxes)


DETECTORS = {
    "DETR": Detector(detr, by_matching, read_set),
    "no auxiliary losses": Detector(detr, without_auxiliary, read_set),
    "by index": Detector(detr, by_index, read_set),
    "the paper's weights": Detector(detr, weighed_as_published, read_set),
    "CenterNet": Detector(
        lambda: CenterNet(ConvTrunk(WIDTHS), CLASSES),
        by_peaks,
        lambda maps: peaks(*maps, most=QUERIES),
    ),
}


def built(name: str, seed: int) -> nn.Module:
    """Return an untrained detector; the seed decides its weights."""
    txlite.seed(seed)
    return DETECTORS[name].build().to(txlite.device())


@torch.no_grad()
def warmed(model: nn.Module, seed: int, steps: int = 50) -> nn.Module:
    """Let the batch norms of an untrained detector see scenes, and change nothing else."""
    model.train()
    for batch in islice(batches(txlite.seed(seed).initial_seed()), steps):
        model(batch.pictures.to(txlite.device()))
    return model.eval()


def trained(
    name: str, model: nn.Module, seed: int, steps: int, *, rate: float | None = None, **more: Any
) -> History:
    """Train a detector in place; ``rate`` is the peak of its learning rate."""
    peak = RATES["CenterNet" if name == "CenterNet" else "DETR"] if rate is None else rate
    return fit(
        model,
        batches(txlite.seed(seed).initial_seed()),
        DETECTORS[name].loss,
        steps=steps,
        optimizer=adamw(model, peak, weight_decay=DECAY),
        schedule=warmup_cosine(peak, min(WARMUP, steps // 4), steps),
        clip_norm=CLIP,
        progress=False,
        **more,
    )


@torch.no_grad()
def answers(name: str, model: nn.Module, drawn: Scenes) -> list[Found]:
    """Return what a detector finds in scenes, on the CPU."""
    model.eval()
    found = []
    for pictures in torch.split(drawn.pictures, 250):
        found += DETECTORS[name].read(model(pictures.to(txlite.device())))
    return [Found(*(x.cpu() for x in one)) for one in found]


def scored(found: Sequence[Found], drawn: Scenes) -> dict[str, float]:
    """Return the average precision of what was found, at .5, at .75 and in the mean.

    And at .5 where every class is taken for the same: whether the boxes are right.
    """
    score = average_precision(found, drawn.objects)
    same = [one._replace(labels=torch.zeros_like(one.labels)) for one in found]
    there = [(torch.zeros_like(labels), boxes) for labels, boxes in drawn.objects]
    boxes = average_precision(same, there, thresholds=(0.5,)).at_50
    return {"at 50": score.at_50, "at 75": score.at_75, "mean": score.mean, "boxes at 50": boxes}
