"""Draw a digit: a trained ViT says in the page which one it is, and what it attended to.

The figure carries the whole model: weights as float16 in a file of their own, and the config. The
page computes what ``txlite.models.ViTForImageClassification`` computes; the tests compare them.

A drawing is a line, and the digits that a model has learned from are counts: bitmaps of 32 × 32
pixels, in which every digit is 32 high and about 20 wide, cut into squares of 4 × 4 whose dark
pixels are counted. So the drawing is moved and stretched to that size, and drawn anew with a pen so
wide that as many pixels are dark as in those bitmaps: on average 303 to 330 of 1,024, by digit.

Source
    Alpaydin and Kaynak (1998), "Optical Recognition of Handwritten Digits", UCI Machine Learning
    Repository, of which scikit-learn's ``load_digits`` is the test part.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
import traitlets
from ipywidgets import widget_serialization
from jaxtyping import Float, Int, UInt
from torch import Tensor

from txlite._checks import check_shape
from txlite.viz.widgets._weights import TRAINING, Weights, described
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.tensors import Tensors

__all__ = ["Classifier", "DigitPad", "digit_of"]

BLOCK = 4  # pixels of the bitmap along a square's side
FULL = BLOCK**2
WIDE = 5 / 8  # of the height
DARK = 312 / 1024  # of the bitmap
THIN, STRETCH = 2.0, 1.5  # the thinnest pen, in pixels; one way at most so much more than the other
HALVINGS = 8  # of what is left to know about the pen

Points = list[list[tuple[int, int]]]


@runtime_checkable
class Classifier(Protocol):
    """A trained :class:`txlite.models.ViTForImageClassification`, or what looks like one."""

    config: Any

    def state_dict(self) -> Mapping[str, Float[Tensor, "..."]]:
        """Return the weights by name."""


class DigitPad(Widget):
    """Draw a digit, and the page's own ViT says which one it is and what it attended to.

    Parameters
    ----------
    model : Classifier
        A trained ``ViTForImageClassification`` of square grey pictures, with a class token and a
        label for each digit. Its weights are numbers that float16 holds.
    pictures : Tensor, shape (N, 1, Y, X)
        Pictures to step through that the model has not learned from, in its own units: whole
        multiples of ``full / 16``, as scikit-learn's digits are.
    labels : Tensor of int, shape (N,)
        The digits they are.
    full : float
        What the model reads where a square is dark all over: 1 where the counts from 0 to 16 are
        divided by 16.
    names : sequence of str
        What the labels are called.
    **traits : object
        Where the figure starts: ``drawing``, what is drawn; ``picture``, which of the pictures is
        read instead (−1: none; without a drawing the first one); ``layer`` and ``head`` of the
        attention (−1: averaged over all).

    Raises
    ------
    ValueError
        If the page cannot compute the model as it is, or pictures and labels do not fit it.

    Examples
    --------
    >>> from txlite.models import ViTConfig, ViTForImageClassification
    >>> sizes = {"d_model": 8, "num_heads": 2, "d_ff": 16, "num_layers": 1, "num_labels": 10}
    >>> config = ViTConfig(image_size=8, patch_size=2, num_channels=1, **sizes)
    >>> model = ViTForImageClassification(config).half()
    >>> figure = DigitPad(model, torch.ones(1, 1, 8, 8), torch.tensor([7]))
    >>> figure.reads(picture=0)[0]
    tensor([16, 16, 16, 16, 16, 16, 16, 16], dtype=torch.uint8)
    """

    title = traitlets.Unicode("Draw a digit").tag(sync=True)
    config = traitlets.Dict().tag(sync=True)
    stack = traitlets.Dict().tag(sync=True)
    weights = traitlets.Instance(Weights).tag(sync=True, **widget_serialization)
    tests = Tensors(torch.uint8)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    full = traitlets.Float(1.0).tag(sync=True)
    drawing = traitlets.Unicode().tag(sync=True, choice=True)
    picture = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    layer = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    head = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    uses: ClassVar[tuple[str, ...]] = ("attended", "controls", "pad", "vit", "weights")

    def __init__(
        self,
        model: Classifier,
        pictures: Float[Tensor, "N 1 Y X"],
        labels: Int[Tensor, " L"],
        *,
        full: float | int = 1.0,
        names: Sequence[str] = tuple("0123456789"),
        **traits: Any,
    ) -> None:
        config = asdict(model.config)
        sides = config["image_size"]
        _check(config, len(names))
        check_shape("pictures", pictures, "N 1 Y X", Y=sides[0], X=sides[1])
        check_shape("labels", labels, "N", N=len(pictures))
        traits.setdefault("picture", -1 if "drawing" in traits else 0)
        super().__init__(
            config={name: value for name, value in config.items() if name not in TRAINING},
            stack=described(config) | {"pooling": config["pooling"]},
            weights=Weights(model.state_dict()),
            tests={
                "counts": _counts(pictures, float(full)),
                "labels": _few(labels, len(names)),
            },
            names=[*names],
            full=float(full),
            **traits,
        )

    def reads(self, drawing: str = "", picture: int = -1) -> UInt[Tensor, "Y X"]:
        """Return what the model reads, as the page finds it: how dark each square is, to 16.

        Parameters
        ----------
        drawing : str
            As the trait of this name.
        picture : int
            The number of a picture that is read instead.

        Returns
        -------
        Tensor, shape (Y, X)
            Times ``full / 16`` it is the model's input.
        """
        counts: Tensor = self.tests["counts"]
        return digit_of(drawing, counts.shape[-1]) if picture < 0 else counts[picture]


def digit_of(drawing: str, size: int = 8) -> UInt[Tensor, "Y X"]:
    """Return a drawing as the digits of ``load_digits`` were made.

    Parameters
    ----------
    drawing : str
        Strokes parted by full stops: the number of the ink, as one hexadecimal digit, and points,
        as two digits across and two down. What cannot be read is left out.
    size : int
        Squares along a side.

    Returns
    -------
    Tensor, shape (size, size)
        Dark pixels of each square's 16.
    """
    strokes = _strokes(drawing)
    side = BLOCK * size
    dark = torch.zeros(side, side, dtype=torch.bool)
    if strokes:
        want = DARK * side**2
        thin, thick = THIN, 3 * side / 8
        for _ in range(HALVINGS):
            pen = (thin + thick) / 2
            dark = _drawn(strokes, side, pen)
            thin, thick = (pen, thick) if int(dark.sum()) < want else (thin, pen)
    return dark.view(size, BLOCK, size, BLOCK).sum((1, 3)).to(torch.uint8)


def _strokes(drawing: str) -> Points:
    """Return the points of each stroke that can be read."""
    found = []
    for part in drawing.split("."):
        if re.fullmatch(r"[0-9a-f]([0-9a-f]{4})+", part):
            numbers = [int(part[at : at + 2], 16) for at in range(1, len(part), 2)]
            found.append(list(zip(numbers[::2], numbers[1::2], strict=True)))
    return found


def _drawn(strokes: Points, side: int, pen: float) -> Tensor:
    """Return which pixels a pen reaches that draws the strokes as large as a digit is."""
    ends = [(min(axis), max(axis)) for axis in zip(*chain(*strokes), strict=True)]
    room = (side * WIDE - pen, side - pen)
    zooms = [r / (b - a) if b > a else float("inf") for r, (a, b) in zip(room, ends, strict=True)]
    least = min(zooms)
    least = 1.0 if least == float("inf") else least
    zooms = [min(zoom, STRETCH * least) for zoom in zooms]

    def moved(point: tuple[int, int]) -> list[float]:
        return [
            side / 2 + (v - (a + b) / 2) * zoom
            for v, (a, b), zoom in zip(point, ends, zooms, strict=True)
        ]

    middles = torch.arange(side, dtype=torch.float64) + 0.5
    dark = torch.zeros(side, side, dtype=torch.bool)
    for stroke in strokes:
        points = [moved(point) for point in stroke]
        for (ax, ay), (bx, by) in zip([points[0], *points], points, strict=False):
            dx, dy = bx - ax, by - ay
            x, y = middles[None, :] - ax, middles[:, None] - ay
            long = dx * dx + dy * dy
            along = ((x * dx + y * dy) / long if long > 0 else torch.zeros(side, side)).clamp(0, 1)
            off = (x - along * dx) ** 2 + (y - along * dy) ** 2
            dark |= off <= (pen / 2) ** 2
    return dark


def _check(config: Mapping[str, Any], count: int) -> None:
    height, width = config["image_size"]
    if height != width or config["num_channels"] != 1:
        raise ValueError(
            "model should read square pictures of one channel, "
            f"got {config['num_channels']} of {height} × {width}"
        )
    if not config["class_token"]:
        raise ValueError("class_token should be True, got False: its attention is shown")
    if config["layer_scale"] is not None:
        raise ValueError(f"layer_scale should be None in a page, got {config['layer_scale']!r}")
    if config["num_labels"] != count:
        raise ValueError(
            f"names should be {config['num_labels']}, one for each label of the model, got {count}"
        )


def _counts(pictures: Tensor, full: float) -> Tensor:
    """Return the pictures as dark pixels of each square."""
    counts = pictures[:, 0].detach().cpu().double() * (FULL / full)
    whole = counts.round()
    if bool((counts - whole).abs().max() > 1e-4) or bool(((whole < 0) | (whole > FULL)).any()):
        raise ValueError(
            f"pictures should be whole multiples of full / {FULL} = {full / FULL:g} up to {full:g}"
        )
    return whole.to(torch.uint8)


def _few(labels: Tensor, count: int) -> Tensor:
    """Return the labels as the page holds numbers."""
    if bool(((labels < 0) | (labels >= count)).any()):
        raise ValueError(f"labels should be from 0 to {count - 1}, got {labels.tolist()}")
    return labels.detach().cpu().to(torch.uint8)
