"""The fan chart's Python side: what it carries, what it scores, and what it refuses."""

import re
from dataclasses import asdict
from typing import Any

import pytest
import torch

from txlite.models import Forecaster, ForecasterConfig
from txlite.viz.widgets.fan_chart import FanChart

LENGTH, HORIZON = 20, 5
ORIGINS = [20, 30, 41, 55]


def config(**choices: Any) -> ForecasterConfig:
    sizes: dict[str, Any] = {"d_model": 8, "num_heads": 2, "d_ff": 12, "num_layers": 1}
    return ForecasterConfig(
        **({"context_length": LENGTH, "horizon": HORIZON, "patch_length": 4, "stride": 2,
            "head": "quantiles"} | sizes | choices)
    )  # fmt: skip


def values() -> torch.Tensor:
    return torch.arange(60.0) ** 1.5


def figure(**changes: Any) -> FanChart:
    c = changes.pop("config", config())
    model = Forecaster(c).half()
    given: dict[str, Any] = {
        "series": values(),
        "origins": ORIGINS,
        "medians": torch.stack([values()[at : at + HORIZON] + at for at in ORIGINS]),
        "others": {"last": torch.stack([values()[at - 1].expand(HORIZON) for at in ORIGINS])},
    }
    return FanChart(asdict(c), model.state_dict(), **(given | changes))


def test_scores_are_mean_absolute_errors() -> None:
    chart = figure(origin=2)
    scores = chart.scores()
    assert [*scores] == ["the model", "last"]
    assert scores["the model"].here == pytest.approx(41, rel=1e-5)
    assert scores["the model"].mean == pytest.approx(sum(ORIGINS) / 4, rel=1e-5)
    off = [abs(values()[41 + h] - values()[40]) for h in range(HORIZON)]
    assert scores["last"].here == pytest.approx(float(sum(off) / HORIZON), rel=1e-5)


def test_window_and_future_meet_at_the_origin() -> None:
    chart = figure(origin=1)
    assert chart.position() == 30
    assert torch.equal(chart.window()[0, :, 0], values()[10:30].double())
    assert torch.equal(chart.future(), values()[30:35].double())
    chart.origin = 99  # an address may say so
    assert chart.position() == 55


def test_config_and_weights_build_the_model_again() -> None:
    chart = figure(config=config(levels=(0.1, 0.5, 0.95), scaling="mean"))
    levels = tuple(chart.config["levels"])  # a list on the page
    model = Forecaster(ForecasterConfig(**(chart.config | {"levels": levels}))).double().eval()
    model.load_state_dict(chart.part())
    with torch.no_grad():
        assert model(chart.window()).values.shape == (1, HORIZON, 1, 3)


def test_origins_are_called_by_their_positions_or_stamps() -> None:
    assert figure().stamps == ["20", "30", "41", "55"]
    assert figure(stamps=["a", "b", "c", "d"]).stamps == ["a", "b", "c", "d"]


def test_its_name_is_the_same_in_every_run() -> None:
    assert repr(figure()) == "FanChart: Move the origin, and see what was said and what came"


@pytest.mark.plain
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"origins": [19, 30, 41, 55]}, "origins should rise from 20 to 55 at most"),
        ({"origins": [20, 30, 41, 56]}, "origins should rise from 20 to 55 at most"),
        ({"origins": [20, 41, 30, 55]}, "origins should rise from 20 to 55 at most"),
        ({"origins": []}, "got none"),
        ({"medians": torch.zeros(4, 6)}, "medians should have shape (N=4, H=5), got (4, 6)"),
        ({"others": {"x": torch.zeros(3, 5)}}, "x should have shape (N=4, H=5), got (3, 5)"),
        ({"others": {"the model": torch.zeros(4, 5)}}, "others should be at most 3"),
        ({"others": {str(n): torch.zeros(4, 5) for n in range(4)}}, "others should be at most 3"),
        ({"stamps": ["a"]}, "stamps should be 4, one for each origin, got 1"),
        ({"series": torch.cat([values(), torch.tensor([torch.nan])])}, "series should be finite"),
        ({"series": torch.zeros(60, 2)}, "series should have shape"),
        ({"config": config(head="point")}, "head should be 'quantiles'"),
        ({"config": config(channel_maps=True, num_channels=1)}, "channel_maps should be False"),
    ],
)  # fmt: skip
def test_errors_name_what_is_wrong(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        figure(**change)


def test_weights_that_float16_would_change_are_refused() -> None:
    model = Forecaster(config())
    with pytest.raises(ValueError, match="float16"):
        FanChart(
            asdict(model.config), model.state_dict(), values(), ORIGINS, torch.zeros(4, HORIZON)
        )
