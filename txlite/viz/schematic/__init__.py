"""Schematics: drawings of boxes and arrows, in one language for all chapters and for the map.

A drawing is said, not painted: parts stand in rows and columns, arrows go from name to name, and
the places follow. So the same words give the drawing for a page, the one for a phone, and the list
of its arrows for someone who cannot see it.
"""

from txlite.viz.schematic.arrows import Arrow, chain
from txlite.viz.schematic.containers import Column, Either, Frame, Row, Space, Tokens
from txlite.viz.schematic.drawing import Schematic
from txlite.viz.schematic.parts import Box, Grid, Sum

__all__ = [
    "Arrow",
    "Box",
    "Column",
    "Either",
    "Frame",
    "Grid",
    "Row",
    "Schematic",
    "Space",
    "Sum",
    "Tokens",
    "chain",
]
