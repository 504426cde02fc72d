"""A pipeline that is honest, and others with one leak each, which make a profit out of noise.

Every leak here is one that people have published results with. Each is a stage of the honest
pipeline with a few words changed.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import torch
from jaxtyping import Float
from torch import Tensor

from txlite.forecasting.pipeline import Market, Pipeline

__all__ = ["HONEST", "PLANTED"]

_BLOCK = 25  # bars between two fits, and in a test
_WARM = 100  # bars before the first position


# ------------------------------------------------------------------ honest stages


def _listed_now(market: Market) -> Tensor:
    return market.listed


def _last_quote(quotes: Float[Tensor, "T A"]) -> Float[Tensor, "T A"]:
    rows = torch.arange(len(quotes))[:, None].expand_as(quotes)
    last = torch.where(quotes.isnan(), 0, rows).cummax(0).values
    return quotes.gather(0, last)


def _first_report(reports: Float[Tensor, "T V A"]) -> Float[Tensor, "T A"]:
    return reports[:, 0]


def _scaled_so_far(filled: Float[Tensor, "T A"]) -> Float[Tensor, "T A"]:
    counts = torch.arange(1, len(filled) + 1)[:, None]
    level = filled.log()
    mean = level.cumsum(0) / counts
    variance = (level.square().cumsum(0) / counts - mean.square()).clamp(min=0)
    return (level - mean) / (variance.sqrt() + 0.01)


def _changes(
    scaled: Float[Tensor, "T A"], reports: Float[Tensor, "T A"], targets: Float[Tensor, "T A"]
) -> Float[Tensor, "T A 3"]:
    change = torch.cat([torch.zeros_like(scaled[:1]), scaled.diff(dim=0)])
    return torch.stack([scaled, change, reports], -1)


def _ridge_so_far(
    features: Float[Tensor, "T A F"], targets: Float[Tensor, "T A"], ahead: int
) -> Float[Tensor, "T A"]:
    told = torch.zeros_like(targets)
    for begin in range(_WARM, len(features), _BLOCK):
        known = slice(_BLOCK, begin - ahead + 1)  # a target is known when its last bar is over
        weights = _least_squares(features[known], targets[known])
        told[begin : begin + _BLOCK] = features[begin : begin + _BLOCK] @ weights
    return told


def _sign(expected: Float[Tensor, "T A"], returns: Float[Tensor, "T A"]) -> Float[Tensor, "T A"]:
    return expected.sign() / expected.shape[1]


def _next_bar(wanted: Float[Tensor, "T A"]) -> Float[Tensor, "T A"]:
    return torch.cat([torch.zeros_like(wanted[:1]), wanted[:-1]])


def _least_squares(features: Tensor, targets: Tensor) -> Float[Tensor, " F"]:
    rows, wanted = features.reshape(-1, features.shape[-1]), targets.reshape(-1)
    products = rows.T @ rows + 1e-6 * torch.eye(rows.shape[1], dtype=rows.dtype)
    weights: Tensor = torch.linalg.solve(products, rows.T @ wanted)
    return weights


HONEST = Pipeline(
    universe=_listed_now,
    fill=_last_quote,
    read=_first_report,
    scale=_scaled_so_far,
    features=_changes,
    learn=_ridge_so_far,
    choose=_sign,
    execute=_next_bar,
)
"""No row of any stage knows a later bar."""


# ------------------------------------------------------------------ one leak each


def _survivors(market: Market) -> Tensor:
    """Take the shares that an index has today: those that are still there, and dear."""
    last = market.close[-1]
    today = market.listed[-1] & (last >= last.quantile(2 / 3))
    return today.expand_as(market.listed)


def _always_long(features: Tensor, targets: Tensor, ahead: int) -> Tensor:
    return torch.ones_like(targets)


def _interpolated(quotes: Float[Tensor, "T A"]) -> Float[Tensor, "T A"]:
    rows = torch.arange(len(quotes))[:, None].expand_as(quotes)
    there = ~quotes.isnan()
    before = torch.where(there, rows, 0).cummax(0).values
    after = torch.where(there, rows, len(quotes) - 1).flip(0).cummin(0).values.flip(0)
    share = (rows - before) / (after - before).clamp(min=1)
    left, right = quotes.gather(0, before), quotes.gather(0, after)
    return torch.where(right.isnan(), left, left + share * (right - left))


def _last_report(reports: Float[Tensor, "T V A"]) -> Float[Tensor, "T A"]:
    return reports[:, -1]


def _scaled_by_everything(filled: Float[Tensor, "T A"]) -> Float[Tensor, "T A"]:
    level = filled.log()
    return (level - level.mean(0)) / (level.std(0) + 0.01)


def _centred(scaled: Tensor, reports: Tensor, targets: Tensor) -> Tensor:
    padded = torch.cat([scaled[:1].expand(3, -1), scaled, scaled[-1:].expand(3, -1)])
    return torch.stack([padded.unfold(0, 7, 1).mean(-1) - scaled, scaled], -1)


def _shifted(scaled: Tensor, reports: Tensor, targets: Tensor) -> Tensor:
    change = torch.cat([scaled.diff(dim=0), torch.zeros_like(scaled[:1])])  # shift(-1)
    return torch.stack([scaled, change], -1)


def _with_target(scaled: Tensor, reports: Tensor, targets: Tensor) -> Tensor:
    return torch.stack([scaled, targets], -1)


def _latest_targets(features: Tensor, targets: Tensor, ahead: int) -> Tensor:
    """Expect what the latest targets were: they are not over yet."""
    before = torch.cat([torch.zeros_like(targets[:ahead]), targets])[:-1]
    return before.unfold(0, ahead, 1).mean(-1)


def _neighbours_of_everything(features: Tensor, targets: Tensor, ahead: int) -> Tensor:
    """Expect what the most similar rows brought, wherever they lie: one is the row itself."""
    told = torch.zeros_like(targets)
    for share in range(targets.shape[1]):
        rows = features[:, share]
        nearest = torch.cdist(rows, rows).topk(5, largest=False).indices
        told[:, share] = targets[:, share][nearest].mean(1)
    return told


def _follow(features: Tensor, targets: Tensor, ahead: int) -> Tensor:
    """Expect that the last change goes on."""
    return features[..., 1]


def _same_bar(wanted: Float[Tensor, "T A"]) -> Float[Tensor, "T A"]:
    return wanted


def _stopped_on_the_test(expected: Tensor, returns: Tensor) -> Tensor:
    """Of many epochs, keep for each test the one that did best in that test."""
    generator = torch.Generator().manual_seed(0)
    epochs = torch.randn(20, *expected.shape, generator=generator, dtype=torch.double).sign()
    wanted = torch.zeros_like(expected)
    for begin in range(_BLOCK, len(expected) - 1, _BLOCK):
        rows, next_ = slice(begin, begin + _BLOCK), returns[begin + 1 : begin + _BLOCK + 1]
        earned = (epochs[:, begin : begin + len(next_)] * next_).sum((1, 2))
        wanted[rows] = epochs[int(earned.argmax()), rows] / expected.shape[1]
    return wanted


PLANTED: Mapping[str, Pipeline] = MappingProxyType(
    {
        "survivorship": replace(HONEST, universe=_survivors, learn=_always_long),
        "interpolated gaps": replace(HONEST, fill=_interpolated, learn=_follow),
        "restated values": replace(HONEST, read=_last_report),
        "scaler fitted on everything": replace(HONEST, scale=_scaled_by_everything),
        "centred window": replace(HONEST, features=_centred),
        "value of the future": replace(HONEST, features=_shifted),
        "target among the features": replace(HONEST, features=_with_target),
        "overlapping targets": replace(HONEST, learn=_latest_targets),
        "model fitted on everything": replace(HONEST, learn=_neighbours_of_everything),
        "chosen on the test": replace(HONEST, choose=_stopped_on_the_test),
        "same-bar execution": replace(HONEST, learn=_follow, execute=_same_bar),
    }
)
"""Pipelines with one leak each, by its name."""
