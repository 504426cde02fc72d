"""Exercise: how many numbers one layer learns, counted by hand.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.
"""

from txlite.checks.framework import Exercise, swapped
from txlite.checks.model_size._layer_count import feed_forward_count, layer_recipe

__all__ = ["layer_parameters"]

layer_parameters = Exercise(
    name="layer_parameters",
    signature="f(d_model: int, d_ff: int, decoder: bool) -> int",
    task=(
        "How many parameters an encoder layer has, or a decoder layer: attention with four "
        "projections and their biases, two linear maps with theirs, a scale and a shift in each "
        "norm."
    ),
    inputs=("d_model", "d_ff", "decoder"),
    reference=layer_recipe,
    cases=((1, 1, False), (2, 3, False), (2, 3, True), (5, 7, False), (12, 20, True)),
    bank=(
        swapped(
            layer_recipe,
            "biases forgotten",
            "No linear map has a bias here. Each of them adds one number for every column that "
            "it writes: four times d_model in an attention, d_ff and d_model in the feed-forward "
            "layer.",
            attention=lambda d: 4 * d * d,
            feed_forward=lambda d, f: 2 * d * f,
        ),
        swapped(
            layer_recipe,
            "biases of the attention forgotten",
            "The attention's four projections have a bias each, of d_model numbers.",
            attention=lambda d: 4 * d * d,
        ),
        swapped(
            layer_recipe,
            "biases of the feed-forward layer forgotten",
            "The feed-forward layer's two maps have biases: d_ff numbers for the hidden layer, "
            "d_model for the output.",
            feed_forward=lambda d, f: 2 * d * f,
        ),
        swapped(
            layer_recipe,
            "hidden bias of width d_model",
            "A bias has one number for every column that is written, and the first of the two "
            "maps writes d_ff columns, not d_model.",
            feed_forward=lambda d, f: 2 * d * f + 2 * d,
        ),
        swapped(
            layer_recipe,
            "one matrix in the feed-forward layer",
            "The feed-forward layer goes out and comes back: two matrices, d_model × d_ff and "
            "d_ff × d_model.",
            feed_forward=lambda d, f: d * f + f,
        ),
        swapped(
            layer_recipe,
            "a square hidden layer",
            "There is no map from the hidden layer to itself; d_ff × d_ff occurs nowhere.",
            feed_forward=lambda d, f: feed_forward_count(d, f) + f * f,
        ),
        swapped(
            layer_recipe,
            "W^O forgotten",
            "The attention has four matrices: those of the query, the key and the value, and W^O, "
            "which mixes the heads.",
            attention=lambda d: 3 * (d * d + d),
        ),
        swapped(
            layer_recipe,
            "norms forgotten",
            "Each norm learns a scale and a shift for every column: 2 · d_model numbers.",
            norms=(0, 0),
        ),
        swapped(
            layer_recipe,
            "shift of the norms forgotten",
            "Each norm learns a scale and a shift; here one of the two is missing.",
            norm=lambda d: d,
        ),
        swapped(
            layer_recipe,
            "one norm in a layer",
            "Every sublayer has a norm of its own: two in an encoder layer, three in a decoder "
            "layer.",
            norms=(1, 1),
        ),
        swapped(
            layer_recipe,
            "the decoder's second attention forgotten",
            "A decoder layer attends twice: to what is written, and to what the encoder has read. "
            "Each is a whole attention with weights of its own.",
            attentions=(1, 1),
        ),
        swapped(
            layer_recipe,
            "the decoder's third norm forgotten",
            "A decoder layer has three sublayers, and a norm for each.",
            norms=(2, 2),
        ),
    ),
    praise="Six of each kind, and only the embedding matrix is missing.",
)
