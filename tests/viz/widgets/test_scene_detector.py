"""The scene detector carries a DETR and its scenes, and pastes as the data are pasted."""

import re
from dataclasses import asdict
from typing import Any

import pytest
import torch
import traitlets
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.data.scenes import paste
from txlite.models import DETR, DETRConfig
from txlite.models.baselines.trunk import ConvTrunk
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.scene_detector import Scene, SceneDetector

SIZES: dict[str, Any] = {"d_model": 8, "num_heads": 2, "d_ff": 12, "num_layers": 1}
CLASSES = ["round", "flat", "long"]


def model(**choices: Any) -> DETR:
    config = DETRConfig(num_classes=3, num_queries=4, **(SIZES | choices))
    return DETR(config, backbone=ConvTrunk((3, 5))).half().float().eval()


def scene(seed: int = 0, count: int = 3, **changes: Any) -> Scene:
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator)

    squares = 0.1 + 0.5 * drawn(count, 3)
    labels = torch.randint(3, (count,), generator=generator)
    edges = torch.tensor([[0.0, 0.1, 0.9, 1.0]]).expand(count, -1)
    given = Scene(drawn(1, 12, 16), drawn(count, 8, 6), squares, labels, edges)
    return given._replace(**changes)


def figure(made: DETR | None = None, **changes: Any) -> SceneDetector:
    made = made or model()
    given = {"config": asdict(made.config), "weights": made.state_dict()}
    given |= {"backbone": made.backbone.layers, "scenes": [scene(), scene(1, 2)]}
    return SceneDetector(**(given | {"classes": CLASSES} | changes))


def test_the_model_comes_back_as_it_was() -> None:
    made = model(num_layers=2, num_decoder_layers=1)
    told = figure(made)
    config = DETRConfig(**told.config)
    assert config == DETRConfig(
        **{**asdict(made.config), "dropout": 0.1, "backbone": config.backbone}
    )
    other = DETR(config, backbone=told.backbone()).double().eval()
    missing, unexpected = other.load_state_dict(told.part(), strict=False)
    assert all(name.startswith("backbone.") for name in (*missing, *unexpected))
    x = torch.rand(1, 1, 20, 16, dtype=torch.float64)
    for got, want in zip(other(x), made.double()(x), strict=True):
        assert_close(got, want, rtol=0, atol=1e-12)
    assert told.stack["num_layers"] == 1  # whose attention is shown
    assert told.weights.apart
    assert (told.names, told.classes) == (["scene 1", "scene 2"], CLASSES)
    assert (told.scene, told.moved, told.thing, told.query) == (0, [], 0, -1)
    assert (told.layer, told.head, told.threshold) == (-1, -1, 0.5)
    assert figure(names=["a", "b"], scene=1).names == ["a", "b"]


@pytest.mark.parametrize("number", [0, 1])
def test_things_are_pasted_as_in_the_data(number: int) -> None:
    told = figure(scene=number)
    given = [scene(), scene(1, 2)][number]
    shifts = [[0.0, 0.0, 0.0], [-0.2, 0.1, 0.05], [0.3, 0.0, 0.4]]  # some beyond the edges
    for squares in (given.squares + torch.tensor(shift) for shift in shifts):
        told.moved = squares.tolist()
        want = paste(
            given.background[None].double(), given.ink[None].double(), squares[None].double()
        )
        assert_close(told.picture(), want[0], rtol=0, atol=1e-12)
        assert (told.picture() - given.background).abs().max() > 0.1
    told.moved = []
    assert_close(told.squares(), given.squares.double(), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"scenes": []}, "scenes should hold at least one scene, got none"),
        ({"classes": ["one"]}, "classes should be 3, as the model's, got 1"),
        ({"names": ["one"]}, "names should be 2, one for each scene, got 1"),
        ({"scenes": [scene(labels=torch.tensor([0, 3, 1]))]}, "classes below 3, got [0, 3, 1]"),
        ({"scenes": [scene(labels=torch.tensor([0, -1, 1]))]}, "classes below 3, got [0, -1, 1]"),
        ({"scenes": [scene(squares=torch.zeros(2, 3))]}, "squares"),
        ({"scenes": [scene(edges=torch.zeros(3, 2))]}, "edges"),
        ({"scenes": [scene(labels=torch.zeros(2).long())]}, "labels"),
        ({"scenes": [scene(), scene(background=torch.zeros(1, 9, 9))]}, "background"),
        ({"scenes": [scene(squares=torch.zeros(3, 3))]}, "squares should have sides above zero"),
        ({"backbone": nn.Tanh()}, "the page cannot compute Tanh"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        figure(**changes)


def test_weights_that_float16_would_change_are_refused() -> None:
    made = model()
    odd = made.state_dict() | {"classifier.bias": torch.full((4,), 0.1)}
    with pytest.raises(ValueError, match=r"float16 numbers.*classifier\.bias is not"):
        figure(made, weights=odd)


def test_the_page_is_told_all_of_it_and_what_a_reader_chooses_within_which_limits() -> None:
    mine = set(SceneDetector.class_traits()) - set(Widget.class_traits())
    assert mine | {"title"} <= set(SceneDetector.class_traits(sync=True))
    first, other = {"min": 0, "whole": True}, {"min": -1, "whole": True}
    assert figure().frame["choices"] == {
        "scene": first, "moved": {}, "thing": first, "query": other, "layer": other,
        "head": other, "threshold": {"min": 0.0, "max": 1.0},
    }  # fmt: skip


@pytest.mark.parametrize("name", ["scene", "thing", "query", "layer", "head", "threshold"])
def test_what_is_out_of_range_is_refused(name: str) -> None:
    made = figure()
    with pytest.raises(traitlets.TraitError):
        setattr(made, name, -2)
