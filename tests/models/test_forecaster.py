"""The forecaster: channels apart, levels taken out and put back, gaps that do not matter.

That it computes what the published models do stands in tests/interop.
"""

import itertools
import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.models.tiny import CLOSE, EXACT, redrawn
from txlite.inspect import record_attention
from txlite.models import (
    Forecaster,
    ForecasterConfig,
    LinearForecaster,
    NormalForecast,
    PointForecast,
    QuantileForecast,
    StudentTForecast,
)
from txlite.nn import BatchNorm, LayerNorm
from txlite.training import forecast_losses

# All different, so that a swapped axis cannot pass unseen.
B, T, C, N, P, S, D, H, F = 4, 23, 3, 7, 5, 2, 12, 2, 20
CHOICES: dict[str, dict[str, Any]] = {
    "plain": {},
    "student": {"head": "student_t", "batch_norm": False, "norm_first": True},
    "normal": {"head": "normal", "pooling": "mean", "positions": "sinusoidal"},
    "quantiles": {"head": "quantiles", "pooling": "class", "levels": (0.05, 0.3, 0.6, 0.95)},
    "largest": {"pooling": "max", "repeat_last": False, "positions": "none"},
    "last": {"scaling": "last", "embedding_dropout": 0.5, "ff_bias": False},
    "own": {"num_channels": C, "channel_maps": True, "channel_scales": True, "head": "quantiles"},
}
every_choice = pytest.mark.parametrize("name", CHOICES)


def config(name: str = "plain", **options: Any) -> ForecasterConfig:
    sizes: dict[str, Any] = {"d_model": D, "num_heads": H, "d_ff": F, "num_layers": 2}
    sizes |= {"context_length": T, "horizon": N, "patch_length": P, "stride": S}
    return ForecasterConfig(**{**sizes, "scale_eps": 0.0, **CHOICES[name], **options})


def tiny(name: str = "plain", **options: Any) -> Forecaster:
    model = redrawn(Forecaster(config(name, **options)))
    for module in model.modules():
        if isinstance(module, BatchNorm):
            module.variance.detach().square_().add_(0.5)
    return model


def windows(batch: int = B) -> Tensor:
    return 5.0 + 3.0 * torch.randn(batch, T, C, dtype=torch.float64)


def numbers(forecast: Any) -> Tensor:
    """Return all that a forecast says."""
    said = [x for x in vars(forecast).values() if isinstance(x, Tensor)]
    return torch.stack(said, dim=-1)


# ------------------------------------------------------------------ mathematics


@every_choice
def test_says_every_value_to_come_of_every_channel(name: str) -> None:
    forecast = tiny(name)(windows())
    kinds = {"student": StudentTForecast, "normal": NormalForecast}
    kinds |= dict.fromkeys(("quantiles", "own"), QuantileForecast)
    assert type(forecast) is kinds.get(name, PointForecast)
    assert forecast.point.shape == (B, N, C)
    assert forecast.point.isfinite().all()


@pytest.mark.parametrize("name", [name for name in CHOICES if name != "own"])
def test_channels_are_read_one_by_one(name: str) -> None:
    """Another channel, another window of the batch: nothing of either reaches a forecast."""
    model, x = tiny(name), windows()
    together = numbers(model(x))
    for b, c in itertools.product(range(B), range(C)):
        alone = numbers(model(x[b : b + 1, :, c : c + 1]))
        assert_close(alone[0, :, 0], together[b, :, c], **CLOSE)
    order = [2, 0, 1]
    assert_close(numbers(model(x[:, :, order])), together[:, :, order], **CLOSE)


def test_channels_with_weights_of_their_own_are_told_apart() -> None:
    model, x = tiny("own"), windows()
    order = [2, 0, 1]
    moved = model(x[:, :, order]).values
    assert (moved - model(x).values[:, :, order]).abs().max() > 0.1
    x[:, :, 1] += torch.randn(B, T)
    again = model(x).values
    x[:, :, 1] = 0.0
    assert_close(model(x).values[:, :, [0, 2]], again[:, :, [0, 2]], **CLOSE)


@every_choice
def test_a_forecast_moves_with_the_level_of_its_window(name: str) -> None:
    """Of a·x + b it is a times that of x, plus b; without an eps exactly so."""
    if name == "last":  # which knows no scale
        factor, shift = 1.0, torch.randn(B, 1, C).double()
    else:
        factor, shift = 700.0, 1e4 * torch.randn(B, 1, C).double()
    model, x = tiny(name), windows()
    before, after = model(x), model(factor * x + shift)
    assert_close(after.point, factor * before.point + shift, rtol=1e-9, atol=1e-7)
    if isinstance(before, StudentTForecast):
        assert_close(after.df, before.df)
        assert_close(after.scale, factor * before.scale)
    if isinstance(before, QuantileForecast):
        moved = factor * before.values + shift[..., None]
        assert_close(after.values, moved, rtol=1e-9, atol=1e-7)


@every_choice
@pytest.mark.parametrize("value", [0.0, 0.1, 1e8])
@pytest.mark.parametrize("eps", [0.0, 1e-5])
def test_a_constant_window_stays_finite_and_is_met_exactly(
    name: str, value: float, eps: float
) -> None:
    """In float32, where the mean of 23 times 0.1 is not 0.1: the level is the value itself."""
    model = tiny(name, scale_eps=eps).float()
    x = torch.full((B, T, C), value, requires_grad=True)
    model.zero_grad()
    hidden, level = model.read(x)
    assert torch.equal(level.loc, x[:, :1])
    forecast = model(x)
    forecast.point.sum().backward()
    assert x.grad is not None
    assert numbers(forecast).isfinite().all()
    assert x.grad.isfinite().all()
    flat, _ = model.read(torch.zeros(B, T, C))
    assert_close(hidden, flat, **EXACT)


@every_choice
@pytest.mark.parametrize("gaps", ["level", "zero"])
def test_what_stands_at_a_gap_does_not_matter(name: str, gaps: str) -> None:
    model, x = tiny(name, gaps=gaps), windows().requires_grad_()
    observed = torch.rand(B, T, C) > 0.3
    observed[:, 3] = True
    said = numbers(model(x, observed))
    (grad,) = torch.autograd.grad(said.sin().sum(), x)
    assert torch.equal(grad != 0, observed) or name == "largest"
    for junk in (math.nan, math.inf, 1e30):
        spoilt = torch.where(observed, x, junk).detach().requires_grad_()
        again = numbers(model(spoilt, observed))
        assert_close(again, said, **EXACT)
        (same,) = torch.autograd.grad(again.sin().sum(), spoilt)
        assert_close(same, grad, **EXACT)
    assert (numbers(model(x)) - said).abs().max() > 1e-3


def test_a_gap_is_the_level_or_the_number_zero() -> None:
    x, observed = windows(), torch.ones(B, T, C, dtype=torch.bool)
    observed[:, 10:14] = False
    level, zero = (tiny(gaps=gaps) for gaps in ("level", "zero"))
    zero.load_state_dict(level.state_dict())
    z = level.scale(x, observed)[0]
    assert_close(z[:, 10:14], torch.zeros(B, 4, C).double(), **EXACT)
    z, at = zero.scale(x, observed)
    assert_close(z[:, 10:14], (-at.loc / at.scale).expand(-1, 4, -1))
    assert (level(x, observed).point - zero(x, observed).point).abs().max() > 0.1


def test_a_window_with_nothing_observed_is_of_the_world() -> None:
    for scaling in ("std", "mean", "last", "none"):
        model = tiny(scaling=scaling)
        nothing = torch.zeros(B, T, C, dtype=torch.bool)
        forecast = model(torch.full((B, T, C), math.nan, dtype=torch.float64), nothing)
        assert forecast.point.isfinite().all()


# ------------------------------------------------------------------ positions, patches, maps


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "none"])
def test_without_positions_patches_are_a_set(positions: str) -> None:
    model = tiny(positions=positions, pooling="mean", stride=P, repeat_last=False)
    x = windows()
    cut = x[:, T % P :].unflatten(1, (-1, P))
    shuffled = torch.cat([x[:, : T % P], cut[:, [2, 0, 3, 1]].flatten(1, 2)], dim=1)
    same = torch.allclose(model(x).point, model(shuffled).point)
    assert same is (positions == "none")


def test_sines_are_not_trained_and_have_the_published_size() -> None:
    model = Forecaster(config("normal"))
    (table,) = model.positions.parameters()
    assert not table.requires_grad
    assert abs(table.mean().item()) < 1e-6
    assert table.std().item() == pytest.approx(0.1, rel=1e-5)
    (learned,) = Forecaster(config()).positions.parameters()
    assert learned.requires_grad


def test_the_newest_value_counts_and_what_fills_no_patch_does_not() -> None:
    """23 values, patches of 5 every 2: 10 of them, and nothing left over; of 4 every 3, one is."""
    for options, unread in (({}, 0), ({"patch_length": 4, "stride": 3, "repeat_last": False}, 1)):
        model, x = tiny(scaling="none", **options), windows().requires_grad_()
        (grad,) = torch.autograd.grad(model(x).point.sin().sum(), x)
        assert (grad[:, :unread] == 0).all()
        assert (grad[:, unread:] != 0).all()


def test_the_published_number_of_patches() -> None:
    for preset, count in (("patchtst_42", 42), ("patchtst_64", 64)):
        made = getattr(ForecasterConfig, preset)(horizon=24)
        with torch.device("meta"):
            model = Forecaster(made)
        assert model.patches.count(made.context_length) == made.num_patches == count
        assert [p.shape for p in model.positions.parameters()] == [(count, 128)]
        assert model.head.horizon == 24


@pytest.mark.parametrize("name", ["plain", "quantiles"])
def test_attention_is_over_patches_of_one_channel(name: str) -> None:
    model = tiny(name)
    with record_attention(model) as maps:
        model(windows())
    patches = 11 + (name == "quantiles")
    assert set(maps) == {f"encoder.layers.{i}.attention" for i in range(2)}
    for weights in maps.values():
        assert weights.shape == (B * C, H, patches, patches)


def test_norms_are_those_that_were_asked_for() -> None:
    for batch, kind in ((True, BatchNorm), (False, LayerNorm)):
        layer: Any = tiny(batch_norm=batch, norm_eps=0.25).encoder.layers[1]
        for norm in (layer.attention_norm, layer.feed_forward_norm):
            assert type(norm) is kind
            assert norm.eps == 0.25


# ------------------------------------------------------------------ heads


def test_quantiles_never_cross() -> None:
    for seed in range(20):
        torch.manual_seed(seed)
        for name in ("quantiles", "own"):
            forecast = tiny(name)(100.0 * windows())
            assert (forecast.values.diff(dim=-1) >= 0).all()
            assert forecast.point.shape == (B, N, C)


def test_quantiles_open_from_the_middle() -> None:
    model = tiny("quantiles")
    middle = model.head.maps[2](torch.ones(D).double())  # 0.6 is nearer to ½ than 0.3
    assert model.head.levels[2] == 0.6
    forecast = model(windows())
    assert torch.equal(forecast.point, forecast.values[..., 2])
    assert torch.equal(forecast.quantiles([0.95, 0.3]), forecast.values[..., [3, 1]])
    assert middle.shape == (N,)


def test_a_forecast_can_be_learned() -> None:
    """A sum of two waves: after some steps the error is a tenth of the wave's size."""
    torch.manual_seed(0)
    time = torch.arange(400.0)
    series = torch.sin(time / 3) + 0.5 * torch.cos(time / 7)
    cut = series.unfold(0, T + N, 1)[..., None]
    for name in ("plain", "quantiles", "student"):
        model = Forecaster(config(name, pooling="flatten", dropout=0.0, ff_dropout=0.0))
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        for _ in range(60):
            batch = cut[torch.randperm(250)[:64]]
            optimizer.zero_grad()
            forecast_losses(model(batch[:, :T]), batch[:, T:]).mean().backward()
            optimizer.step()
        later = cut[300:]
        error = (model.eval()(later[:, :T]).point - later[:, T:]).abs().mean().item()
        assert error < 0.15, name


def test_gradients_reach_every_weight() -> None:
    for name in CHOICES:
        model = tiny(name).train()
        model.zero_grad()
        numbers(model(windows())).sin().sum().backward()
        for key, p in model.named_parameters():
            assert (p.grad is not None) is p.requires_grad, (name, key)
            if p.grad is not None and "key_proj.bias" not in key and "down_proj.bias" not in key:
                assert p.grad.abs().max() > 0, (name, key)


# ------------------------------------------------------------------ configs and errors


@pytest.mark.plain
def test_a_config_of_series_is_a_value() -> None:
    made = config()
    assert type(made)(**vars(made)) == made
    assert hash(type(made)(**vars(made))) == hash(made)
    assert type(made)(**{**vars(made), "horizon": 8}) != made
    assert ForecasterConfig(levels=[0.1, 0.9]).levels == (0.1, 0.9)  # type: ignore[arg-type]
    assert [ForecasterConfig(scaling=s).scale_eps for s in ("std", "mean")] == [1e-5, 1e-10]  # type: ignore[arg-type]


@pytest.mark.plain
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"horizon": 0}, "horizon should be a positive whole number, got 0"),
        ({"stride": 0}, "stride should be a positive whole number, got 0"),
        ({"patch_length": T}, f"context_length={T} should be more than patch_length={T}"),
        ({"num_heads": 5}, "d_model=12 should be a multiple of num_heads=5"),
        ({"positions": "rotary"}, "positions should be one of sinusoidal, learned, none"),
        ({"pooling": "sum"}, "pooling should be one of flatten, mean, max, class, got 'sum'"),
        ({"scaling": "max"}, "scaling should be one of std, mean, last, none, got 'max'"),
        ({"gaps": "nan"}, "gaps should be one of level, zero, got 'nan'"),
        ({"head": "laplace"}, "head should be one of point, quantiles, normal, student_t"),
        ({"levels": (0.5, 0.5)}, "levels should rise, got (0.5, 0.5)"),
        ({"levels": ()}, "levels should hold at least one number in (0, 1), got ()"),
        ({"levels": (0.0, 0.5)}, "each of levels should be in (0, 1), got 0.0"),
        ({"scale_eps": -1.0}, "scale_eps should be at least zero and finite, got -1.0"),
        ({"head_dropout": 1.0}, "head_dropout should be a probability in [0, 1), got 1.0"),
        ({"channel_maps": True}, "num_channels should be given for channels with weights of"),
        ({"num_channels": 0}, "num_channels should be a positive whole number, got 0"),
        ({"norm": "batch"}, "norm should be one of layer, rms, got 'batch'"),
        ({"dropout": -0.1}, "dropout should be a probability in [0, 1), got -0.1"),
    ],
)
def test_what_a_config_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        config(**options)


@pytest.mark.plain
def test_windows_that_do_not_fit() -> None:
    model, x = tiny(), windows()
    for past, observed, message in (
        (x[:, 1:], None, f"past should have shape (B, T={T}, C), got (4, 22, 3); axis T disagrees"),
        (x[0], None, f"past should have shape (B, T={T}, C), got (23, 3)"),
        (x.long(), None, "x should hold floating-point numbers, got int64"),
        (x.float(), None, "x should have the dtype of the weights, float64, got float32"),
        (x, torch.ones(B, T, C), "observed should be a bool tensor"),
        (x, torch.ones(B, T, 1) > 0, "observed should have shape (B=4, T=23, C=3), got (4, 23, 1)"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            model(past, observed)
    with pytest.raises(ValueError, match=r"^x should have shape \(B, T, C=3\), got \(4, 23, 2\)"):
        tiny("own")(x[:, :, :2])


def test_beside_a_linear_map_it_is_called_alike() -> None:
    x = windows()
    for head in ("point", "quantiles", "normal", "student_t"):
        both = [tiny(head=head), LinearForecaster(T, N, head=head).double()]  # type: ignore[arg-type]
        said = [model(x, torch.ones_like(x, dtype=torch.bool)) for model in both]
        assert type(said[0]) is type(said[1])
        assert said[0].point.shape == said[1].point.shape
