"""A small convolutional network, beside which a ViT stands.

Each stage slides squares of 3 × 3 weights over the picture: what is near is looked at together, and
the same weights look everywhere. A ViT has neither built in.

Sources
    LeCun et al. (1989), "Backpropagation Applied to Handwritten Zip Code Recognition". Ioffe and
    Szegedy (2015), "Batch Normalization".
"""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from txlite._checks import check_floating, check_positive, check_shape

__all__ = ["SmallCNN"]


class SmallCNN(nn.Module):
    """Stages of convolution, batch norm and ReLU, the mean over the picture, and a classifier.

    Parameters
    ----------
    num_labels : int
        How many labels are scored.
    num_channels : int
        Numbers for each pixel: 3 for a picture in colour.
    widths : sequence of int
        Channels after each stage. Between two stages the picture is halved, by the greatest of
        each 2 × 2.

    Raises
    ------
    ValueError
        If a size is not positive, or there is no stage.

    Examples
    --------
    >>> import torch
    >>> SmallCNN(10, 1, widths=(8, 16))(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self, num_labels: int, num_channels: int = 3, *, widths: Sequence[int] = (32, 64, 128)
    ) -> None:
        super().__init__()
        num_labels = check_positive("num_labels", num_labels)
        self.num_channels = width = check_positive("num_channels", num_channels)
        if not widths:
            raise ValueError("widths should hold a whole number for each stage, got none")
        self.num_halvings = len(widths) - 1
        stages: list[nn.Module] = []
        for wider in (check_positive("each of widths", n) for n in widths):
            stages += [nn.MaxPool2d(2)] if stages else []
            conv = nn.Conv2d(width, wider, 3, padding=1, bias=False)
            stages += [conv, nn.BatchNorm2d(wider), nn.ReLU()]
            width = wider
        self.stages = nn.Sequential(*stages)
        self.classifier = nn.Linear(width, num_labels)

    def forward(self, pictures: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B N"]:
        """Score each label.

        Parameters
        ----------
        pictures : Tensor, shape (B, C, Y, X)
            Large enough to be halved between the stages.

        Returns
        -------
        Tensor, shape (B, N)
            A score for each label.

        Raises
        ------
        ValueError
            If the pictures have another number of channels, or are too small.
        """
        sizes = check_shape("pictures", pictures, "B C Y X", C=self.num_channels)
        check_floating("pictures", pictures)
        if min(sizes["Y"], sizes["X"]) < 2**self.num_halvings:
            raise ValueError(
                f"pictures should have sides of at least {2**self.num_halvings} pixels, got "
                f"Y={sizes['Y']} and X={sizes['X']}"
            )
        scores: Tensor = self.classifier(self.stages(pictures).mean((-2, -1)))
        return scores
