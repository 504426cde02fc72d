r"""Axial positions: a long sequence seen as a table, with vectors for its rows and its columns.

A row for each of half a million positions would be the largest part of a small model. Numbered line
by line in a table of R rows and C columns, position p has the vector of its row beside that of its
column: R + C vectors in place of R · C.

.. math:: P_p = [\,U_{\lfloor p / C \rfloor};\; V_{p \bmod C}\,]

Source
    Kitaev et al. (2020), "Reformer", section 4 ("axial positional embeddings"). Ho et al. (2019),
    "Axial Attention in Multidimensional Transformers", section 3.1.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn

from txlite._checks import check_positive, check_tokens
from txlite.nn._edge import checked_once
from txlite.nn.positions._whole import check_positions

__all__ = ["Axial"]


class Axial(nn.Module):
    """Learned vectors for the rows and columns of a table in which the positions are numbered.

    Parameters
    ----------
    shape : sequence of int
        Rows and columns. Their product is the longest sequence.
    widths : sequence of int
        Widths of a row's vector and of a column's, which add up to the model's.

    Raises
    ------
    ValueError
        If there are not two of each, or one is not positive.

    References
    ----------
    Kitaev et al. (2020), section 4.

    Examples
    --------
    >>> positions = Axial((4, 6), (2, 3))
    >>> positions(torch.arange(24)).shape, sum(p.numel() for p in positions.parameters())
    (torch.Size([24, 5]), 26)
    """

    def __init__(self, shape: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        self.num_rows, self.num_columns = check_pair("shape", shape)
        self.widths = check_pair("widths", widths)
        self.max_len, self.d_model = self.num_rows * self.num_columns, sum(self.widths)
        self.rows = nn.Parameter(torch.empty(self.num_rows, self.widths[0]))
        self.columns = nn.Parameter(torch.empty(self.num_columns, self.widths[1]))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the vectors anew: normal, with the mean square ½ of sines and cosines."""
        for table in (self.rows, self.columns):
            nn.init.normal_(table, std=0.5**0.5)

    @checked_once
    def forward(self, positions: Integer[Tensor, "*B T"]) -> Float[Tensor, "*B T D"]:
        """Look the positions up.

        Parameters
        ----------
        positions : Tensor of int, shape (..., T)
            Whole numbers from 0 to rows · columns − 1.

        Returns
        -------
        Tensor, shape (..., T, D)
            The vector of each position's row, and behind it that of its column.

        Raises
        ------
        ValueError
            If a position lies outside the table. A compiled program does not ask.
        """
        check_tokens("positions", positions, self.max_len, "max_len")
        row = positions.div(self.num_columns, rounding_mode="floor")
        return torch.cat([self.rows[row], self.columns[positions % self.num_columns]], -1)

    def _check(self, positions: Tensor) -> None:
        check_positions("positions", positions)

    def extra_repr(self) -> str:
        """Return the sizes that ``print(module)`` shows."""
        return f"{self.num_rows} × {self.num_columns}, widths={self.widths}"


def check_pair(name: str, pair: Sequence[int]) -> tuple[int, int]:
    """Require two positive whole numbers.

    Raises
    ------
    ValueError
        If there are more or fewer, or one is not positive.
    """
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise ValueError(f"{name} should be two whole numbers, got {pair!r}")
    first, second = (check_positive(f"{name}[{i}]", size) for i, size in enumerate(pair))
    return first, second
