"""The book's schematics, one function each: what a chapter takes apart, in one language.

Every function returns a :class:`txlite.viz.schematic.Schematic`, which a cell shows by naming it.
"""

from txlite.viz.drawings.acting import decision_transformer
from txlite.viz.drawings.attention import head, heads, product
from txlite.viz.drawings.contrast import two_towers
from txlite.viz.drawings.decoding import beams, cached_step
from txlite.viz.drawings.family import bert, gpt, t5
from txlite.viz.drawings.feeding import feeding
from txlite.viz.drawings.forecasting import forecaster
from txlite.viz.drawings.hiding import masked_lm
from txlite.viz.drawings.inside import embedding, feed_forward, norm, output
from txlite.viz.drawings.layers import layer, layers
from txlite.viz.drawings.llama import llama_layer
from txlite.viz.drawings.masking import gate
from txlite.viz.drawings.model import model, stack
from txlite.viz.drawings.ordering import added_positions, positions_in_the_score
from txlite.viz.drawings.patches import vit
from txlite.viz.drawings.pipeline import sentence_to_score
from txlite.viz.drawings.reach import reach
from txlite.viz.drawings.routing import experts
from txlite.viz.drawings.sets import set_prediction
from txlite.viz.drawings.strip import strip
from txlite.viz.drawings.towers import gradient_ways
from txlite.viz.drawings.training import checkpoint, training_loop

__all__ = [
    "added_positions",
    "beams",
    "bert",
    "cached_step",
    "checkpoint",
    "decision_transformer",
    "embedding",
    "experts",
    "feed_forward",
    "feeding",
    "forecaster",
    "gate",
    "gpt",
    "gradient_ways",
    "head",
    "heads",
    "layer",
    "layers",
    "llama_layer",
    "masked_lm",
    "model",
    "norm",
    "output",
    "positions_in_the_score",
    "product",
    "reach",
    "sentence_to_score",
    "set_prediction",
    "stack",
    "strip",
    "t5",
    "training_loop",
    "two_towers",
    "vit",
]
