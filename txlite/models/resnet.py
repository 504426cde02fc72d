"""ResNet: the convolutions that look at a picture before a DETR does.

A stem makes the picture four times smaller; in each of four stages blocks add what three small
convolutions find to what was there, and all but the first stage halve the picture again. The batch
norms are frozen: each is a scale and a shift that an earlier training has left.

Source
    He et al. (2016), "Deep Residual Learning for Image Recognition", section 3.3, figure 5 and
    table 1. The stride stands in a block's 3 × 3 convolution, as in most published weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from txlite._checks import check_floating, check_length, check_positive, check_rate, check_shape

__all__ = ["FrozenBatchNorm", "ResNet", "ResNetConfig"]


@dataclass(frozen=True, kw_only=True)
class ResNetConfig:
    """Sizes and choices of a ResNet; the defaults are those of ResNet-50.

    Raises
    ------
    ValueError
        If a size is not a positive whole number, there are not as many widths as depths, a
        bottleneck's width is no multiple of 4, or more is frozen than there is.
    """

    channels: int = 3  # of a picture
    stem_width: int = 64
    widths: tuple[int, ...] = (256, 512, 1024, 2048)  # of what leaves each stage
    depths: tuple[int, ...] = (3, 4, 6, 3)  # blocks of each stage
    bottleneck: bool = True  # three convolutions, the middle one a quarter as wide; else two
    frozen: int = 0  # how many parts, from the stem on, keep their weights; in a DETR's training 2

    def __post_init__(self) -> None:
        for name in ("channels", "stem_width"):
            self._keep(name, check_positive(name, getattr(self, name)))
        for name in ("widths", "depths"):
            given = getattr(self, name)
            if not isinstance(given, Sequence) or isinstance(given, str) or not given:
                raise ValueError(f"{name} should hold a whole number for each stage, got {given!r}")
            self._keep(name, tuple(check_positive(f"each of {name}", n) for n in given))
        if len(self.widths) != len(self.depths):
            raise ValueError(f"widths should have {len(self.depths)} numbers, got {self.widths}")
        if self.bottleneck and any(width % 4 for width in self.widths):
            raise ValueError(f"widths should be multiples of 4 in a bottleneck, got {self.widths}")
        self._keep("frozen", check_length("frozen", self.frozen))
        if self.frozen > len(self.widths) + 1:
            raise ValueError(f"frozen should be at most {len(self.widths) + 1}, got {self.frozen}")

    def _keep(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @classmethod
    def resnet50(cls) -> "ResNetConfig":
        """Return ResNet-50 (table 1)."""
        return cls()

    @classmethod
    def resnet101(cls) -> "ResNetConfig":
        """Return ResNet-101 (table 1)."""
        return cls(depths=(3, 4, 23, 3))


class FrozenBatchNorm(nn.Module):
    """A batch norm that has stopped learning: one scale and one shift for each channel.

    Its four vectors are stored as any weight is, and want no gradient.

    Parameters
    ----------
    width : int
        Number of channels.
    eps : float
        Added to the variance.

    Raises
    ------
    ValueError
        If ``width`` is not a positive whole number, or ``eps`` is not positive.

    References
    ----------
    Ioffe and Szegedy (2015), "Batch Normalization", section 3.1. Carion et al. (2020), section 4.
    """

    weight: nn.Parameter
    bias: nn.Parameter
    mean: nn.Parameter
    variance: nn.Parameter

    def __init__(self, width: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        width, self.eps = check_positive("width", width), check_rate("eps", eps)
        for name, value in (("weight", 1.0), ("bias", 0.0), ("mean", 0.0), ("variance", 1.0)):
            vector = torch.full((width,), value)
            self.register_parameter(name, nn.Parameter(vector, requires_grad=False))

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Scale and shift every channel as the statistics say."""
        scale = self.weight * (self.variance + self.eps).rsqrt()
        shift = self.bias - self.mean * scale
        return x * scale[:, None, None] + shift[:, None, None]


class _ConvNorm(nn.Module):
    """A convolution that keeps the picture's size, or halves it, and a norm."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
        self.norm = FrozenBatchNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = self.norm(self.conv(x))
        return normed


class _Block(nn.Module):
    """x + F(x), with a map of x where its shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, bottleneck: bool) -> None:
        super().__init__()
        inner = outputs // 4
        if bottleneck:
            sizes = [(inputs, inner, 1, 1), (inner, inner, 3, stride), (inner, outputs, 1, 1)]
        else:
            sizes = [(inputs, outputs, 3, stride), (outputs, outputs, 3, 1)]
        self.layers = nn.ModuleList(_ConvNorm(*size) for size in sizes)
        changes = stride != 1 or inputs != outputs
        self.shortcut = _ConvNorm(inputs, outputs, 1, stride) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.shortcut is None else self.shortcut(x)
        for i, layer in enumerate(self.layers):
            x = layer(x if i == 0 else x.relu())
        return (x + y).relu()


class ResNet(nn.Module):
    """From pictures to what the last stage sees of them, 32 times smaller with four stages.

    Parameters
    ----------
    config : ResNetConfig
        Sizes and choices.

    Attributes
    ----------
    width : int
        Number of channels of what leaves.
    stem : Module
        A 7 × 7 convolution; a pooling follows.
    stages : ModuleList
        The blocks, stage by stage.

    Examples
    --------
    >>> config = ResNetConfig(stem_width=4, widths=(8, 16), depths=(1, 2))
    >>> ResNet(config)(torch.zeros(1, 3, 32, 48)).shape
    torch.Size([1, 16, 4, 6])
    """

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        self.config, self.width = config, config.widths[-1]
        self.stem = _ConvNorm(config.channels, config.stem_width, 7, 2)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stages, inputs = nn.ModuleList(), config.stem_width
        for i, (width, depth) in enumerate(zip(config.widths, config.depths, strict=True)):
            before = [inputs] + [width] * (depth - 1)
            strides = [1 if i == 0 else 2] + [1] * (depth - 1)
            blocks = [
                _Block(n, width, stride, bottleneck=config.bottleneck)
                for n, stride in zip(before, strides, strict=True)
            ]
            self.stages.append(nn.Sequential(*blocks))
            inputs = width
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        for part in [self.stem, *self.stages][: config.frozen]:
            part.requires_grad_(False)

    def forward(self, pictures: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D I J"]:
        """Return D = ``width`` channels over the places of smaller pictures (B, D, I, J)."""
        check_shape("pictures", pictures, "B C H W", C=self.config.channels)
        check_floating("pictures", pictures)
        x: Tensor = self.pool(self.stem(pictures).relu())
        for stage in self.stages:
            x = stage(x)
        return x
