"""Learned positions of patches: a row for every square of a grid, stretched to other grids.

A model that has learned its places on pictures of one size can read another: the table, seen as a
small picture with as many channels as the model is wide, is enlarged or reduced as pictures are.
What stands before the patches, such as a class token, has rows of its own, which stay.

Source
    Dosovitskiy et al. (2021), "An Image is Worth 16x16 Words", section 3.2 (interpolated) and
    appendix D.4 (learned rows beside other schemes).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from txlite._checks import check_length, check_positive

__all__ = ["LearnedGrid"]


class LearnedGrid(nn.Module):
    """A table with a row for every square of a grid, and for what stands before the first.

    Parameters
    ----------
    rows, columns : int
        Squares of the grid that is learned, down and across.
    d_model : int
        Width of the model.
    num_before : int
        How many places come before the grid: class tokens and the like.
    antialias : bool
        Whether a reduction averages over what it leaves out, as an image library does. The
        published models with registers do; the others do not.

    Raises
    ------
    ValueError
        If a size is not positive, or ``num_before`` is negative.

    References
    ----------
    Dosovitskiy et al. (2021), section 3.2.

    Examples
    --------
    >>> positions = LearnedGrid(4, 4, 8, num_before=1)
    >>> positions(4, 4).shape, positions(2, 6).shape
    (torch.Size([17, 8]), torch.Size([13, 8]))
    """

    def __init__(
        self,
        rows: int,
        columns: int,
        d_model: int,
        *,
        num_before: int = 0,
        antialias: bool = False,
    ) -> None:
        super().__init__()
        self.rows = check_positive("rows", rows)
        self.columns = check_positive("columns", columns)
        self.d_model = check_positive("d_model", d_model)
        self.num_before = check_length("num_before", num_before)
        self.antialias = antialias
        places = self.num_before + self.rows * self.columns
        self.table = nn.Parameter(torch.empty(places, self.d_model))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the table anew: normal, with the mean square ½ of sines and cosines."""
        nn.init.normal_(self.table, std=0.5**0.5)

    def forward(self, rows: int, columns: int) -> Float[Tensor, "T D"]:
        """Return the rows of a grid, after those of what stands before it.

        Parameters
        ----------
        rows, columns : int
            The grid's size. At the learned one the table is returned as it is; at any other it is
            interpolated, bicubic, to exactly so many rows and columns.

        Returns
        -------
        Tensor, shape (T, D)
            T is ``num_before + rows * columns``.

        Raises
        ------
        ValueError
            If a size is not positive.
        """
        rows, columns = check_positive("rows", rows), check_positive("columns", columns)
        if (rows, columns) == (self.rows, self.columns):
            return self.table
        before, grid = self.table.tensor_split([self.num_before])
        picture = grid.mT.reshape(1, self.d_model, self.rows, self.columns)
        wide = torch.promote_types(picture.dtype, torch.float32)  # in half precision it would shift
        stretched = functional.interpolate(
            picture.to(wide), size=(rows, columns), mode="bicubic", align_corners=False,
            antialias=self.antialias,
        )  # fmt: skip
        return torch.cat([before, stretched[0].flatten(1).mT.to(grid.dtype)])

    def extra_repr(self) -> str:
        """Return the sizes that ``print(module)`` shows."""
        sizes = f"{self.rows} × {self.columns}, d_model={self.d_model}"
        return f"{sizes}, num_before={self.num_before}, antialias={self.antialias}"
