"""Exercises of chapter 10: how many numbers a Transformer learns, counted by hand.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3 and table 3.
"""

from collections.abc import Callable

from txlite.checks._steps import swapped
from txlite.checks.exercise import Exercise

__all__ = ["layer_parameters", "model_parameters"]

Count = Callable[..., int]


def _attention(d_model: int) -> int:
    return 4 * (d_model * d_model + d_model)


def _feed_forward(d_model: int, d_ff: int) -> int:
    return d_model * d_ff + d_ff + d_ff * d_model + d_model


def _norm(d_model: int) -> int:
    return 2 * d_model


def _layer_recipe(
    d_model: int,
    d_ff: int,
    decoder: bool,
    attention: Count = _attention,
    feed_forward: Count = _feed_forward,
    norm: Count = _norm,
    attentions: tuple[int, int] = (1, 2),
    norms: tuple[int, int] = (2, 3),
) -> int:
    return (
        attentions[decoder] * attention(d_model)
        + feed_forward(d_model, d_ff)
        + norms[decoder] * norm(d_model)
    )


layer_parameters = Exercise(
    name="layer_parameters",
    signature="f(d_model: int, d_ff: int, decoder: bool) -> int",
    task=(
        "How many parameters an encoder layer has, or a decoder layer: attention with four "
        "projections and their biases, two linear maps with theirs, a scale and a shift in each "
        "norm."
    ),
    inputs=("d_model", "d_ff", "decoder"),
    reference=_layer_recipe,
    cases=((1, 1, False), (2, 3, False), (2, 3, True), (5, 7, False), (12, 20, True)),
    bank=(
        swapped(
            _layer_recipe,
            "biases forgotten",
            "No linear map has a bias here. Each of them adds one number for every column that "
            "it writes: four times d_model in an attention, d_ff and d_model in the feed-forward "
            "layer.",
            attention=lambda d: 4 * d * d,
            feed_forward=lambda d, f: 2 * d * f,
        ),
        swapped(
            _layer_recipe,
            "biases of the attention forgotten",
            "The attention's four projections have a bias each, of d_model numbers.",
            attention=lambda d: 4 * d * d,
        ),
        swapped(
            _layer_recipe,
            "biases of the feed-forward layer forgotten",
            "The feed-forward layer's two maps have biases: d_ff numbers for the hidden layer, "
            "d_model for the output.",
            feed_forward=lambda d, f: 2 * d * f,
        ),
        swapped(
            _layer_recipe,
            "hidden bias of width d_model",
            "A bias has one number for every column that is written, and the first of the two "
            "maps writes d_ff columns, not d_model.",
            feed_forward=lambda d, f: 2 * d * f + 2 * d,
        ),
        swapped(
            _layer_recipe,
            "one matrix in the feed-forward layer",
            "The feed-forward layer goes out and comes back: two matrices, d_model × d_ff and "
            "d_ff × d_model.",
            feed_forward=lambda d, f: d * f + f,
        ),
        swapped(
            _layer_recipe,
            "a square hidden layer",
            "There is no map from the hidden layer to itself; d_ff × d_ff occurs nowhere.",
            feed_forward=lambda d, f: _feed_forward(d, f) + f * f,
        ),
        swapped(
            _layer_recipe,
            "W^O forgotten",
            "The attention has four matrices: those of the query, the key and the value, and W^O, "
            "which mixes the heads.",
            attention=lambda d: 3 * (d * d + d),
        ),
        swapped(
            _layer_recipe,
            "norms forgotten",
            "Each norm learns a scale and a shift for every column: 2 · d_model numbers.",
            norms=(0, 0),
        ),
        swapped(
            _layer_recipe,
            "shift of the norms forgotten",
            "Each norm learns a scale and a shift; here one of the two is missing.",
            norm=lambda d: d,
        ),
        swapped(
            _layer_recipe,
            "one norm in a layer",
            "Every sublayer has a norm of its own: two in an encoder layer, three in a decoder "
            "layer.",
            norms=(1, 1),
        ),
        swapped(
            _layer_recipe,
            "the decoder's second attention forgotten",
            "A decoder layer attends twice: to what is written, and to what the encoder has read. "
            "Each is a whole attention with weights of its own.",
            attentions=(1, 1),
        ),
        swapped(
            _layer_recipe,
            "the decoder's third norm forgotten",
            "A decoder layer has three sublayers, and a norm for each.",
            norms=(2, 2),
        ),
    ),
    praise="Twice six of these are nearly the whole model.",
)


def _stacks(encoder: int, decoder: int, num_layers: int) -> int:
    return num_layers * (encoder + decoder)


def _model_recipe(
    vocab_size: int,
    d_model: int,
    d_ff: int,
    num_layers: int,
    embedding: Count = lambda v, d: v * d,
    encoder: Count = lambda d, f: _layer_recipe(d, f, False),
    decoder: Count = lambda d, f: _layer_recipe(d, f, True),
    stacks: Count = _stacks,
    extra: Count = lambda v, d: 0,
) -> int:
    layers = encoder(d_model, d_ff), decoder(d_model, d_ff)
    return embedding(vocab_size, d_model) + stacks(*layers, num_layers) + extra(vocab_size, d_model)


model_parameters = Exercise(
    name="model_parameters",
    signature="f(vocab_size: int, d_model: int, d_ff: int, num_layers: int) -> int",
    task=(
        "How many parameters the paper's Transformer has: num_layers encoder and as many decoder "
        "layers, with biases, sinusoidal positions, and one matrix for both embeddings and the "
        "output."
    ),
    inputs=("vocab_size", "d_model", "d_ff", "num_layers"),
    reference=_model_recipe,
    cases=((2, 1, 1, 1), (5, 2, 3, 1), (11, 2, 3, 2), (17, 6, 10, 4)),
    bank=(
        swapped(
            _model_recipe,
            "output matrix counted again",
            "The matrix of the vocabulary is counted twice. It is tied: the same numbers look a "
            "word up and score it.",
            embedding=lambda v, d: 2 * v * d,
        ),
        swapped(
            _model_recipe,
            "vocabulary counted three times",
            "Source, target and output have a matrix each here. The paper shares one among all "
            "three (section 3.4).",
            embedding=lambda v, d: 3 * v * d,
        ),
        swapped(
            _model_recipe,
            "embedding forgotten",
            "The vocabulary's matrix is missing: d_model numbers for each word, nearly a third of "
            "the base model.",
            embedding=lambda v, d: 0,
        ),
        swapped(
            _model_recipe,
            "a bias for every word",
            "Each word of the vocabulary has a bias at the output here. The tied output is a "
            "plain product with the embedding.",
            extra=lambda v, d: v,
        ),
        swapped(
            _model_recipe,
            "norms at the ends of the stacks",
            "Two more norms are counted, at the ends of the stacks. Post-norm layers end in a norm "
            "already; only pre-norm stacks need another.",
            extra=lambda v, d: 4 * d,
        ),
        swapped(
            _model_recipe,
            "one layer of each",
            "Each stack has one layer only here. There are num_layers of them, and each has "
            "weights of its own.",
            stacks=lambda e, d, n: e + d,
        ),
        swapped(
            _model_recipe,
            "the encoder alone",
            "Only the encoder's layers are counted.",
            stacks=lambda e, d, n: n * e,
        ),
        swapped(
            _model_recipe,
            "the decoder alone",
            "Only the decoder's layers are counted.",
            stacks=lambda e, d, n: n * d,
        ),
        swapped(
            _model_recipe,
            "the encoder's layers in the decoder too",
            "The decoder's layers are counted like the encoder's. They have one more attention "
            "and one more norm, for what the encoder has read.",
            stacks=lambda e, d, n: 2 * n * e,
        ),
        swapped(
            _model_recipe,
            "biases forgotten",
            "The linear maps have biases: in the base model 68 000 numbers.",
            encoder=lambda d, f: 4 * d * d + 2 * d * f + 4 * d,
            decoder=lambda d, f: 8 * d * d + 2 * d * f + 6 * d,
        ),
    ),
    praise="With the paper's sizes and 37 000 words this gives 63 082 496.",
)
