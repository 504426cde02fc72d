"""A matrix of whole numbers inside a layer: its codes, its scales, and what they stand for."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from txlite._checks import check_divides, check_positive
from txlite.compress.rounding import check_bits, expand_rows, pack_int4, round_rows, unpack_int4

__all__ = ["QuantizedMatrix"]


class QuantizedMatrix(nn.Module):
    """A matrix (O, I) as codes and scales; the scales stay in float32 whatever the model becomes.

    ``weight`` holds the codes, two in a byte where they have four bits.
    """

    weight: Tensor
    scales: Tensor

    def __init__(self, rows: int, columns: int, bits: int, group_size: int | None) -> None:
        nn.Module.__init__(self)  # an embedding has a matrix of its own, which is not made here
        self.bits = check_bits(bits)
        size = columns if group_size is None else check_positive("group_size", group_size)
        check_divides("group_size", size, "I", columns)
        self.group_size, self.columns = None if group_size is None else size, columns
        self.register_buffer("weight", self._stored(torch.zeros(rows, columns, dtype=torch.int8)))
        self.register_buffer("scales", torch.zeros(rows, columns // size))

    def _stored(self, codes: Tensor) -> Tensor:
        return pack_int4(codes) if self.bits == 4 else codes

    def _codes(self, weight: Tensor) -> Tensor:
        return unpack_int4(weight, self.columns) if self.bits == 4 else weight

    def _round(self, weight: Tensor) -> None:
        codes, scales = round_rows(weight, bits=self.bits, group_size=self.group_size)
        self.weight, self.scales = self._stored(codes), scales

    def expanded(self) -> Float[Tensor, "O I"]:
        """Return the matrix that is meant, in float32.

        Returns
        -------
        Tensor, shape (O, I)
            Made anew by every call.
        """
        return expand_rows(self._codes(self.weight), self.scales)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "QuantizedMatrix":
        """Move to another device; another dtype is not for scales, which would round to zero."""
        exact = self.scales
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if self.scales.dtype != exact.dtype:
            self.scales = exact.to(self.scales.device)
        return self

    def _sizes(self) -> str:
        group = "" if self.group_size is None else f", group_size={self.group_size}"
        return f"bits={self.bits}{group}"
