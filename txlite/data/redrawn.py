"""Pictures as another hand might have drawn them: moved, with other strokes and other colours.

Whoever has seen each thing in one drawing only has no way to know what of it belongs to the thing.
Drawings that are changed at random say it: the thing is the same a little to the left, a little
larger, with thinner outlines, in a lighter red. Which changes leave a name alone is knowledge that
is put in by hand; a clock that is mirrored would be another clock, so nothing is mirrored here.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from txlite._checks import check_floating, check_generator, check_number, check_shape

__all__ = ["redrawn"]

_TURN, _SIZE, _SHAPE, _SHIFT = 0.25, 0.25, 0.1, 0.15  # radians; two logarithms; half sides
_MIXED, _DEEPER, _SHADED = 0.25, 0.3, 0.3  # colours into each other; as shares of the ink
_THINNER, _THICKER = 0.4, 0.15  # shares of the pictures


def redrawn(
    pictures: Float[Tensor, "B 3 Y X"], *, generator: torch.Generator, strength: float = 1.0
) -> Float[Tensor, "B 3 Y X"]:
    """Return each picture changed by chance, on paper that stays white.

    Each is turned by up to a quarter of a radian, made up to 28 % larger or smaller, stretched by
    up to a tenth and moved by up to 15 % of half its side. Of 40 % the strokes are made thinner by
    up to a pixel, of 15 % thicker; which pictures these are goes by their order, so that the batch
    should have been shuffled. Then their ink changes: its three colours run into each other, it
    becomes deeper or paler, and it is shaded from one side to the other.

    Parameters
    ----------
    pictures : Tensor, shape (B, 3, Y, X)
        Red, green and blue from 0 to 1, over white.
    generator : torch.Generator
        On the CPU.
    strength : float
        Factor for turns, sizes, shifts and colours; 0 leaves the strokes' thickness to change only.

    Returns
    -------
    Tensor, shape (B, 3, Y, X)
        New pictures, from 0 to 1.

    Raises
    ------
    ValueError
        If the shape is another one, or an argument is out of range.
    """
    rows = check_shape("pictures", pictures, "B C Y X", C=3)["B"]
    check_floating("pictures", pictures)
    check_generator("generator", generator)
    strength = check_number("strength", strength, "0 or more", lambda x: 0 <= x < 100)

    def chance(*sizes: int) -> Tensor:  # between -1 and 1
        drawn = 2 * torch.rand(rows, *sizes, generator=generator) - 1
        return drawn.to(pictures)

    ink = _moved(1 - pictures, strength, chance(3), chance(2))
    ink = _stroked(ink, chance(1, 1, 1).abs())
    mixing = torch.eye(3).to(ink) + _MIXED * strength * chance(3, 3)
    ink = torch.einsum("bij,bjyx->biyx", mixing, ink).clamp(0, 1.2)
    light = 1 + _DEEPER * strength * chance(1, 1, 1)
    for axis in (-1, -2):
        side = torch.linspace(-1, 1, ink.shape[axis]).to(ink)
        shade = side if axis == -1 else side[:, None]
        light = light + _SHADED * strength * chance(1, 1, 1) * shade
    return (1 - ink * light).clamp(0, 1)


def _moved(ink: Tensor, strength: float, how: Tensor, shift: Tensor) -> Tensor:
    """Return ink turned, sized, stretched and shifted; nothing comes in from outside."""
    turn, size = _TURN * strength * how[:, 0], (_SIZE * strength * how[:, 1]).exp()
    wide = size * (_SHAPE * strength * how[:, 2]).exp()
    rows = [
        torch.stack([turn.cos() * wide, -turn.sin() * size, _SHIFT * strength * shift[:, 0]], -1),
        torch.stack([turn.sin() * wide, turn.cos() * size, _SHIFT * strength * shift[:, 1]], -1),
    ]
    grid = functional.affine_grid(torch.stack(rows, 1), list(ink.shape), align_corners=False)
    return functional.grid_sample(ink, grid, align_corners=False)


def _stroked(ink: Tensor, share: Tensor) -> Tensor:
    """Return ink whose first pictures have lost the rims of strokes, and whose next have more."""
    thin = round(_THINNER * len(ink))
    thick = thin + round(_THICKER * len(ink))
    parts = [
        ink[:thin].lerp(-functional.max_pool2d(-ink[:thin], 3, 1, 1), share[:thin]),
        ink[thin:thick].lerp(functional.max_pool2d(ink[thin:thick], 3, 1, 1), share[thin:thick]),
        ink[thick:],
    ]
    return torch.cat(parts)
