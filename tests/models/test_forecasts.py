"""What a forecast says: quantiles against SciPy's, in the units of the series."""

import re

import numpy as np
import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from txlite.models import NormalForecast, PointForecast, QuantileForecast, StudentTForecast

B, N, C, Q = 2, 3, 4, 5  # all different
LEVELS = [0.001, 0.1, 0.5, 0.75, 0.999]


def drawn() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    shape = (B, N, C)
    df = 2.0 + torch.rand(shape).double() * 30
    return df, 5 * torch.randn(shape).double(), torch.rand(shape).double() + 0.1


def test_quantiles_of_student_s_t_are_scipy_s() -> None:
    df, loc, scale = drawn()
    forecast = StudentTForecast(df, loc, scale)
    want = [stats.t.ppf(q, df.numpy(), loc.numpy(), scale.numpy()) for q in LEVELS]
    got = forecast.quantiles(LEVELS)
    assert got.shape == (B, N, C, Q)
    assert_close(got, torch.from_numpy(np.stack(want, -1)), rtol=1e-8, atol=1e-8)
    assert torch.equal(forecast.point, loc)


@pytest.mark.parametrize("df", [2.0, 2.001, 3.0, 99.9, 100.1, 1e4, 1e9])
def test_quantiles_of_any_degrees_of_freedom(df: float) -> None:
    """Two, where the variance ends, and so many that it is a normal distribution."""
    one = torch.ones(1, 1, 1, dtype=torch.float64)
    got = StudentTForecast(df * one, 0 * one, one).quantiles(LEVELS)[0, 0, 0]
    assert_close(got, torch.from_numpy(stats.t.ppf(LEVELS, df)), rtol=1e-8, atol=1e-9)
    symmetric = StudentTForecast(df * one, 0 * one, one).quantiles([0.025, 0.975])[0, 0, 0]
    assert symmetric[0] == -symmetric[1]


def test_quantiles_of_a_normal_distribution_are_scipy_s() -> None:
    _, loc, scale = drawn()
    want = [stats.norm.ppf(q, loc.numpy(), scale.numpy()) for q in LEVELS]
    got = NormalForecast(loc, scale).quantiles(LEVELS)
    assert_close(got, torch.from_numpy(np.stack(want, -1)))
    assert torch.equal(NormalForecast(loc, scale).point, loc)
    few = NormalForecast(loc.float(), scale.float()).quantiles((0.5,))
    assert few.dtype == torch.float32


def test_quantiles_that_were_said_are_looked_up() -> None:
    values = torch.randn(B, N, C, Q).cumsum(-1)
    forecast = QuantileForecast(values, (0.05, 0.2, 0.45, 0.7, 0.9))
    assert torch.equal(forecast.quantiles([0.7, 0.05]), values[..., [3, 0]])
    assert torch.equal(forecast.point, values[..., 2])  # 0.45 is the nearest to ½


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    _, loc, scale = drawn()
    normal = NormalForecast(loc, scale)
    for forecast, levels, message in (
        (
            PointForecast(loc),
            [0.5],
            "levels should be asked of a forecast with a spread, got a",
        ),
        (normal, [], "levels should hold at least one number in (0, 1), got []"),
        (normal, "0.5", "levels should hold at least one number in (0, 1), got '0.5'"),
        (normal, [0.5, 1.0], "each of levels should be in (0, 1), got 1.0"),
        (QuantileForecast(loc[..., None], (0.5,)), [0.1], "levels should be among (0.5,), got 0.1"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            forecast.quantiles(levels)  # type: ignore[attr-defined]
