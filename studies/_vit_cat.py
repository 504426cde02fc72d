"""A photograph of a cat in patches, and who attends to whom in it.

The photograph is scikit-image's *Chelsea* (CC0, Stéfan van der Walt). The rectangles were drawn by
hand, by looking at the photograph and at nothing else.
"""

from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from txlite.data.pictures import normalised, read_picture
from txlite.inspect import record_attention

PATCH, ROWS, COLUMNS = 14, 14, 21
PARTS = {  # first row, last row, first column, last column of patches
    "ears": ((0, 2, 14, 17), (0, 1, 2, 3)),  # what the photograph has of them
    "left eye": ((4, 6, 6, 9),),
    "right eye": ((5, 7, 13, 15),),
    "nose": ((10, 12, 10, 13),),
    "background": ((0, 13, 18, 20),),
}


def photograph() -> Float[Tensor, "3 Y X"]:
    """Return the cat, 14 × 21 patches of 14 × 14 pixels; nothing is cut off."""
    import skimage

    cat = read_picture(Path(skimage.__file__).parent / "data" / "chelsea.png")
    size = (ROWS * PATCH, COLUMNS * PATCH)
    return functional.interpolate(cat[None], size, mode="bicubic", antialias=True)[0].clamp(0, 1)


def part(name: str, *, mirrored: bool = False) -> Bool[Tensor, " P"]:
    """Return which patches show a part of the cat."""
    shown = torch.zeros(ROWS, COLUMNS, dtype=torch.bool)
    for top, bottom, left, right in PARTS[name]:
        shown[top : bottom + 1, left : right + 1] = True
    return (shown.flip(1) if mirrored else shown).flatten()


@torch.no_grad()
def maps(model: nn.Module, picture: Float[Tensor, "3 Y X"]) -> Float[Tensor, "N H T T"]:
    """Return the attention maps of all layers."""
    with record_attention(model) as found:
        model.eval()(normalised(picture)[None])
    return torch.cat(list(found.values()))


def times_area(
    maps: Float[Tensor, "N H T T"], asking: Bool[Tensor, " P"] | None, asked: Bool[Tensor, " P"]
) -> Float[Tensor, "N H"]:
    """Return how much more weight some patches get, per area, than all patches do on average.

    ``asking`` names the patches that attend; None is the class token. What they give to the class
    token is left out.
    """
    queries = maps[:, :, :1, 1:] if asking is None else maps[:, :, 1:, 1:][:, :, asking]
    shares = queries / queries.sum(-1, keepdim=True)
    return shares[..., asked].sum(-1).mean(-1) / asked.float().mean()
