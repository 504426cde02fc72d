"""A trunk of convolutions: what makes a small picture of many channels where little is to be seen.

It stands where a ResNet stands in front of a DETR, and below the detector that is no Transformer:
so both look at the same.

Sources
    He et al. (2016), section 3.3, for halving the picture while the channels grow; Ioffe and
    Szegedy (2015), "Batch Normalization".
"""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from txlite._checks import check_floating, check_positive, check_shape

__all__ = ["ConvTrunk"]


class ConvTrunk(nn.Module):
    """Convolutions that halve the picture, once for each width, from (B, C, H, W) to (B, D, I, J).

    The first is a 5 × 5 convolution; each width after it has two of 3 × 3. All have a batch norm,
    which learns and keeps what it has seen, and ReLU.

    Parameters
    ----------
    widths : sequence of int
        Channels of each stage; the last are the D that leave.
    channels : int
        Of a picture.

    Attributes
    ----------
    width : int
        D, as a DETR asks its backbone.
    layers : Sequential
        The convolutions, norms and ReLUs.

    Raises
    ------
    ValueError
        If there is no width, or a number is not positive.

    Examples
    --------
    >>> import torch
    >>> ConvTrunk((4, 8, 16))(torch.zeros(2, 1, 32, 48)).shape
    torch.Size([2, 16, 4, 6])
    """

    def __init__(self, widths: Sequence[int] = (32, 64, 96), *, channels: int = 1) -> None:
        super().__init__()
        self.channels = inputs = check_positive("channels", channels)
        if not widths:
            raise ValueError("widths should hold a whole number for each stage, got none")
        layers: list[nn.Module] = []
        for i, width in enumerate(check_positive("each of widths", n) for n in widths):
            layers += _conv(inputs, width, 3 if i else 5, 2)
            if i:
                layers += _conv(width, width, 3, 1)
            inputs = width
        self.layers, self.width = nn.Sequential(*layers), inputs

    def forward(self, pictures: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D I J"]:
        """Return D channels over the places of a picture that is smaller, by 2 for each width."""
        check_shape("pictures", pictures, "B C H W", C=self.channels)
        check_floating("pictures", pictures)
        x: Tensor = self.layers(pictures)
        return x


def _conv(inputs: int, outputs: int, size: int, stride: int) -> list[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU()]
