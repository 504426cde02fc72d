"""The page's convolutions compute what torch computes, layer by layer and whole towers."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from playwright.sync_api import Page
from torch import Tensor, nn
from torch.testing import assert_close

from tests.viz.widgets.test_convolutions import drawn, tower
from txlite.models import ResNet, ResNetConfig
from txlite.viz.widgets._convolutions import convolutional

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
MODULE = """
import traitlets
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.tensors import Tensors

class Tower(Widget):
    title = traitlets.Unicode("Convolutions").tag(sync=True)
    layers = traitlets.List().tag(sync=True)
    weights = Tensors()
    uses = ("conv", "tensors")
"""
SCRIPT = """
const render = ({ model }) => {
  window.tx = tx;
  window.tower = tx.nn.convolutional(model.get("layers"), tx.tensors(model.get("weights")));
};
export default { render };
"""
RUN = "([shape, data]) => { const y = tower({ shape, data }); return [y.shape, [...y.data]]; }"
CLOSE = {"rtol": 0, "atol": 1e-11}


@pytest.fixture(scope="module")
def figure(make_figure: Callable[..., Any]) -> Any:
    return make_figure("Tower", MODULE, SCRIPT)


def computed(page: Page, x: Tensor) -> Tensor:
    shape, data = page.evaluate(RUN, [list(x.shape), x.flatten().tolist()])
    return torch.tensor(data, dtype=torch.float64).reshape(shape)


@pytest.fixture
def opened(figure: Any, widget_page: OpenPage) -> Callable[[nn.Module], Page]:
    def open_page(module: nn.Module) -> Page:
        layers, weights = convolutional(module)
        return widget_page(figure(layers=layers, weights=weights))

    return open_page


CONVOLUTIONS: list[tuple[int, int, int | tuple[int, int], dict[str, Any]]] = [
    (3, 5, 3, {"stride": 2, "padding": 1}),
    (2, 4, 1, {}),
    (4, 6, (3, 5), {"padding": 2, "groups": 2, "bias": False}),
    (3, 3, 7, {"stride": 3, "padding": 5}),
    (4, 8, 3, {"groups": 4, "stride": 2}),
]


@pytest.mark.parametrize("given", CONVOLUTIONS)
def test_a_convolution_is_torchs(opened: Callable[[nn.Module], Page], given: Any) -> None:
    inputs, outputs, size, more = given
    conv = drawn(nn.Conv2d(inputs, outputs, size, **more))
    page = opened(nn.Sequential(conv))
    for height, width in ((9, 12), (8, 7), (16, 5)):
        x = torch.randn(inputs, height, width, dtype=torch.float64)
        assert_close(computed(page, x), conv(x), **CLOSE)


def test_a_tower_of_every_layer_is_torchs(opened: Callable[[nn.Module], Page]) -> None:
    made = drawn(tower(), 1)
    page = opened(made)
    for height, width in ((16, 16), (17, 22), (5, 9)):
        x = torch.randn(3, height, width, dtype=torch.float64)
        assert_close(computed(page, x).flatten(), made(x[None])[0], **CLOSE)
    page.trace.assert_clean()


def test_resnets_are_torchs(opened: Callable[[nn.Module], Page]) -> None:
    made = drawn(ResNet(ResNetConfig(stem_width=4, widths=(8, 12), depths=(2, 1))), 2)
    page = opened(nn.Sequential(made.stem, nn.ReLU(), made.pool, *made.stages))
    x = torch.randn(3, 33, 40, dtype=torch.float64)
    assert_close(computed(page, x), made(x[None])[0], **CLOSE)


def test_what_does_not_fit_says_so(opened: Callable[[nn.Module], Page]) -> None:
    page = opened(nn.Sequential(nn.Conv2d(4, 4, 3, groups=2)))
    told = (
        """(run) => { try { eval(run); return null; } catch ({ message }) { return message; } }"""
    )
    wrong = "tower({ shape: [3, 5, 5], data: new Float64Array(75) })"
    assert page.evaluate(told, wrong) == "the page's convolution wants 4 channels, got 3"
    unknown = "tx.nn.convolutional([{ kind: 'fold' }], {})({ shape: [1, 1, 1], data: [1] })"
    assert page.evaluate(told, unknown) == "the page does not know the layer fold"
