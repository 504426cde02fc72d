"""Exercise: how many numbers a whole Transformer learns, counted by hand.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3 and table 3.
"""

from txlite.checks.framework import Exercise, swapped
from txlite.checks.model_size._layer_count import Count, layer_recipe

__all__ = ["model_parameters"]


def _stacks(encoder: int, decoder: int, num_layers: int) -> int:
    return num_layers * (encoder + decoder)


def _model_recipe(
    vocab_size: int,
    d_model: int,
    d_ff: int,
    num_layers: int,
    embedding: Count = lambda v, d: v * d,
    encoder: Count = lambda d, f: layer_recipe(d, f, False),
    decoder: Count = lambda d, f: layer_recipe(d, f, True),
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
