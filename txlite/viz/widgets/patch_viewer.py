"""Patches that attend to each other: a picture is lit as one of them attends to it.

The maps of a few layers travel with the figure, in a file of their own: each weight as a byte, the
square root of its share of its row's largest, so that small weights are told apart too.
"""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import anywidget
import torch
import traitlets
from ipywidgets import widget_serialization
from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_shape
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.tensors import Tensors

__all__ = ["Maps", "PatchViewer"]

LEVELS = 255
LARGEST = 30_000  # bytes of a picture
SMALL = 64  # pixels; a picture that is no larger is kept as it is
QUALITIES = (85, 75, 60, 45, 30)


class Maps(anywidget.AnyWidget):
    """Attention maps as bytes; a page fetches them when the figure comes near.

    Parameters
    ----------
    maps : Tensor, shape (N, B, H, T, S)
        Weights of N layers and B pictures; nothing is negative.

    Raises
    ------
    ValueError
        If a weight is negative or not finite.
    """

    _esm = "export default { render() {} };"
    apart = traitlets.Bool(True).tag(sync=True)  # a file of its own, see txbook/live.py
    tensors = Tensors(torch.uint8, torch.float32)

    def __init__(self, maps: Float[Tensor, "N B H T S"], **traits: Any) -> None:
        weights = maps.detach().cpu().double()
        if not bool((weights.isfinite() & (weights >= 0)).all()):
            raise ValueError("maps should hold weights from 0, got another number")
        most = weights.amax(-1)
        shares = weights / most.clamp(min=torch.finfo(torch.float64).tiny)[..., None]
        codes = (LEVELS * shares.sqrt()).round().to(torch.uint8)
        super().__init__(tensors={"codes": codes, "most": most.float()}, **traits)

    def numbers(self) -> Float[Tensor, "N B H T S"]:
        """Return the weights that the page computes with, in float64.

        Returns
        -------
        Tensor
            At most 1/255 of their row's largest from what they were made of.
        """
        roots = self.tensors["codes"].double() / LEVELS
        return self.tensors["most"].double()[..., None] * roots * roots


class PatchViewer(Widget):
    """Choose a patch of a picture, and see what it attends to, layer by layer and head by head.

    Parameters
    ----------
    pictures : mapping of str to Tensor
        What each picture shows, as one says it to whoever cannot see it ("a cat's face"), and its
        numbers from 0 to 1, (C, Y, X) with one channel or three; all of one size. They may be
        smaller or larger than what the model reads, if they are of the same form.
    maps : mapping of str to Tensor
        The attention maps of the layers, (B, H, T, T), a B for each picture, as
        ``txlite.inspect.record_attention`` has them after a batch of these pictures.
    layers : sequence of int, optional
        Which of them are shown, counted from 0; by default all. A layer of 6 heads and 256 patches
        makes about 450 kB, fetched when the figure comes near.
    before : sequence of str
        What stands before the patches: by default a class token.
    **traits : object
        Where the figure starts: ``picture``; ``token``, whose attention is shown, where 0 is the
        class token and the patches follow row by row; ``layer``, counted among ``layers``, and
        ``head`` (−1: averaged over all that are here).

    Raises
    ------
    ValueError
        If pictures, maps and what stands before the patches do not fit each other, or a layer does
        not exist.

    Examples
    --------
    >>> maps = {"layer": torch.full((1, 2, 7, 7), 1 / 7)}
    >>> figure = PatchViewer({"nothing": torch.zeros(3, 20, 30)}, maps)
    >>> figure.rows, figure.columns, figure.attention(0).shape
    (2, 3, torch.Size([1, 2, 7, 7]))
    """

    title = traitlets.Unicode("Which patch attends to which?").tag(sync=True)
    pictures = traitlets.List(traitlets.Dict()).tag(sync=True)
    maps = traitlets.Instance(Maps).tag(sync=True, **widget_serialization)
    rows = traitlets.Int(min=1).tag(sync=True)
    columns = traitlets.Int(min=1).tag(sync=True)
    before = traitlets.List(traitlets.Unicode()).tag(sync=True)
    layers = traitlets.List(traitlets.Unicode()).tag(sync=True)
    heads = traitlets.Int(min=1).tag(sync=True)
    picture = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    token = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    layer = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    head = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    uses: ClassVar[tuple[str, ...]] = ("attended", "controls", "weights")

    def __init__(
        self,
        pictures: Mapping[str, Float[Tensor, "C Y X"]],
        maps: Mapping[str, Float[Tensor, "B H T T"]],
        *,
        layers: Sequence[int] | None = None,
        before: Sequence[str] = ("class token",),
        **traits: Any,
    ) -> None:
        if not pictures or not maps:
            raise ValueError("pictures and maps should not be empty, got none")
        chosen = [*range(len(maps))] if layers is None else [*layers]
        if not chosen or any(not 0 <= layer < len(maps) for layer in chosen):
            raise ValueError(f"layers should be from 0 to {len(maps) - 1}, got {chosen}")
        height, width = next(iter(pictures.values())).shape[-2:]
        for name, picture in pictures.items():
            check_shape(f"pictures[{name!r}]", picture, "C Y X", Y=height, X=width)
        every = [*maps.values()]
        heads, length = every[0].shape[1:3]
        for name, found in maps.items():
            sizes = {"B": len(pictures), "H": heads, "T": length, "S": length}
            check_shape(f"maps[{name!r}]", found, "B H T S", **sizes)
        rows, columns = _grid(length - len(before), height, width)
        super().__init__(
            pictures=[{"name": name, "url": _address(p)} for name, p in pictures.items()],
            maps=Maps(torch.stack([every[layer] for layer in chosen])),
            rows=rows,
            columns=columns,
            before=[*before],
            layers=[f"layer {layer + 1}" for layer in chosen],
            heads=heads,
            **traits,
        )

    def attention(self, picture: int = 0) -> Float[Tensor, "N H T T"]:
        """Return a picture's maps, as the page has them.

        Parameters
        ----------
        picture : int
            Which picture, counted from 0.

        Returns
        -------
        Tensor, shape (N, H, T, T)
            Layers, heads, queries, keys; at most 1/255 of a row's largest weight from the model's.
        """
        return self.maps.numbers()[:, picture]


def _grid(patches: int, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of patches in a picture of this form."""
    rows = round(math.sqrt(max(1, patches) * height / width))
    columns = patches // max(1, rows)
    if patches < 1 or rows * columns != patches or abs(rows * width / (columns * height) - 1) > 0.1:
        raise ValueError(
            f"maps should have a position for each patch of {height} × {width} pixels and for what "
            f"stands before them, got {patches} for patches"
        )
    return rows, columns


def _address(picture: Tensor) -> str:
    """Return a picture as an address that holds it."""
    from PIL import Image

    pixels = (picture.detach().cpu().double().clamp(0, 1) * 255).round().to(torch.uint8)
    if len(pixels) not in (1, 3):
        raise ValueError(f"pictures should have one channel or three, got {len(pixels)}")
    image = Image.fromarray(pixels.permute(1, 2, 0).expand(-1, -1, 3).contiguous().numpy())
    if max(image.size) <= SMALL:
        return f"data:image/png;base64,{_encoded(image, 'PNG')}"
    while True:
        for quality in QUALITIES:
            text = _encoded(image, "WEBP", quality=quality, method=6)
            if len(text) <= LARGEST:
                return f"data:image/webp;base64,{text}"
        image = image.reduce(2)


def _encoded(image: Any, kind: str, **options: Any) -> str:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return base64.b64encode(file.getvalue()).decode()
