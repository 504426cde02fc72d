"""The page's DETR finds what txlite's finds, and attends to what it attends to."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from finding import random_detr
from playwright.sync_api import Page
from torch import Tensor
from torch.testing import assert_close

from txlite.inspect import record_attention
from txlite.nn.positions import sinusoidal_grid
from txlite.viz.widgets._convolutions import convolutional

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
MODULE = """
import traitlets
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.tensors import Tensors

class Finder(Widget):
    title = traitlets.Unicode("A DETR").tag(sync=True)
    config = traitlets.Dict().tag(sync=True)
    layers = traitlets.List().tag(sync=True)
    weights = Tensors()
    uses = ("detr", "tensors")
"""
SCRIPT = """
const render = ({ model }) => {
  window.tx = tx;
  window.finder = tx.detr(
    model.get("config"), model.get("layers"), tx.tensors(model.get("weights")));
};
export default { render };
"""
CLOSE = {"rtol": 0, "atol": 1e-9}
CONFIGS: list[dict[str, Any]] = [
    {},
    {"num_decoder_layers": 2, "norm_first": True, "activation": "gelu"},
    {"num_layers": 2, "norm": "rms", "activation": "silu"},
]
RUN = """([shape, data]) => {
    const { found, cross, grid } = finder({ shape, data });
    return [found.map((q) => q.probabilities), found.map((q) => q.box), cross, grid];
}"""


@pytest.fixture(scope="module")
def figure(make_figure: Callable[..., Any]) -> Any:
    return make_figure("Finder", MODULE, SCRIPT)


@pytest.mark.parametrize("choices", CONFIGS)
@pytest.mark.parametrize("channels", [1, 3])
def test_sets_and_attention_are_pythons(
    figure: Any, widget_page: OpenPage, choices: dict[str, Any], channels: int
) -> None:
    model = random_detr(1, channels, **choices)
    layers, seen = convolutional(model.backbone.layers)
    rest = {n: t for n, t in model.state_dict().items() if not n.startswith("backbone.")}
    weights = rest | {f"backbone.{name}": tensor for name, tensor in seen.items()}
    config = {
        name: getattr(model.config, name)
        for name in ("num_heads", "norm_first", "norm", "norm_eps", "activation")
    }
    page = widget_page(figure(config=config, layers=layers, weights=weights))
    last = (model.config.num_decoder_layers or model.config.num_layers) - 1
    for height, width in ((16, 16), (14, 22)):
        x = torch.randn(channels, height, width, dtype=torch.float64)
        with record_attention(model) as maps, torch.no_grad():
            want = model(x[None])
        probabilities, boxes, cross, grid = page.evaluate(RUN, [[*x.shape], x.flatten().tolist()])

        def same(told: Any, wanted: Tensor) -> None:
            assert_close(torch.tensor(told, dtype=torch.float64), wanted, **CLOSE)

        same(probabilities, want.logits[0].softmax(-1))
        same(boxes, want.boxes[0])
        assert len(cross) == last + 1
        for layer, heads in enumerate(cross):
            shown = maps[f"decoder.layers.{layer}.cross_attention"][0].double()
            assert_close(torch.tensor(heads, dtype=torch.float64), shown, rtol=0, atol=1e-6)
        assert grid == [height // 4 + (height % 4 > 0), width // 4 + (width % 4 > 0)]
        assert want.boxes.std() > 0.01
        assert want.logits.std() > 0.1
    page.trace.assert_clean()


def test_points_stand_on_a_grid_as_python_places_them(figure: Any, widget_page: OpenPage) -> None:
    page = widget_page(
        figure(
            config={"num_heads": 1, "norm_first": False, "activation": "relu"},
            layers=[],
            weights=_least(),
        )
    )
    for rows, columns, width in ((2, 3, 8), (5, 1, 4), (6, 6, 96)):
        told = page.evaluate(
            "([grid, D]) => [...tx.nn.gridPositions(grid, D)]", [[rows, columns], width]
        )
        keep = torch.ones(1, rows, columns, dtype=torch.bool)
        want = sinusoidal_grid(keep, width, dtype=torch.float64)
        assert_close(torch.tensor(told, dtype=torch.float64).view_as(want), want, **CLOSE)


def _least() -> dict[str, Tensor]:
    """Return weights for a finder that is never asked."""
    model = random_detr(0)
    return {name: tensor for name, tensor in model.state_dict().items() if "num_" not in name}
