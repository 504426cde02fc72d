"""The linear forecaster: what it is by hand, and what it can and cannot learn."""

import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from txlite.models import LinearForecaster, QuantileForecast
from txlite.training import forecast_losses

B, T, N, C = 4, 23, 7, 3  # all different


def drawn(**options: Any) -> LinearForecaster:
    model = LinearForecaster(T, N, **options).double()
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.5)
    return model


def windows() -> Tensor:
    return 5.0 + 3.0 * torch.randn(B, T, C, dtype=torch.float64)


def test_it_is_a_linear_map_of_distances_to_the_last_value() -> None:
    model, x = drawn(), windows()
    weights: Any = model.head.maps[0]
    last = x[:, -1:]
    wanted = torch.einsum("btc,nt->bnc", x - last, weights.weight) + weights.bias[:, None] + last
    assert_close(model(x).point, wanted)


def test_a_trend_is_the_mean_of_what_is_around() -> None:
    """By loops; outside stand the first and the last value."""
    model, x = drawn(average=5, scaling="none"), windows()
    trend = model.trend(x.mT)
    for t in range(T):
        around = [x[:, min(max(s, 0), T - 1)] for s in range(t - 2, t + 3)]
        assert_close(trend[..., t], torch.stack(around).mean(0))
    weights: Any = model.head.maps[0]
    parts = torch.cat([trend, x.mT - trend], dim=-1)
    assert_close(model(x).point, (parts @ weights.weight.T + weights.bias).mT)


def test_the_paper_s_two() -> None:
    d, n = LinearForecaster.dlinear(48, 12), LinearForecaster.nlinear(48, 12)
    assert (d.average, d.scale.scaling) == (25, "none")
    assert (n.average, n.scale.scaling) == (None, "last")
    assert sum(p.numel() for p in d.parameters()) == 12 * (2 * 48 + 1)
    assert sum(p.numel() for p in n.parameters()) == 12 * (48 + 1)


@pytest.mark.parametrize("options", [{}, {"average": 5, "scaling": "std"}])
def test_channels_are_read_one_by_one_and_gaps_do_not_matter(options: dict[str, Any]) -> None:
    model, x = drawn(**options), windows()
    observed = torch.rand(B, T, C) > 0.3
    observed[:, 4] = True
    said = model(x, observed).point
    for junk in (math.nan, 1e30):
        assert torch.equal(model(torch.where(observed, x, junk), observed).point, said)
    order = [2, 0, 1]
    assert_close(model(x[..., order], observed[..., order]).point, said[..., order])


def test_it_learns_a_wave_of_one_length() -> None:
    """A wave and a level that wander: exact by a linear map, after some steps nearly so."""
    torch.manual_seed(1)
    time = torch.arange(T + N)
    phase, level = 7 * torch.rand(256, 1), torch.randn(256, 1)
    cut = (torch.sin(time * 0.6 + phase) + level)[..., None]
    model = LinearForecaster(T, N, head="quantiles")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(300):
        optimizer.zero_grad()
        forecast_losses(model(cut[:200, :T]), cut[:200, T:]).mean().backward()
        optimizer.step()
    later = cut[200:]
    forecast = model(later[:, :T])
    assert isinstance(forecast, QuantileForecast)
    assert (forecast.point - later[:, T:]).abs().mean() < 0.05


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    for options, message in (
        ({"average": 4}, "average should be an odd number, got 4"),
        ({"average": 0}, "average should be a positive whole number, got 0"),
        ({"horizon": 0}, "horizon should be a positive whole number, got 0"),
        ({"context_length": 0}, "context_length should be a positive whole number, got 0"),
        ({"scaling": "max"}, "scaling should be one of std, mean, last, none, got 'max'"),
        ({"head": "laplace"}, "head should be one of point, quantiles, normal, student_t, got"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            LinearForecaster(**{"context_length": T, "horizon": N, **options})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^past should have shape \(B, T=23, C\), got \(4, 22, 3"):
        drawn()(windows()[:, 1:])
    with pytest.raises(ValueError, match=r"^average should be a number for a trend, got None"):
        drawn().trend(windows().mT)
