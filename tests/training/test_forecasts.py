"""Losses of forecasts: by hand, against SciPy, where their least mean lies, and gaps."""

import math
import re
from typing import Any, NamedTuple

import pytest
import torch
from scipy import stats
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.models import (
    LinearForecaster,
    NormalForecast,
    PointForecast,
    QuantileForecast,
    StudentTForecast,
)
from txlite.training import (
    ForecastLoss,
    Windows,
    forecast_losses,
    normal_losses,
    pinball_losses,
    student_t_losses,
)

B, T, N, C, Q = 3, 9, 4, 2, 5  # all different
LEVELS = (0.05, 0.3, 0.5, 0.8, 0.95)


def drawn() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return degrees of freedom, a middle, a scale, and what came."""
    shape = (B, N, C)
    df, scale = 2 + 20 * torch.rand(shape).double(), 0.1 + torch.rand(shape).double()
    return df, torch.randn(shape).double(), scale, 3 * torch.randn(shape).double()


class Batch(NamedTuple):
    past: Tensor
    past_observed: Tensor | None
    future: Tensor
    future_observed: Tensor | None


# ------------------------------------------------------------------ mathematics


def test_a_quantile_is_charged_for_the_side_it_missed() -> None:
    """At 0.9 nine units for ten above, one for ten below; at ½ half the distance."""
    said = torch.tensor([[0.0, 0.0]])
    for came, wanted in ((10.0, [5.0, 9.0]), (-10.0, [5.0, 1.0]), (0.0, [0.0, 0.0])):
        assert_close(
            pinball_losses(said, torch.tensor([came]), [0.5, 0.9])[0], torch.tensor(wanted)
        )


@pytest.mark.parametrize("level", LEVELS)
def test_the_least_pinball_loss_is_at_the_quantile(level: float) -> None:
    values = torch.randn(2001).double()
    tries = torch.linspace(-3, 3, 1201).double()
    charged = pinball_losses(
        tries[:, None, None].expand(-1, 2001, 1), values.expand(1201, -1), [level]
    )
    best = tries[charged.mean((1, 2)).argmin()]
    assert best.item() == pytest.approx(values.quantile(level).item(), abs=0.01)


def test_likelihoods_are_scipy_s() -> None:
    df, loc, scale, values = drawn()
    wanted = -stats.t.logpdf(values.numpy(), df.numpy(), loc.numpy(), scale.numpy())
    assert_close(student_t_losses(df, loc, scale, values), torch.from_numpy(wanted))
    wanted = -stats.norm.logpdf(values.numpy(), loc.numpy(), scale.numpy())
    assert_close(normal_losses(loc, scale, values), torch.from_numpy(wanted))


def test_with_many_degrees_of_freedom_student_is_normal() -> None:
    _, loc, scale, values = drawn()
    many = torch.full_like(loc, 1e6)
    normal = normal_losses(loc, scale, values)
    assert_close(student_t_losses(many, loc, scale, values), normal, rtol=1e-2, atol=1e-4)


def test_an_outlier_costs_its_logarithm() -> None:
    one = torch.ones(1).double()
    far = [student_t_losses(3 * one, 0 * one, one, 10.0**k * one).item() for k in (4, 5)]
    assert far[1] - far[0] == pytest.approx(4 * math.log(10), rel=1e-6)


def test_each_forecast_is_charged_as_what_it_says() -> None:
    df, loc, scale, values = drawn()
    said = torch.randn(B, N, C, Q).double().cumsum(-1)
    for forecast, wanted in (
        (PointForecast(loc), (values - loc).square()),
        (NormalForecast(loc, scale), normal_losses(loc, scale, values)),
        (StudentTForecast(df, loc, scale), student_t_losses(df, loc, scale, values)),
        (QuantileForecast(said, LEVELS), pinball_losses(said, values, LEVELS).mean(-1)),
    ):
        assert_close(forecast_losses(forecast, values), wanted)


# ------------------------------------------------------------------ in training


def batch(**changed: Any) -> Batch:
    past, future = (torch.randn(B, n, C).double() + 4 for n in (T, N))
    return Batch(**{"past": past, "past_observed": None, "future": future,
                       "future_observed": None, **changed})  # fmt: skip


def model(head: Any = "point") -> nn.Module:
    made = LinearForecaster(T, N, head=head, levels=LEVELS).double()
    for p in made.parameters():
        nn.init.normal_(p, std=0.3)
    return made


@pytest.mark.parametrize("head", ["point", "quantiles", "normal", "student_t"])
def test_the_sum_and_the_count_of_what_is_observed(head: str) -> None:
    given, made = batch(), model(head)
    assert isinstance(given, Windows)
    total, count = ForecastLoss()(made, given)
    losses = forecast_losses(made(given.past), given.future)
    assert_close(total, losses.sum())
    assert count.item() == B * N * C
    observed = torch.rand(B, N, C) > 0.4
    total, count = ForecastLoss()(made, given._replace(future_observed=observed))
    assert_close(total, losses[observed].sum())
    assert count.item() == observed.sum().item()


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("head", ["point", "quantiles", "normal", "student_t"])
def test_what_stands_at_a_gap_does_not_matter(head: str, relative: bool) -> None:
    past_seen, seen = torch.rand(B, T, C) > 0.3, torch.rand(B, N, C) > 0.3
    past_seen[:, 2] = seen[:, 1] = True
    given = batch(past_observed=past_seen, future_observed=seen)
    made, found = model(head), []
    for junk in (0.0, math.nan, 1e20):
        spoilt = given._replace(
            past=torch.where(past_seen, given.past, junk),
            future=torch.where(seen, given.future, junk),
        )
        made.zero_grad()
        total, _ = ForecastLoss(relative=relative)(made, spoilt)
        total.backward()  # type: ignore[no-untyped-call]
        grads = torch.cat([p.grad.flatten() for p in made.parameters() if p.grad is not None])
        found.append((total, grads))
    for total, grads in found[1:]:
        assert torch.equal(total, found[0][0])
        assert torch.equal(grads, found[0][1])
        assert grads.isfinite().all()


def test_a_relative_loss_does_not_change_with_the_unit() -> None:
    for head in ("point", "quantiles"):
        given, made = batch(), model(head)
        for p in list(made.parameters())[1::2]:  # the map alone: it has no unit
            nn.init.zeros_(p)
        loud = given._replace(past=1e3 * given.past, future=1e3 * given.future)
        if head == "point":
            totals = [ForecastLoss(relative=True)(made, b)[0] for b in (given, loud)]
            assert_close(totals[1], totals[0])
            plain = [ForecastLoss()(made, b)[0] for b in (given, loud)]
            assert_close(plain[1], 1e6 * plain[0])
    still = given._replace(past=torch.full_like(given.past, 3.0))
    assert ForecastLoss(relative=True)(made, still)[0].isfinite()


# ------------------------------------------------------------------ errors


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    df, loc, scale, values = drawn()
    said = torch.zeros(B, N, C, 2).double()
    for ask, message in (
        (lambda: pinball_losses(said, values, [0.5]), "quantiles should have the values' axes and"),
        (
            lambda: pinball_losses(said, values, [0.5, 1.0]),
            "each of levels should be in (0, 1)",
        ),
        (
            lambda: pinball_losses(said, values.float(), [0.1, 0.9]),
            "values should have the dtype",
        ),
        (
            lambda: normal_losses(loc, scale[:1], values),
            "scale should have the shape of loc, (3",
        ),
        (lambda: normal_losses(loc, scale, values.float()), "values should have the dtype of loc"),
        (
            lambda: student_t_losses(df, loc, scale, values[:, :1]),
            "values should have the shape",
        ),
        (lambda: forecast_losses(3, values), "forecast should say a point or a spread, got int"),
        (
            lambda: forecast_losses(PointForecast(loc), values[:1]),
            "values should have the shape of point, (3, 4, 2), got (1, 4, 2)",
        ),
        (
            lambda: ForecastLoss()(model(), batch(future_observed=torch.ones(B, N, 1) > 0)),
            "future_observed should have shape (B=3, N=4, C=2), got (3, 4, 1)",
        ),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            ask()
