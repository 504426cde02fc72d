r"""Patches of a series: a window becomes a sequence, one vector for every few values.

A patch is a piece of neighbouring values, and the next begins a stride later; with a stride below
their length they overlap. Each goes through one linear map. The newest value always stands at the
end of the last patch: what does not fill a patch is left out at the old end.

Shape letters
    B windows    T their values    C channels    P patches    D model width

Source
    Nie et al. (2023), "A Time Series is Worth 64 Words", section 3.1 ("Patching").
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from txlite._checks import check_dtype, check_floating, check_length, check_positive, check_shape
from txlite.nn._edge import checked_once

__all__ = ["SeriesPatches"]


class SeriesPatches(nn.Module):
    """One vector for each patch of each channel.

    Parameters
    ----------
    d_model : int
        Width of a vector.
    patch_length : int
        Values in a patch.
    stride : int
        Values from the beginning of one patch to that of the next.
    repeat_last : int
        How often the last value is put once more behind a window before it is cut: 0, or the
        stride as in the paper, so that the newest values stand in a patch more.
    num_channels : int, optional
        How many channels have a map of their own. By default all share one.

    Attributes
    ----------
    maps : ModuleList
        The linear map that all share, or one for each channel.

    Raises
    ------
    ValueError
        If a size is not positive, or ``repeat_last`` is negative.

    References
    ----------
    Nie et al. (2023), section 3.1.

    Examples
    --------
    >>> SeriesPatches(8, patch_length=4, stride=2)(torch.zeros(1, 11, 3)).shape
    torch.Size([1, 3, 4, 8])
    """

    def __init__(
        self,
        d_model: int,
        patch_length: int,
        stride: int,
        *,
        repeat_last: int = 0,
        num_channels: int | None = None,
    ) -> None:
        super().__init__()
        self.d_model = d_model = check_positive("d_model", d_model)
        self.patch_length = patch_length = check_positive("patch_length", patch_length)
        self.stride = check_positive("stride", stride)
        self.repeat_last = check_length("repeat_last", repeat_last)
        self.num_channels = num_channels
        if num_channels is not None:
            self.num_channels = check_positive("num_channels", num_channels)
        maps = [nn.Linear(patch_length, d_model) for _ in range(self.num_channels or 1)]
        self.maps = nn.ModuleList(maps)

    def count(self, length: int) -> int:
        """Return how many patches a window of that length has; zero where it is too short."""
        rest = check_length("length", length) + self.repeat_last - self.patch_length
        return max(rest // self.stride + 1, 0)

    def cut(self, x: Float[Tensor, "B T C"]) -> Float[Tensor, "B C P L"]:
        """Cut windows into patches of L values, the oldest first."""
        x = torch.cat([x, x[:, -1:].expand(-1, self.repeat_last, -1)], dim=1)
        used = (self.count(x.shape[1] - self.repeat_last) - 1) * self.stride + self.patch_length
        return x[:, x.shape[1] - used :].unfold(1, self.patch_length, self.stride).transpose(1, 2)

    @checked_once
    def forward(self, x: Float[Tensor, "B T C"]) -> Float[Tensor, "B C P D"]:
        """Cut windows up, and map every patch.

        Parameters
        ----------
        x : Tensor, shape (B, T, C)
            Windows, in time's order.

        Returns
        -------
        Tensor, shape (B, C, P, D)
            A vector for each patch of each channel, the oldest first.

        Raises
        ------
        ValueError
            If there are other channels than maps, a window is shorter than a patch, or the dtype is
            not the weights'.
        """
        patches = self.cut(x)  # (B, C, P, L)
        if self.num_channels is None:
            mapped: Tensor = self.maps[0](patches)
            return mapped
        each = zip(self.maps, patches.unbind(1), strict=True)
        return torch.stack([own(channel) for own, channel in each], dim=1)

    def _check(self, x: Tensor) -> None:
        channels = {} if self.num_channels is None else {"C": self.num_channels}
        length = check_shape("x", x, "B T C", **channels)["T"]
        check_floating("x", x)
        check_dtype("x", x, "the weights", next(self.parameters()))
        if length == 0 or self.count(length) == 0:
            raise ValueError(
                f"x should have at least patch_length={self.patch_length} values, got T={length}"
            )

    def extra_repr(self) -> str:
        """Return the sizes that ``print(module)`` shows."""
        return f"patch_length={self.patch_length}, stride={self.stride}"
