"""DETR: objects as a set, each the answer of one query, all found at once.

A backbone makes a small picture of many channels, and an encoder relates its places. A decoder
starts from nothing but one learned vector for each query; what leaves it says a class, or that
there is no object, and a box. Where a place stands, and which query asks, is added to queries and
keys in every layer, and never to values. How predictions find their objects is in
:mod:`txlite.training.matching`.

Source
    Carion et al. (2020), "End-to-End Object Detection with Transformers", section 3.2, figures 2
    and 10, appendix A.4. Details that the paper does not tell are those of the authors' code.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from txlite._checks import check_bool, check_choice, check_module, check_shape
from txlite.models._wiring import check_config
from txlite.models.resnet import ResNet, ResNetConfig
from txlite.nn import Decoder, Encoder, LayerOptions, masks
from txlite.nn.feedforward import ACTIVATIONS, Activation
from txlite.nn.positions import Positions, sinusoidal_grid

__all__ = ["DETR", "DETRConfig", "Detections"]


@dataclass(frozen=True, kw_only=True)
class DETRConfig(LayerOptions):
    """Sizes and choices of a DETR beside :class:`txlite.nn.LayerOptions`; by default DETR base.

    Raises
    ------
    ValueError
        If a size is not positive, the heads do not divide, the width is no multiple of 4, a dropout
        is not in [0, 1), or there is no ``norm`` or ``activation`` of that name.
    """

    num_classes: int = 91  # without "no object", which is the last score; COCO's highest number + 1
    num_queries: int = 100
    d_model: int = 256
    num_heads: int = 8
    d_ff: int = 2048
    num_layers: int = 6
    num_decoder_layers: int | None = None  # None: as many as the encoder has
    dropout: float = 0.1  # on every residual branch
    norm_first: bool = False
    activation: Activation = "relu"
    backbone: ResNetConfig = field(default_factory=lambda: ResNetConfig(frozen=2))

    def __post_init__(self) -> None:
        super().__post_init__()
        check_config(self, "num_classes", "num_queries", optional=("num_decoder_layers",))
        check_choice("activation", self.activation, ACTIVATIONS)
        if self.d_model % 4:
            raise ValueError(f"d_model={self.d_model} should be a multiple of 4")
        if not isinstance(self.backbone, ResNetConfig):
            raise ValueError(f"backbone should be a ResNetConfig, got {self.backbone!r}")

    @classmethod
    def base(cls, num_classes: int = 91) -> "DETRConfig":
        """Return DETR with ResNet-50, 41 million parameters (table 1)."""
        return cls(num_classes=num_classes)

    @classmethod
    def resnet101(cls, num_classes: int = 91) -> "DETRConfig":
        """Return DETR with ResNet-101, 60 million parameters (table 1)."""
        return cls(num_classes=num_classes, backbone=ResNetConfig(depths=(3, 4, 23, 3), frozen=2))


class Detections(NamedTuple):
    """What a DETR says of pictures: Q predictions for each, and those of the layers below.

    A box is (centre x, centre y, width, height), each a share of the picture without its padding.
    """

    logits: Float[Tensor, "B Q K"]
    """Scores of the classes; the last of K says that there is no object."""
    boxes: Float[Tensor, "B Q 4"]
    """Boxes, between 0 and 1."""
    earlier_logits: Float[Tensor, "L B Q K"]
    """The same after each decoder layer but the last, for auxiliary losses."""
    earlier_boxes: Float[Tensor, "L B Q 4"]
    """Their boxes."""


class DETR(nn.Module):
    """Backbone, encoder, decoder and two heads (section 3.2), from pictures to sets of objects.

    Parameters
    ----------
    config : DETRConfig
        Sizes and choices.
    backbone : Module, optional
        Stands in the place of the ResNet that the config would build: from (B, C, H, W) to
        (B, D, I, J), with the number of channels D as its ``width``.

    Attributes
    ----------
    backbone : Module
        Makes a small picture of many channels.
    projection : Conv2d
        From its channels to the model's width.
    queries : Embedding
        A vector for each query.
    encoder, decoder : Encoder, Decoder
        The two stacks.
    classifier : Linear
        Scores the classes, and no object.
    box_head : ModuleList
        Three maps, from a vector to a box.

    Examples
    --------
    >>> backbone = ResNetConfig(stem_width=4, widths=(8, 16), depths=(1, 1))
    >>> sizes = {"d_model": 16, "num_heads": 2, "d_ff": 32, "num_layers": 2, "num_queries": 5}
    >>> model = DETR(DETRConfig(num_classes=3, backbone=backbone, **sizes))
    >>> found = model(torch.zeros(1, 3, 32, 48))
    >>> found.logits.shape, found.boxes.shape
    (torch.Size([1, 5, 4]), torch.Size([1, 5, 4]))
    """

    def __init__(self, config: DETRConfig, *, backbone: nn.Module | None = None) -> None:
        super().__init__()
        self.config = config
        width, sizes = config.d_model, (config.d_model, config.num_heads, config.d_ff)
        options = config.layer_options
        if backbone is not None:
            check_module("backbone", backbone)
        self.backbone = ResNet(config.backbone) if backbone is None else backbone
        self.projection = nn.Conv2d(int(self.backbone.width), width, 1)  # type: ignore[arg-type]
        self.queries = nn.Embedding(config.num_queries, width)
        self.encoder = Encoder(config.num_layers, *sizes, options=options)
        layers = config.num_decoder_layers or config.num_layers
        self.decoder = Decoder(layers, *sizes, causal=False, final_norm=True, options=options)
        self.classifier = nn.Linear(width, config.num_classes + 1)
        self.box_head = nn.ModuleList(nn.Linear(width, n) for n in (width, width, 4))

    def forward(
        self, pictures: Float[Tensor, "B C H W"], keep: Bool[Tensor, "B H W"] | None = None
    ) -> Detections:
        """Find the objects of pictures.

        Parameters
        ----------
        pictures : Tensor, shape (B, C, H, W)
            The pictures, padded to one size below and on the right.
        keep : Tensor of bool, shape (B, H, W), optional
            True for a point of the picture, False for padding.

        Returns
        -------
        Detections
            Scores and boxes of Q queries, after each decoder layer.

        Raises
        ------
        ValueError
            If a shape or the mask does not fit.
        """
        sizes = check_shape("pictures", pictures, "B C H W")
        if keep is not None:
            check_bool("keep", keep)
            check_shape("keep", keep, "B H W", **{axis: sizes[axis] for axis in "BHW"})
        x = self.projection(self.backbone(pictures))  # (B, D, I, J)
        if keep is None:
            there = torch.ones_like(x[:, 0], dtype=torch.bool)  # (B, I, J)
        else:
            there = interpolate(keep[:, None].float(), size=x.shape[-2:])[:, 0].bool()
        grid = sinusoidal_grid(there, self.config.d_model, dtype=x.dtype).flatten(1, 2)
        places = Positions(query_key=grid)  # (B, I·J, D)
        mask = None if keep is None else masks.padding(there.flatten(1))
        memory = self.encoder(x.flatten(2).mT, mask, positions=places)
        asks = Positions(query_key=self.queries.weight)  # (Q, D)
        x = memory.new_zeros(len(memory), *self.queries.weight.shape)
        found = []
        for layer in self.decoder.layers:
            x = layer(x, memory, None, mask, positions=asks, memory_positions=places)
            found.append(x if self.decoder.norm is None else self.decoder.norm(x))
        states = torch.stack(found)  # (L, B, Q, D)
        logits, boxes = self.classifier(states), self._boxes(states)
        return Detections(logits[-1], boxes[-1], logits[:-1], boxes[:-1])

    def _boxes(self, x: Tensor) -> Tensor:
        first, second, third = self.box_head
        boxes: Tensor = third(second(first(x).relu()).relu()).sigmoid()
        return boxes
