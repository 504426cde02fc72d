"""Patches: a picture becomes a sequence, one vector for each of the squares that it is cut into.

The squares do not overlap, and every one goes through the same linear map: a convolution whose
stride is its width. They stand in the order in which one reads: row by row, from the left.

Shape letters
    C colours    Y height    X width, both in pixels    P patches    D model width

Source
    Dosovitskiy et al. (2021), "An Image is Worth 16x16 Words", section 3.1, equation (1).
"""

from jaxtyping import Float
from torch import Tensor, nn

from txlite._checks import check_dtype, check_floating, check_positive, check_shape
from txlite.nn._edge import checked_once

__all__ = ["PatchEmbedding"]


class PatchEmbedding(nn.Module):
    """One vector for each patch of a picture.

    Parameters
    ----------
    d_model : int
        Width of a vector.
    patch_size : int
        Side of a patch, in pixels.
    num_channels : int
        Numbers for each pixel: 3 for a picture in colour.
    bias : bool
        Whether the map adds a bias.

    Raises
    ------
    ValueError
        If a size is not positive.

    References
    ----------
    Dosovitskiy et al. (2021), equation (1).

    Examples
    --------
    >>> import torch
    >>> PatchEmbedding(16, patch_size=4)(torch.zeros(1, 3, 8, 12)).shape
    torch.Size([1, 6, 16])
    """

    def __init__(
        self, d_model: int, patch_size: int, *, num_channels: int = 3, bias: bool = True
    ) -> None:
        super().__init__()
        self.d_model = d_model = check_positive("d_model", d_model)
        self.patch_size = size = check_positive("patch_size", patch_size)
        self.num_channels = colours = check_positive("num_channels", num_channels)
        self.proj = nn.Conv2d(colours, d_model, kernel_size=size, stride=size, bias=bias)

    @checked_once
    def forward(self, pictures: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B P D"]:
        """Cut pictures up, and map every patch.

        Parameters
        ----------
        pictures : Tensor, shape (B, C, Y, X)
            Height before width, both multiples of ``patch_size``.

        Returns
        -------
        Tensor, shape (B, P, D)
            The patches of the first row from left to right, then those of the second.

        Raises
        ------
        ValueError
            If the pictures have another number of channels or another dtype than the weights, or a
            side is no multiple of ``patch_size``: nothing is cropped.
        """
        patches: Tensor = self.proj(pictures).flatten(2).mT  # (B, D, rows, columns) before
        return patches

    def grid(self, pictures: Float[Tensor, "B C Y X"]) -> tuple[int, int]:
        """Return how many rows and columns of patches pictures have."""
        return pictures.shape[-2] // self.patch_size, pictures.shape[-1] // self.patch_size

    def _check(self, pictures: Tensor) -> None:
        sizes = check_shape("pictures", pictures, "B C Y X", C=self.num_channels)
        check_floating("pictures", pictures)
        check_dtype("pictures", pictures, "the weights", self.proj.weight)
        if any(sizes[side] < 1 or sizes[side] % self.patch_size for side in "YX"):
            raise ValueError(
                f"pictures should have sides that are multiples of patch_size={self.patch_size}, "
                f"got Y={sizes['Y']} and X={sizes['X']}"
            )
