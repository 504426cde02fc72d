"""The book's schematics, one function each: what a chapter takes apart, in one language.

Every function returns a :class:`txlite.viz.schematic.Schematic`, which a cell shows by naming it.
"""

from txlite.viz.drawings.attention import head, heads, product
from txlite.viz.drawings.inside import embedding, feed_forward, norm, output
from txlite.viz.drawings.layers import layer, layers
from txlite.viz.drawings.model import model, stack
from txlite.viz.drawings.strip import strip

__all__ = [
    "embedding",
    "feed_forward",
    "head",
    "heads",
    "layer",
    "layers",
    "model",
    "norm",
    "output",
    "product",
    "stack",
    "strip",
]
