"""What the tests of the scene detector share: real digits on real photographs, random DETRs."""

from dataclasses import asdict
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from writing import drawn_anew

from txlite.data.scenes import inked_digits, photographs
from txlite.models import DETR, DETRConfig
from txlite.models.baselines.trunk import ConvTrunk
from txlite.viz.widgets.scene_detector import Scene, SceneDetector

SIZES: dict[str, Any] = {"d_model": 24, "num_heads": 3, "d_ff": 20, "num_layers": 1}
CLASSES = [*"0123456789"]
SIDE, QUERIES = 24, 7


def random_detr(seed: int, channels: int = 1, **choices: Any) -> DETR:
    """Return a small DETR with large weights, and the statistics of no training."""
    config = DETRConfig(num_classes=10, num_queries=QUERIES, dropout=0.0, **(SIZES | choices))
    made = drawn_anew(DETR(config, backbone=ConvTrunk((4, 6), channels=channels)), seed, 0.5)
    generator = torch.Generator().manual_seed(seed)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.copy_(torch.randn(module.num_features, generator=generator).half())
            spread = torch.rand(module.num_features, generator=generator) + 0.5
            module.running_var.copy_(spread.half())
    return made


@cache
def scene(seed: int, count: int = 3, side: int = SIDE) -> Scene:
    """Return digits on a photograph; neither is trained on."""
    generator = torch.Generator().manual_seed(seed)
    test = inked_digits("test")
    which = torch.randint(len(test.labels), (count,), generator=generator)
    drawn = torch.rand(count, 3, generator=generator)
    sides = 0.25 + 0.15 * drawn[:, 2:]
    squares = torch.cat([drawn[:, :2] * (1 - sides), sides], dim=-1)
    background = 0.5 * interpolate(photographs("test")[seed % 2][None], (side, side))[0]
    return Scene(background, test.ink[which], squares, test.labels[which], test.edges[which])


def detector(model: DETR, scenes: list[Scene] | None = None, **traits: Any) -> SceneDetector:
    chosen = scenes or [scene(0), scene(1, 4), scene(2, 1)]
    weights = model.state_dict()
    backbone = model.backbone.layers
    return SceneDetector(asdict(model.config), weights, backbone, chosen, CLASSES, **traits)


def found(model: DETR, picture: Tensor) -> tuple[Tensor, Tensor]:
    """Return the probabilities and boxes of a picture's queries."""
    with torch.no_grad():
        told = model(picture[None])
    return told.logits[0].softmax(-1), told.boxes[0]
