"""Where a token stands: the schemes that tell attention, which by itself cannot know."""

from txlite.nn.positions.absolute import Learned, Sinusoidal, count_positions, sinusoidal
from txlite.nn.positions.axial import Axial
from txlite.nn.positions.bias import ALiBi, RelativeBias
from txlite.nn.positions.carrier import Positions
from txlite.nn.positions.learned_grid import LearnedGrid
from txlite.nn.positions.rotary import Rotary, RotaryScaling, Rotation
from txlite.nn.positions.sinusoidal_grid import sinusoidal_grid

__all__ = [
    "ALiBi",
    "Axial",
    "Learned",
    "LearnedGrid",
    "Positions",
    "RelativeBias",
    "Rotary",
    "RotaryScaling",
    "Rotation",
    "Sinusoidal",
    "count_positions",
    "sinusoidal",
    "sinusoidal_grid",
]
