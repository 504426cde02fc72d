"""Models of statistics: they find the world that they were made for, and say its spread."""

import pytest
import torch

from txlite.forecasting import ARMA, ExponentialSmoothing, SeasonalNaive, mae, walk_forward

pytest.importorskip("statsmodels")


def noise(n: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


def seasonal(n: int, seed: int = 0) -> torch.Tensor:
    week = torch.tensor([0.0, 1, 4, 2, -1, -3, -5]).double()
    return 10 + week[torch.arange(n) % 7] + 0.3 * noise(n, seed)


def autoregressive(n: int, seed: int = 0) -> torch.Tensor:
    values = [0.0]
    for surprise in noise(n, seed).tolist():
        values.append(0.9 * values[-1] + surprise)
    return torch.tensor(values[1:]).double()


def test_smoothing_finds_the_season() -> None:
    series = seasonal(120)
    smooth = walk_forward(series, ExponentialSmoothing(7), context=90, horizon=7, stride=6)
    last = walk_forward(series, SeasonalNaive(7), context=90, horizon=7, stride=6)
    assert mae(smooth.truth, smooth.values) < 0.9 * mae(last.truth, last.values)
    trend = 0.5 * torch.arange(40).double() + 0.01 * noise(40)
    told = ExponentialSmoothing(trend=True)(trend, 3).values
    assert torch.allclose(told, 0.5 * torch.arange(40, 43).double(), atol=0.1)


def test_arma_of_an_autoregression_falls_back_as_it_should() -> None:
    past = autoregressive(600)
    told = ARMA(1, 0, levels=(0.1, 0.5, 0.9))(past, 4)
    assert told.quantiles is not None
    ratios = (told.values[1:] - past.mean()) / (told.values[:-1] - past.mean())
    assert torch.allclose(ratios, torch.full((3,), 0.9).double(), atol=0.05)
    half = (told.quantiles[:, 2] - told.quantiles[:, 0]) / 2 / 1.2815516
    right = torch.tensor([1, 1 + 0.81, 1 + 0.81 + 0.81**2, 1 + 0.81 + 0.81**2 + 0.81**3]).sqrt()
    assert torch.allclose(half, right.double(), rtol=0.1)
    assert torch.allclose(told.quantiles[:, 1], told.values)


def test_the_spread_agrees_with_statsmodels_where_there_is_no_season() -> None:
    from statsmodels.tsa.arima.model import ARIMA

    past = autoregressive(300)
    fitted = ARIMA((past / past.std()).numpy(), order=(2, 0, 1)).fit()
    right = torch.as_tensor(fitted.get_forecast(5).se_mean) * past.std()
    told = ARMA(2, 1, levels=(0.5, 0.8413447460685429))(past, 5)
    assert told.quantiles is not None
    assert torch.allclose(told.quantiles[:, 1] - told.quantiles[:, 0], right, rtol=1e-3)


def test_a_season_comes_back_and_its_surprises_with_it() -> None:
    past = seasonal(70)
    told = ARMA(1, 0, season=7, levels=(0.16, 0.84))(past, 15)
    assert told.quantiles is not None
    width = told.quantiles[:, 1] - told.quantiles[:, 0]
    assert (width.diff() >= -1e-9).all()
    assert width[7] > 1.2 * width[6]  # from here on last week's own error is in it too
    assert mae(seasonal(85)[70:], told.values) < 0.8


def test_a_part_of_the_past_is_enough() -> None:
    past = torch.cat([1e3 * noise(50), autoregressive(200)])
    assert torch.equal(ARMA(1, 0, history=200)(past, 3).values, ARMA(1, 0)(past[50:], 3).values)
    latest = ExponentialSmoothing(history=200)(past, 3).values
    assert torch.equal(latest, ExponentialSmoothing()(past[50:], 3).values)


def test_a_constant_past_stays_constant() -> None:
    past = torch.full((40,), 5.0)
    for method in (ExponentialSmoothing(4), ARMA(), ARMA(season=4, levels=(0.1, 0.9))):
        told = method(past, 6)
        assert torch.equal(told.values, torch.full((6,), 5.0).double())
    repeats = torch.arange(40) % 4
    assert ARMA(season=4)(repeats.double(), 6).values.tolist() == [0, 1, 2, 3, 0, 1]


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    with pytest.raises(ValueError, match="past should have at least 14 values, got 13"):
        ExponentialSmoothing(7)(torch.ones(13), 1)
    with pytest.raises(ValueError, match="past should have at least 26 values, got 25"):
        ARMA(2, 1, season=7)(torch.ones(25), 1)
    with pytest.raises(ValueError, match="order should be a whole number of at least zero, got -1"):
        ARMA(-1)
    with pytest.raises(ValueError, match="season should be a positive whole number, got 0"):
        ExponentialSmoothing(0)
    with pytest.raises(ValueError, match="history should be a positive whole number, got 0"):
        ARMA(history=0)
    with pytest.raises(ValueError, match=r"levels should be in \(0, 1\), got 1"):
        ARMA(levels=(1,))


def test_without_statsmodels_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("txlite.forecasting.statistical.import_module", missing)
    for method in (ARMA(), ExponentialSmoothing()):
        with pytest.raises(ImportError, match=r"pip install 'txlite\[forecasting\]'"):
            method(noise(30), 1)
