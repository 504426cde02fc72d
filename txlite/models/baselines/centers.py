"""The baseline of a DETR: objects as points, each the peak of a map of its class.

For each class a map says where an object of it has its centre. Beside them four numbers at every
point say how large the object is, and where in the cell its centre lies. There are no anchors and
no queries; every point decides for itself what is there. So two neighbours may find the same
object, and only the higher one is a peak: that is the suppression of this detector. How maps are
made of objects, and objects of maps, is in :mod:`txlite.training.peaks`.

Source
    Zhou, Wang and Krähenbühl (2019), "Objects as Points", sections 3 and 4: the maps, and a trunk
    with transposed convolutions (section 5). Here one doubles the trunk's places.
"""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from txlite._checks import check_module, check_positive

__all__ = ["CenterMaps", "CenterNet"]

_PRIOR = -2.19  # a first score of .1 at every point (section 5; Lin et al. 2017)


class CenterMaps(NamedTuple):
    """What a CenterNet says at each of I × J points."""

    logits: Float[Tensor, "B K I J"]
    """For each class the score that an object of it has its centre here."""
    sizes: Float[Tensor, "B 2 I J"]
    """Its width and height, in cells."""
    offsets: Float[Tensor, "B 2 I J"]
    """Where in the cell the centre lies, x and y, from 0 to 1."""


class CenterNet(nn.Module):
    """A trunk, a transposed convolution and two small heads, from pictures to maps.

    Parameters
    ----------
    trunk : Module
        From (B, C, H, W) to (B, D, I, J), with the number of channels D as its ``width``.
    num_classes : int
        How many classes there are.
    width : int
        Channels of the hidden layers.

    Attributes
    ----------
    trunk : Module
        What looks at the picture.
    up : Sequential
        Doubles the number of points in both directions.
    heat, shape : Sequential
        The two heads: what is there, and how large and where it is.

    Raises
    ------
    ValueError
        If a number is not positive, or ``trunk`` is no module.

    Examples
    --------
    >>> import torch
    >>> from txlite.models.baselines.trunk import ConvTrunk
    >>> maps = CenterNet(ConvTrunk((4, 8, 8)), 3, width=8)(torch.zeros(2, 1, 32, 48))
    >>> maps.logits.shape, maps.sizes.shape
    (torch.Size([2, 3, 8, 12]), torch.Size([2, 2, 8, 12]))
    """

    def __init__(self, trunk: nn.Module, num_classes: int, *, width: int = 96) -> None:
        super().__init__()
        check_module("trunk", trunk)
        classes = check_positive("num_classes", num_classes)
        width = check_positive("width", width)
        self.trunk = trunk
        inputs: int = trunk.width  # type: ignore[assignment]
        double = nn.ConvTranspose2d(inputs, width, 4, stride=2, padding=1, bias=False)
        self.up = nn.Sequential(double, nn.BatchNorm2d(width), nn.ReLU())
        self.heat, self.shape = _head(width, classes), _head(width, 4)
        last: nn.Conv2d = self.heat[-1]  # type: ignore[assignment]
        nn.init.constant_(last.bias, _PRIOR)  # type: ignore[arg-type]

    def forward(self, pictures: Float[Tensor, "B C H W"]) -> CenterMaps:
        """Return the maps of pictures.

        Parameters
        ----------
        pictures : Tensor, shape (B, C, H, W)
            What the trunk takes.

        Returns
        -------
        CenterMaps
            Over twice as many points as leave the trunk, in both directions.
        """
        x = self.up(self.trunk(pictures))
        shape = self.shape(x)
        return CenterMaps(self.heat(x), shape[:, :2], shape[:, 2:])


def _head(width: int, outputs: int) -> nn.Sequential:
    first = nn.Conv2d(width, width, 3, padding=1)
    return nn.Sequential(first, nn.ReLU(), nn.Conv2d(width, outputs, 1))
