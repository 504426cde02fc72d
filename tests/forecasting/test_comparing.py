"""Comparisons: against their formulas, and how often they cry wolf."""

import math

import pytest
import torch

from txlite.forecasting import block_bootstrap, block_places, diebold_mariano


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


def moving(seed: int, n: int, h: int) -> torch.Tensor:
    """Differences that go together over h − 1 origins, of mean zero."""
    return noise(n + h - 1, seed=seed).unfold(0, h, 1).sum(1)


def test_the_statistic_by_its_formula() -> None:
    a, b, h = noise(30, seed=1).square(), noise(30, seed=2).square(), 3
    d = (a - b).tolist()
    n, mean = len(d), sum(d) / len(d)

    def gamma(k: int) -> float:
        return sum((d[t] - mean) * (d[t - k] - mean) for t in range(k, n)) / n

    variance = (gamma(0) + 2 * sum(gamma(k) for k in range(1, h))) / n
    right = mean / math.sqrt(variance) * math.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n)
    found = diebold_mariano(a, b, horizon=h)
    assert found.statistic == pytest.approx(right)
    assert found.difference == pytest.approx(mean)
    assert found.lags == 2
    bartlett = (gamma(0) + 2 * sum((1 - k / 5) * gamma(k) for k in range(1, 5))) / n
    other = diebold_mariano(a, b, lags=4, kernel="bartlett")
    right = mean / math.sqrt(bartlett) * math.sqrt((n + 1 - 2) / n)
    assert other.statistic == pytest.approx(right)


def test_p_is_students() -> None:
    stats = pytest.importorskip("scipy.stats")
    found = diebold_mariano(noise(12, seed=4), noise(12, seed=5))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(found.statistic), 11))
    back = diebold_mariano(noise(12, seed=5), noise(12, seed=4))
    assert back.p == found.p
    assert back.statistic == -found.statistic


def test_two_alike_are_alike() -> None:
    assert diebold_mariano(noise(9), noise(9)) == (0, 0, 1, 0)


def test_it_cries_wolf_as_often_as_it_says() -> None:
    zero = torch.zeros(80, dtype=torch.double)
    trials = range(400)
    right = sum(
        diebold_mariano(moving(s, 80, 4), zero, horizon=4, kernel="bartlett", lags=8).p < 0.05
        for s in trials
    )
    blind = sum(diebold_mariano(moving(s, 80, 4), zero).p < 0.05 for s in trials)
    assert right / 400 < 0.14
    assert blind / 400 > 0.25  # taken for independent: five times as often as it says


@pytest.mark.parametrize("kind", ["moving", "stationary"])
def test_blocks_are_neighbours(kind: str) -> None:
    places = block_places(40, block=8, generator=torch.Generator().manual_seed(0), kind=kind,
                          samples=500)  # fmt: skip
    assert places.shape == (500, 40)
    assert 0 <= int(places.min()) <= int(places.max()) < 40
    together = (places.diff(dim=1) % 40 == 1).double().mean()
    if kind == "moving":
        blocks = places.reshape(500, 5, 8)
        assert torch.equal(blocks, blocks[:, :, :1] + torch.arange(8))
    else:
        assert float(together) == pytest.approx(1 - 1 / 8 + 1 / 8 / 40, abs=0.01)
        assert len(places[:, 0].unique()) == 40
        counts = torch.bincount(places.flatten(), minlength=40)  # round the end: none is rare
        assert counts.min() > 0.8 * counts.double().mean()


def test_the_interval_covers_as_often_as_it_says() -> None:
    inside = alone = 0
    for seed in range(200):
        values = moving(seed, 120, 4)
        generator = torch.Generator().manual_seed(seed)
        blocks = block_bootstrap(values, block=12, generator=generator, samples=300)
        single = block_bootstrap(values, block=1, generator=generator, samples=300)
        inside += blocks.low <= 0 <= blocks.high
        alone += single.low <= 0 <= single.high
    assert inside / 200 > 0.83
    assert alone / 200 < 0.75


def test_any_statistic() -> None:
    values = noise(50)
    found = block_bootstrap(
        values, block=5, generator=torch.Generator().manual_seed(0), kind="moving",
        statistic=lambda samples: samples.median(1).values,
    )  # fmt: skip
    assert found.value == float(values.median())
    assert found.low <= found.value <= found.high


@pytest.mark.plain
def test_errors_name_what_came() -> None:
    generator = torch.Generator()
    with pytest.raises(ValueError, match=r"second should have shape \(N=9\), got \(8,\)"):
        diebold_mariano(noise(9), noise(8))
    with pytest.raises(ValueError, match="more losses than horizon=9 and lags=8, got 9"):
        diebold_mariano(noise(9), noise(9, seed=1), horizon=9)
    with pytest.raises(ValueError, match="kernel should be one of rectangular, bartlett, got 'x'"):
        diebold_mariano(noise(9), noise(9, seed=1), kernel="x")
    swings = torch.tensor([1.0, -1.0]).repeat(10).double()
    with pytest.raises(
        ValueError, match=r"lags=1 should leave a positive variance, got -.*bartlet"
    ):
        diebold_mariano(swings, swings * 0, horizon=2)
    with pytest.raises(ValueError, match="first and second should be finite"):
        diebold_mariano(noise(9) * math.nan, noise(9))
    with pytest.raises(ValueError, match=r"block should be at most the 9 values .*, got 10"):
        block_bootstrap(noise(9), block=10, generator=generator)
    with pytest.raises(ValueError, match="kind should be one of moving, stationary, got 'x'"):
        block_bootstrap(noise(9), block=2, generator=generator, kind="x")
    with pytest.raises(ValueError, match="generator should be a generator such as"):
        block_bootstrap(noise(9), block=2, generator=0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="values should be finite"):
        block_bootstrap(noise(9) * math.nan, block=2, generator=generator)
    with pytest.raises(ValueError, match=r"coverage should be in \(0, 1\), got 1"):
        block_bootstrap(noise(9), block=2, generator=generator, coverage=1)
