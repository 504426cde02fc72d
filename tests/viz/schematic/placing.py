"""A part drawn alone, and one whose size is known."""

from txlite.viz.schematic import Space
from txlite.viz.schematic.canvas import Canvas, Rect


def drawn(part, narrow=False):
    canvas = Canvas(narrow=narrow)
    part.draw(canvas, 100.0, 10.0)
    return canvas


def block(name, width, height):
    """A part of a known size."""

    class Known(Space):
        def draw(self, canvas, x, y):
            canvas.name(name, Rect(x, y, self.width, self.height))

    return Known(width, height)
