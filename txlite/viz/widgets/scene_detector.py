"""The scene detector: a trained DETR finds the things that a hand moves about in a picture.

The figure carries the whole model, photographs without things, and the things: ink that is pasted
on them. The page puts a scene together and computes what ``txlite.models.DETR`` computes of it, as
``txlite.data.scenes.paste`` does the one; the tests compare both.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
import traitlets
from ipywidgets import widget_serialization
from jaxtyping import Float, Int
from torch import Tensor, nn

from txlite._checks import check_shape
from txlite.viz.widgets._convolutions import convolutional, rebuilt
from txlite.viz.widgets._weights import CHOICES, TRAINING, Weights
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.tensors import Tensors

__all__ = ["Scene", "SceneDetector"]

SMALLEST, LARGEST = 0.1, 0.6
"""The side of a thing's square, as a share of the scene's."""
BACKBONE = "backbone."


class Scene(NamedTuple):
    """A background, and things that begin somewhere on it."""

    background: Float[Tensor, "C H W"]
    """From 0 (black) to 1."""
    ink: Float[Tensor, "M I J"]
    """Of each thing, from 0 (nothing) to 1 (covers what is below, in white)."""
    squares: Float[Tensor, "M 3"]
    """Where each begins: left and top edge and side, as shares of the scene's sides."""
    labels: Int[Tensor, " M"]
    """What each of them is: the number of its class."""
    edges: Float[Tensor, "M 4"]
    """Left, top, right and bottom of the ink, as shares of its square."""


class SceneDetector(Widget):
    """Move a thing, and see what each query finds and what it attends to.

    Parameters
    ----------
    config : mapping
        The config of a :class:`txlite.models.DETR`, as ``dataclasses.asdict`` gives it.
    weights : mapping of str to Tensor
        The model's ``state_dict()``, of numbers that float16 holds. Of those of the backbone only
        ``backbone`` is asked.
    backbone : Module
        The model's backbone, or the sequence of its layers: convolutions, norms and the like.
    scenes : sequence of Scene
        The scenes that can be chosen, all of one size.
    classes : sequence of str
        What the classes are called.
    names : sequence of str, optional
        What the scenes are called; by default they are counted.
    **traits : object
        Where the figure starts: the ``scene``; where the things were ``moved`` to, a row (left,
        top, side) for each, or none if they are where they begin; the chosen ``thing``; the
        ``query`` (−1: the surest one); whose attention is shown, by ``layer`` and ``head`` (−1:
        averaged over all); and from which probability on boxes are drawn, ``threshold``.

    Raises
    ------
    ValueError
        If there is no scene, scenes, classes and names do not fit each other and the model, the
        page cannot compute the backbone, or float16 would change a weight.

    Examples
    --------
    >>> from dataclasses import asdict
    >>> from txlite.models import DETR, DETRConfig
    >>> eye = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.ReLU())
    >>> eye.width = 4
    >>> sizes = {"d_model": 8, "num_heads": 2, "d_ff": 16, "num_layers": 1}
    >>> config = DETRConfig(num_classes=2, num_queries=3, **sizes)
    >>> model = DETR(config, backbone=eye).half()
    >>> square, edges = torch.tensor([[0.1, 0.1, 0.5]]), torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    >>> scene = Scene(torch.zeros(1, 9, 9), torch.ones(1, 2, 2), square, torch.tensor([1]), edges)
    >>> figure = SceneDetector(asdict(config), model.state_dict(), eye, [scene], ["round", "flat"])
    >>> figure.picture().shape
    torch.Size([1, 9, 9])
    """

    title = traitlets.Unicode("Move a thing, and see which query finds it").tag(sync=True)
    config = traitlets.Dict().tag(sync=True)
    stack = traitlets.Dict().tag(sync=True)
    layers = traitlets.List(traitlets.Dict()).tag(sync=True)
    weights = traitlets.Instance(Weights).tag(sync=True, **widget_serialization)
    scenes = Tensors()
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    classes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    sides = traitlets.List(traitlets.Float()).tag(sync=True)
    scene = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    moved = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True, choice=True)
    thing = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    query = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    layer = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    head = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    threshold = traitlets.Float(0.5, min=0.0, max=1.0).tag(sync=True, choice=True)
    parts: ClassVar[tuple[str, ...]] = ("picture",)
    uses: ClassVar[tuple[str, ...]] = ("attended", "controls", "detr", "weights")

    def __init__(
        self,
        config: Mapping[str, Any],
        weights: Mapping[str, Float[Tensor, "..."]],
        backbone: nn.Module,
        scenes: Sequence[Scene],
        classes: Sequence[str],
        *,
        names: Sequence[str] | None = None,
        **traits: Any,
    ) -> None:
        _check_scenes(scenes, classes, config["num_classes"])
        if names is not None and len(names) != len(scenes):
            raise ValueError(f"names should be {len(scenes)}, one for each scene, got {len(names)}")
        layers, seen = convolutional(backbone)
        rest = {name: t for name, t in weights.items() if not name.startswith(BACKBONE)}
        decoders = config.get("num_decoder_layers") or config["num_layers"]
        shown = {"num_layers": decoders}  # whose attention to the picture is shown
        super().__init__(
            config={n: v for n, v in config.items() if n not in (*TRAINING, "backbone")},
            stack={name: config[name] for name in CHOICES} | shown,
            layers=layers,
            weights=Weights(rest | {BACKBONE + name: tensor for name, tensor in seen.items()}),
            scenes={
                f"{n}.{name}": (tensor.int() if name == "labels" else tensor.float())
                for n, scene in enumerate(scenes)
                for name, tensor in scene._asdict().items()
            },
            names=[*(names or (f"scene {n + 1}" for n in range(len(scenes))))],
            classes=[*classes],
            sides=[SMALLEST, LARGEST],
            **traits,
        )

    def squares(self) -> Float[Tensor, "M 3"]:
        """Return where the things of the chosen scene are now.

        Returns
        -------
        Tensor, shape (M, 3)
            Left and top edge and side of each square, as shares of the scene's sides.
        """
        begin = self.scenes[f"{self.scene}.squares"].double()
        return torch.tensor(self.moved, dtype=torch.float64) if self.moved else begin

    def picture(self) -> Float[Tensor, "C H W"]:
        """Return the chosen scene with its things where they are now, as the page does.

        Returns
        -------
        Tensor, shape (C, H, W)
            In float64, from 0 to 1.
        """
        parts = Tensors.part(self.scenes, f"{self.scene}.")
        background, ink = parts["background"].double(), parts["ink"].double()
        left = torch.ones_like(background[0])
        for one, (x, y, side) in zip(ink, self.squares(), strict=True):
            down, across = (
                _hats(count, points, start, side)
                for count, points, start in zip(left.shape, one.shape, (y, x), strict=True)
            )
            left = left * (1 - down @ one @ across.mT)
        return background * left + (1 - left)

    def backbone(self) -> nn.Module:
        """Return the backbone, built anew in float64, with its ``width``.

        Returns
        -------
        Module
            What :class:`txlite.models.DETR` takes as its ``backbone``.
        """
        found = rebuilt(self.layers, Tensors.part(self.part(), BACKBONE))
        found.width = self.weights.tensors["projection.weight"].shape[1]  # type: ignore[assignment]
        return found

    def part(self) -> dict[str, Float[Tensor, "..."]]:
        """Return all weights in float64.

        Returns
        -------
        dict of str to Tensor
            As the model names them; those of the backbone as the figure does.
        """
        return {name: tensor.double() for name, tensor in self.weights.tensors.items()}


def _hats(count: int, points: int, start: Tensor, side: Tensor) -> Float[Tensor, "count points"]:
    """Return how much each pixel of a row takes of each point of a thing: neighbours, linearly."""
    middles = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    at = (middles - start) / side * points - 0.5
    return (1 - (at[:, None] - torch.arange(points)).abs()).clamp(min=0)


def _check_scenes(scenes: Sequence[Scene], classes: Sequence[str], num_classes: int) -> None:
    """Refuse by name what does not fit."""
    if not scenes:
        raise ValueError("scenes should hold at least one scene, got none")
    if len(classes) != num_classes:
        raise ValueError(f"classes should be {num_classes}, as the model's, got {len(classes)}")
    sizes = check_shape("background", scenes[0].background, "C H W")
    for scene in scenes:
        check_shape(
            "background", scene.background, "C H W", **{axis: sizes[axis] for axis in "CHW"}
        )
        count = check_shape("ink", scene.ink, "M I J")["M"]
        check_shape("squares", scene.squares, "M E", M=count, E=3)
        if not bool((scene.squares[:, 2] > 0).all()):
            raise ValueError(f"squares should have sides above zero, got {scene.squares[:, 2]}")
        check_shape("labels", scene.labels, "M", M=count)
        check_shape("edges", scene.edges, "M E", M=count, E=4)
        if not count or not (scene.labels.min() >= 0 and scene.labels.max() < num_classes):
            raise ValueError(
                f"labels should be classes below {num_classes}, got {scene.labels.tolist()}"
            )
