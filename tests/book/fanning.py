"""What the tests of the fan chart share: random forecasters, and a series with days and weeks."""

import math
from dataclasses import asdict
from functools import cache
from typing import Any

import torch
from torch import Tensor
from writing import drawn_anew

from txlite.models import Forecaster, ForecasterConfig
from txlite.viz.widgets.fan_chart import FanChart

DAY, LENGTH, HORIZON = 12, 40, 9
SIZES: dict[str, Any] = {
    "context_length": LENGTH, "horizon": HORIZON, "patch_length": 6, "stride": 4,
    "d_model": 24, "num_heads": 3, "d_ff": 20, "num_layers": 2, "head": "quantiles",
    "dropout": 0.0, "ff_dropout": 0.0,
}  # fmt: skip


def random_forecaster(seed: int, **choices: Any) -> Forecaster:
    """Return a small forecaster with large weights, and the statistics of no training."""
    model = Forecaster(ForecasterConfig(**(SIZES | choices)))
    drawn_anew(model, seed, 0.3)
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if name.endswith("norm.variance"):
            drawn = torch.rand(parameter.shape, generator=generator) + 0.5
            parameter.detach().copy_(drawn.half())
    return model


@cache
def series(seed: int = 0, length: int = 400) -> Tensor:
    """Return waves with noise, far from zero."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.arange(length).double()
    wave = (2 * math.pi * t / DAY).sin() + 0.5 * (2 * math.pi * t / (7 * DAY)).cos()
    return (50 + 8 * wave + 2 * torch.randn(length, generator=generator)).float()


def origins(length: int = 400, every: int = 7) -> list[int]:
    return [*range(LENGTH, length - HORIZON + 1, every)]


def said(model: Forecaster, values: Tensor, at: int) -> Tensor:
    """Return the quantiles (levels, steps) that a model says from an origin."""
    with torch.no_grad():
        forecast = model(values[at - LENGTH : at].double()[None, :, None])
    return forecast.values[0, :, 0].mT


def chart(model: Forecaster, **traits: Any) -> FanChart:
    values, places = series(), origins()
    horizon = model.config.horizon
    medians = torch.stack([said(model, values, at)[len(model.config.levels) // 2] for at in places])
    day = torch.stack(
        [values[at - DAY : at].repeat(math.ceil(horizon / DAY))[:horizon] for at in places]
    )
    drift = torch.stack([values[at - LENGTH : at].mean().expand(horizon) for at in places])
    traits.setdefault("others", {"yesterday": day, "the window's mean": drift})
    traits.setdefault("stamps", [f"day {at // DAY}, hour {2 * (at % DAY)}" for at in places])
    config, weights = asdict(model.config), model.state_dict()
    return FanChart(
        config, weights, values, places, medians, unit="GW", step="double hours", **traits
    )
