"""The residual path and what stands beside it, as one row of a drawing."""

from txlite.viz.schematic import Column, Row, Space
from txlite.viz.schematic.parts import Part

__all__ = ["ROAD", "lane"]

ROAD = 56.0  # CSS pixels that the residual path takes in width


def lane(path: Part, branch: Part) -> Row:
    """Put a part on the residual path, and one beside it.

    Parameters
    ----------
    path, branch : Part
        What stands on the path and what stands beside it.

    Returns
    -------
    Row
        Such rows stand exactly one above the other.
    """
    return Row(Column(path, Space(ROAD), gap=0), branch, gap=22)
