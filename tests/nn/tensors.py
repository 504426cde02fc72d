"""Random tensors for the tests of attention, and comparisons that say how far apart things are."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.nn.zoo import Sizes

# All different, so that a swapped axis cannot pass unseen.
SMALL = Sizes(B=2, H=3, T=5, S=7)
SQUARE = Sizes(B=2, H=3, T=7, S=7)
TALL = Sizes(B=2, H=3, T=7, S=5)  # more queries than keys
LONG = Sizes(B=2, H=3, T=41, S=67)  # long enough for a banded kernel
LONG_SQUARE = Sizes(B=2, H=3, T=67, S=67)
LONG_TALL = Sizes(B=2, H=3, T=67, S=41)
ONE = Sizes(B=2, H=3, T=1, S=7)  # one step of decoding
E, V = 4, 11
ALL_SIZES = [SMALL, SQUARE, TALL, LONG, LONG_SQUARE, LONG_TALL, ONE]


def qkv(
    sizes: Sizes,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
    width: int = E,  # torch's fused kernel on the CPU wants all widths equal
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw query (B, H, T, E), key (B, H, S, E) and value (B, H, S, width), as leaves."""
    B, H, T, S = sizes
    shapes = [(B, H, T, E), (B, H, S, E), (B, H, S, width)]
    q, k, v = (
        torch.randn(shape, dtype=torch.float64).to(device, dtype).requires_grad_()
        for shape in shapes
    )
    return q, k, v


def array(x: Tensor) -> NDArray[np.float64]:
    """Return the numbers of a tensor, in float64."""
    return x.detach().cpu().double().numpy()


def distance(got: Tensor, want: NDArray[np.float64]) -> float:
    """Return the largest error, relative to the largest number where that is above one."""
    assert got.shape == want.shape, f"{tuple(got.shape)} is not {want.shape}"
    if not want.size:
        return 0.0
    return float(np.abs(array(got) - want).max() / max(1.0, np.abs(want).max()))
