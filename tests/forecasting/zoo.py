"""Forecasters that fit something, each in its own way: what a future must not reach."""

from typing import Any

import torch
from torch import Tensor, nn

from txlite.forecasting import (
    Calibrated,
    Climatology,
    Forecast,
    Ridge,
    SeasonalNaive,
    Selected,
    Trained,
    drift,
    naive,
)


def scaled_ridge(past: Tensor, horizon: int) -> Tensor:
    """A scaler fitted on what it is given, around ridge."""
    centre, scale = past.mean(), past.std() + 1e-9
    told: Tensor = Ridge(3).fit((past - centre) / scale, horizon)((past - centre) / scale, horizon)[
        0
    ]
    return told * scale + centre


def features(past: Tensor, horizon: int) -> Tensor:
    """Features of ranks and moving means of everything it is given."""
    ranks = past.argsort().argsort().double() / len(past)
    means = past.unfold(0, 3, 1).mean(1)
    table = torch.stack([ranks[2:-1], means[:-1], torch.ones(len(means) - 1).double()], 1)
    weights = torch.linalg.pinv(table.T @ table, hermitian=True) @ (table.T @ past[3:])
    last = torch.stack([ranks[-1], means[-1], torch.tensor(1.0).double()])
    return (last @ weights).repeat(horizon)


def stopped_early(past: Tensor, horizon: int) -> Tensor:
    """A network whose training stops where the end of what it is given says so."""
    centre, scale = past.mean(), past.std() + 1e-9
    z = (past - centre) / scale
    windows = z.unfold(0, 4, 1)
    train, valid = windows[:-6], windows[-6:]
    generator = torch.Generator().manual_seed(0)
    net = nn.Linear(3, 1).double()
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn(p.shape, generator=generator, dtype=torch.double) / 2)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    best, kept, patience = float("inf"), net(z[-3:]).detach(), 0
    for _ in range(12):
        loss = (net(train[:, :3])[:, 0] - train[:, 3]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            on_valid = float((net(valid[:, :3])[:, 0] - valid[:, 3]).square().mean())
            if on_valid < best:
                best, kept, patience = on_valid, net(z[-3:]), 0
            else:
                patience += 1
        if patience == 2:
            break
    return (kept * scale + centre).repeat(horizon)


def fitted_now_and_then(past: Tensor) -> Any:
    return Ridge(2).fit(past, 8)


ZOO: dict[str, Any] = {
    "naive": naive,
    "drift": drift,
    "season": SeasonalNaive(5),
    "climatology": Climatology(4),
    "scaler": scaled_ridge,
    "features": features,
    "stopping": stopped_early,
    "selection": Selected({"naive": naive, "season": SeasonalNaive(3), "drift": drift}, valid=8),
    "calibration": Calibrated(SeasonalNaive(2), (0.1, 0.5, 0.9), origins=4),
    "now and then": Trained(fitted_now_and_then, every=3),
    "told apart": lambda past, horizon: Forecast(
        past[-1].repeat(horizon), torch.quantile(past, torch.tensor([0.2, 0.8]).double()).repeat(
            horizon, 1), (0.2, 0.8)),
}  # fmt: skip
