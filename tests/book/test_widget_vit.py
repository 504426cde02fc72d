"""The page's ViT computes what txlite's does, in every configuration that it knows."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
import torch
from playwright.sync_api import Page
from torch.testing import assert_close
from writing import drawn_anew

from txlite.inspect import record_attention
from txlite.models import ViTConfig, ViTForImageClassification

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
MODULE = """
import traitlets
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.tensors import Tensors

class Eyes(Widget):
    title = traitlets.Unicode("A ViT").tag(sync=True)
    config = traitlets.Dict().tag(sync=True)
    weights = Tensors()
    uses = ("vit",)
"""
SCRIPT = """
const render = ({ model }) => {
  window.tx = tx;
  window.vit = tx.vit(model.get("config"), tx.tensors(model.get("weights")));
};
export default { render };
"""
# All different, so that no two axes can be exchanged.
SIZES: dict[str, Any] = {
    "image_size": (6, 9), "patch_size": 3, "num_channels": 2, "num_labels": 7,
    "d_model": 16, "num_heads": 4, "d_ff": 20, "num_layers": 2,
}  # fmt: skip
MODELS: list[dict[str, Any]] = [
    {},
    {"pooling": "mean", "norm_first": False, "activation": "relu"},
    {"pooling": "mean", "class_token": False, "activation": "gelu_tanh"},
    {"pooling": "class_and_mean", "num_registers": 3, "norm": "rms"},
    {"distillation_token": True, "positions": "none", "patch_bias": False, "bias": False},
    {"embedding_norm": True, "qkv_bias": False, "num_kv_heads": 2, "head_dim": 6},
]


@pytest.fixture(scope="module")
def eyes(make_figure: Callable[..., Any]) -> Any:
    return make_figure("Eyes", MODULE, SCRIPT)


@pytest.mark.parametrize("choices", MODELS)
def test_scores_and_attention_are_pythons(
    widget_page: OpenPage, eyes: Any, choices: dict[str, Any]
) -> None:
    model = drawn_anew(ViTForImageClassification(ViTConfig(**(SIZES | choices))), 4, 0.5)
    page = widget_page(eyes(config=asdict(model.config), weights=model.state_dict()))
    pictures = torch.randn(3, 2, 6, 9, generator=torch.Generator().manual_seed(1)).double()
    with record_attention(model) as maps, torch.no_grad():
        want = model(pictures)
    attention = torch.stack([*maps.values()], 1)  # (B, layers, H, T, T)
    for n, picture in enumerate(pictures):
        found = page.evaluate(
            """(p) => {
                const { logits, self, before } = vit(p, 9);
                return [Array.from(logits), self, before];
            }""",
            picture.flatten().tolist(),
        )
        logits, self, before = found
        assert_close(torch.tensor(logits, dtype=torch.float64), want[n], rtol=0, atol=1e-9)
        got = torch.tensor(self, dtype=torch.float64)
        assert_close(got, attention[n], rtol=0, atol=1e-10)
        assert before == model.vit.num_before
    assert want.std(0).min() > 1e-2  # the model can tell them apart
    page.trace.assert_clean()


def test_a_picture_of_another_size_is_refused(widget_page: OpenPage, eyes: Any) -> None:
    model = drawn_anew(ViTForImageClassification(ViTConfig(**SIZES)), 4)
    page = widget_page(eyes(config=asdict(model.config), weights=model.state_dict()))
    message = page.evaluate(
        "() => { try { vit(Array(2 * 81).fill(0), 9); } catch (e) { return e.message; } }"
    )
    assert message == "the page's positions are 7, the picture's 10"
