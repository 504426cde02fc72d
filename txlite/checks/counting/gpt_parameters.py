"""Exercise: how many numbers a GPT with grouped heads learns, counted from its sizes.

Sources
    Radford et al. (2019), "Language Models are Unsupervised Multitask Learners", section 2.3.
    Ainslie et al. (2023), "GQA", section 2.2: several query heads share a head of keys and values.
"""

from txlite.checks.framework import Exercise, Step, swapped

__all__ = ["gpt_parameters"]


def _embeddings(vocab_size: int, max_len: int, d_model: int, num_layers: int) -> int:
    return vocab_size * d_model + max_len * d_model


def _head(vocab_size: int, d_model: int, tied: bool) -> int:
    return 0 if tied else vocab_size * d_model


def _narrow(d_model: int, num_heads: int, num_kv_heads: int) -> int:
    return d_model // num_heads * num_kv_heads


def _attention(d_model: int, inner: int, num_heads: int, bias: int) -> int:
    return 2 * d_model * (d_model + bias) + 2 * inner * (d_model + bias)


def _feed_forward(d_model: int, d_ff: int, bias: int) -> int:
    return 2 * d_model * d_ff + bias * (d_ff + d_model)


def _two_and_one(d_model: int, num_layers: int) -> int:
    return 2 * d_model * (2 * num_layers + 1)


def _gpt_recipe(
    vocab_size: int,
    max_len: int,
    d_model: int,
    num_heads: int,
    num_kv_heads: int,
    d_ff: int,
    num_layers: int,
    tied: bool,
    embeddings: Step = _embeddings,
    head: Step = _head,
    keys: Step = _narrow,
    attention: Step = _attention,
    feed_forward: Step = _feed_forward,
    norms: Step = _two_and_one,
    layers: Step = int,
    bias: int = 1,
) -> int:
    inner = keys(d_model, num_heads, num_kv_heads)
    block = attention(d_model, inner, num_heads, bias) + feed_forward(d_model, d_ff, bias)
    found: int = (
        embeddings(vocab_size, max_len, d_model, num_layers)
        + layers(num_layers) * block
        + norms(d_model, num_layers)
        + head(vocab_size, d_model, tied)
    )
    return found


gpt_parameters = Exercise(
    name="gpt_parameters",
    signature=(
        "f(vocab_size: int, max_len: int, d_model: int, num_heads: int, num_kv_heads: int, "
        "d_ff: int, num_layers: int, tied: bool) -> int"
    ),
    task=(
        "How many parameters a GPT has: a learned position for each of max_len, pre-norm layers, "
        "a bias in every linear map but the output, a scale and a shift in each norm, and a norm "
        "at the end. A head is d_model / num_heads wide; there are num_kv_heads heads of keys and "
        "of values. The output is the embedding where tied, and else a matrix of its own."
    ),
    inputs=(
        "vocab_size",
        "max_len",
        "d_model",
        "num_heads",
        "num_kv_heads",
        "d_ff",
        "num_layers",
        "tied",
    ),
    reference=_gpt_recipe,
    cases=(
        (3, 2, 1, 1, 1, 1, 1, True),
        (7, 5, 4, 2, 1, 6, 2, True),
        (7, 5, 4, 2, 2, 6, 2, False),
        (11, 8, 12, 6, 2, 20, 3, True),
        (11, 9, 12, 4, 2, 20, 4, False),
    ),
    bank=(
        swapped(
            _gpt_recipe,
            "multiplied by the heads",
            "The attention is counted once for every head. The heads share its matrices, each "
            "takes columns of its own: a count of heads changes no number here, as long as all "
            "of them have keys.",
            attention=lambda d, inner, heads, bias: heads * _attention(d, inner, heads, bias),
        ),
        swapped(
            _gpt_recipe,
            "query heads for key heads",
            "Keys and values are as wide as the queries here. Of their heads there are "
            "num_kv_heads, and so many columns the two matrices have.",
            keys=lambda d, heads, kv: d,
        ),
        swapped(
            _gpt_recipe,
            "one head of keys",
            "Keys and values have one head here. There are num_kv_heads of them.",
            keys=lambda d, heads, kv: d // heads,
        ),
        swapped(
            _gpt_recipe,
            "biases forgotten",
            "No linear map has a bias here. Each has one number for every column that it writes.",
            bias=0,
        ),
        swapped(
            _gpt_recipe,
            "tied output counted again",
            "The output has a matrix of its own in every case here. Where it is tied, the "
            "embedding does its work, and is counted once.",
            head=lambda v, d, tied: v * d,
        ),
        swapped(
            _gpt_recipe,
            "own output forgotten",
            "The output adds nothing here. Where it is not tied it is a second matrix of the "
            "vocabulary's size.",
            head=lambda v, d, tied: 0,
        ),
        swapped(
            _gpt_recipe,
            "a bias for every token",
            "Every token of the vocabulary has a bias at the output here. The output is a "
            "product with a matrix, and nothing is added.",
            head=lambda v, d, tied: _head(v, d, tied) + v,
        ),
        swapped(
            _gpt_recipe,
            "embeddings left out",
            "The vectors of tokens and positions are missing. A count without embeddings is a "
            "count of another thing: say so, or count them.",
            embeddings=lambda v, t, d, n: 0,
        ),
        swapped(
            _gpt_recipe,
            "positions left out",
            "The learned positions are missing: d_model numbers for each of max_len.",
            embeddings=lambda v, t, d, n: v * d,
        ),
        swapped(
            _gpt_recipe,
            "positions in every layer",
            "Each layer has positions of its own here. They are added once, before the first.",
            embeddings=lambda v, t, d, n: v * d + n * t * d,
        ),
        swapped(
            _gpt_recipe,
            "last norm forgotten",
            "The norm at the end is missing. A pre-norm stack needs one, for its last layer "
            "leaves with a sum that nothing has normalised.",
            norms=lambda d, n: 4 * d * n,
        ),
        swapped(
            _gpt_recipe,
            "norms forgotten",
            "No norm is counted: two in each layer and one at the end, with a scale and a shift.",
            norms=lambda d, n: 0,
        ),
        swapped(
            _gpt_recipe,
            "shift of the norms forgotten",
            "A norm learns a scale and a shift for every column; one of the two is missing.",
            norms=lambda d, n: d * (2 * n + 1),
        ),
        swapped(
            _gpt_recipe,
            "W^O forgotten",
            "The matrix that mixes the heads, W^O, is missing: d_model × d_model and its bias.",
            attention=lambda d, inner, heads, bias: (d + 2 * inner) * (d + bias),
        ),
        swapped(
            _gpt_recipe,
            "one matrix in the feed-forward layer",
            "The feed-forward layer goes out and comes back: two matrices.",
            feed_forward=lambda d, f, bias: d * f + bias * f,
        ),
        swapped(
            _gpt_recipe,
            "one layer",
            "The attention and the feed-forward layer are counted for one layer. Each of the "
            "num_layers has its own.",
            layers=lambda n: 1,
        ),
    ),
    praise="GPT-2's sizes give 124 439 808, of which 39 383 808 are embeddings.",
)
