"""Exercise: how many operations one step of training takes.

Sources
    Kaplan et al. (2020), "Scaling Laws for Neural Language Models", section 2.1 and table 1: two
    operations for a multiplication and an addition, twice as many backward as forward. Hoffmann
    et al. (2022), "Training Compute-Optimal Large Language Models", appendix F, which counts the
    scores and the logits too.
"""

from txlite.checks.framework import Exercise, Step, swapped

__all__ = ["training_flops"]


def _projections(d_model: int) -> int:
    return 4 * d_model * d_model


def _scores_and_values(length: int, d_model: int) -> int:
    return 2 * length * d_model


def _out_and_back(d_model: int, d_ff: int) -> int:
    return 2 * d_model * d_ff


def _logits(vocab_size: int, d_model: int) -> int:
    return vocab_size * d_model


def _forward_and_twice_back(forward: int) -> int:
    return 3 * forward


def _flops_recipe(
    batch_size: int,
    length: int,
    vocab_size: int,
    d_model: int,
    d_ff: int,
    num_layers: int,
    projections: Step = _projections,
    attended: Step = _scores_and_values,
    feed_forward: Step = _out_and_back,
    ends: Step = _logits,
    layers: Step = int,
    tokens: Step = lambda batch_size, length: batch_size * length,
    both: Step = _forward_and_twice_back,
    each: int = 2,
) -> int:
    layer = projections(d_model) + attended(length, d_model) + feed_forward(d_model, d_ff)
    forward = layers(num_layers) * layer + ends(vocab_size, d_model)
    found: int = both(each * tokens(batch_size, length) * forward)
    return found


training_flops = Exercise(
    name="training_flops",
    signature=(
        "f(batch_size: int, length: int, vocab_size: int, d_model: int, d_ff: int, "
        "num_layers: int) -> int"
    ),
    task=(
        "How many floating-point operations one step of training takes, forward and backward, of "
        "a GPT without grouped heads. Count its matrix products, a multiplication and an addition "
        "as two: four projections, scores and weighted values over the whole length, whatever the "
        "mask hides, the feed-forward layer, and the logits of every position. The backward pass "
        "takes twice as many as the forward pass."
    ),
    inputs=("batch_size", "length", "vocab_size", "d_model", "d_ff", "num_layers"),
    reference=_flops_recipe,
    cases=(
        (1, 1, 2, 1, 3, 1),
        (2, 3, 7, 4, 10, 2),
        (1, 40, 11, 6, 20, 3),
        (3, 16, 200, 8, 30, 4),
    ),
    bank=(
        swapped(
            _flops_recipe,
            "a multiply-add as one",
            "Half is counted: every number of a product is multiplied and added, which is two "
            "operations. Some papers count one, and then call it a MAC.",
            each=1,
        ),
        swapped(
            _flops_recipe,
            "scores forgotten",
            "The two products without a parameter are missing: the scores, and the weighted "
            "values. They grow with the square of the length.",
            attended=lambda t, d: 0,
        ),
        swapped(
            _flops_recipe,
            "scores without values",
            "The scores are counted, the weighted sum of the values is not: it takes as many.",
            attended=lambda t, d: t * d,
        ),
        swapped(
            _flops_recipe,
            "scores of a layer that reads one token",
            "Scores and values are counted as if each query had a single key. It has one for "
            "every position of the length.",
            attended=lambda t, d: 2 * d,
        ),
        swapped(
            _flops_recipe,
            "logits forgotten",
            "The product with the vocabulary's matrix is missing. In a small model it is the "
            "largest of all.",
            ends=lambda v, d: 0,
        ),
        swapped(
            _flops_recipe,
            "the lookup counted",
            "The embedding is counted as a product here. It is looked up: a row is copied, and "
            "nothing is multiplied.",
            ends=lambda v, d: 2 * v * d,
        ),
        swapped(
            _flops_recipe,
            "backward as dear as forward",
            "The backward pass is counted like the forward pass. It has two products for each: "
            "one for the gradient of the input, one for that of the weights.",
            both=lambda forward: 2 * forward,
        ),
        swapped(
            _flops_recipe,
            "forward alone",
            "This is the forward pass. Training goes back too, which takes twice as many.",
            both=lambda forward: forward,
        ),
        swapped(
            _flops_recipe,
            "recomputed",
            "A second forward pass is counted, as with checkpoints. Here all is kept.",
            both=lambda forward: 4 * forward,
        ),
        swapped(
            _flops_recipe,
            "W^O forgotten",
            "There are four projections: of queries, keys and values, and W^O behind the heads.",
            projections=lambda d: 3 * d * d,
        ),
        swapped(
            _flops_recipe,
            "one map of the feed-forward layer",
            "The feed-forward layer goes out and comes back: two products.",
            feed_forward=lambda d, f: d * f,
        ),
        swapped(
            _flops_recipe,
            "one layer",
            "One layer is counted. There are num_layers of them.",
            layers=lambda n: 1,
        ),
        swapped(
            _flops_recipe,
            "one sequence",
            "One sequence is counted. A step reads batch_size of them.",
            tokens=lambda b, t: t,
        ),
        swapped(
            _flops_recipe,
            "one token",
            "The operations of one token of each sequence are counted, not of the whole length.",
            tokens=lambda b, t: b,
        ),
    ),
    praise="Six for each weight of a matrix and token, and what the scores add.",
)
