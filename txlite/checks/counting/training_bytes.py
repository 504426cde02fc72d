"""Exercise: how many bytes the training of a model holds.

Sources
    Micikevicius et al. (2018), "Mixed Precision Training", section 3.1; Rajbhandari et al. (2020),
    "ZeRO", section 3.1: 16 bytes for a parameter. Korthikanti et al. (2022), "Reducing Activation
    Recomputation in Large Transformer Models", equation 2 and section 5.
"""

from txlite.checks.framework import Exercise, Step, swapped

__all__ = ["training_bytes"]


def _in_both() -> int:
    return 2 + 4


def _in_sixteen() -> int:
    return 2


def _two_moments() -> int:
    return 4 + 4


def _layer(batch_size: int, length: int, d_model: int, num_heads: int) -> int:
    return batch_size * length * (34 * d_model + 5 * num_heads * length)


def _entry(batch_size: int, length: int, d_model: int) -> int:
    return 2 * batch_size * length * d_model


def _entries_and_one(layer: int, entry: int, num_layers: int) -> int:
    return num_layers * entry + layer


def _kept(layer: int, num_layers: int) -> int:
    return num_layers * layer


def _bytes_recipe(
    parameters: int,
    batch_size: int,
    length: int,
    d_model: int,
    num_heads: int,
    num_layers: int,
    checkpointed: bool,
    weights: Step = _in_both,
    gradients: Step = _in_sixteen,
    moments: Step = _two_moments,
    layer: Step = _layer,
    kept: Step = _kept,
    recomputed: Step = _entries_and_one,
    batch: Step = int,
    unit: int = 1,
) -> list[int]:
    many = batch(batch_size)
    one = layer(many, length, d_model, num_heads)
    entry = _entry(many, length, d_model)
    held = recomputed(one, entry, num_layers) if checkpointed else kept(one, num_layers)
    return [unit * each() * parameters for each in (weights, gradients, moments)] + [unit * held]


training_bytes = Exercise(
    name="training_bytes",
    signature=(
        "f(parameters: int, batch_size: int, length: int, d_model: int, num_heads: int, "
        "num_layers: int, checkpointed: bool) -> [weights, gradients, moments, activations]"
    ),
    task=(
        "How many bytes a model's training holds, with Adam in mixed precision: the weights in 16 "
        "bits and once more in 32, the gradients in 16 bits, both moments in 32 bits, and the "
        "activations that the layers keep for the backward pass. A layer keeps, for each token, "
        "34 bytes for each of d_model, and 5 for each head and each position of the length. "
        "Where checkpointed, each layer keeps its input alone, in 16 bits, and one layer at a "
        "time is recomputed whole."
    ),
    inputs=(
        "parameters",
        "batch_size",
        "length",
        "d_model",
        "num_heads",
        "num_layers",
        "checkpointed",
    ),
    reference=_bytes_recipe,
    cases=(
        (10, 1, 1, 1, 1, 1, False),
        (100, 2, 3, 4, 2, 3, False),
        (100, 2, 3, 4, 2, 3, True),
        (5000, 3, 40, 8, 4, 2, False),
        (700, 4, 50, 6, 3, 5, True),
    ),
    bank=(
        swapped(
            _bytes_recipe,
            "bits",
            "This is eight times too much: the bits of a number were taken for its bytes.",
            unit=8,
        ),
        swapped(
            _bytes_recipe,
            "gradients forgotten",
            "The gradients are missing: 2 bytes for each parameter.",
            gradients=lambda: 0,
        ),
        swapped(
            _bytes_recipe,
            "gradients in 32 bits",
            "The gradients are counted with 4 bytes. Here they have 16 bits, as the weights have "
            "that they are the gradients of.",
            gradients=lambda: 4,
        ),
        swapped(
            _bytes_recipe,
            "one moment",
            "The moments are half of what they should be: Adam keeps two of every parameter, the "
            "mean of its gradients and of their squares, and both in 32 bits.",
            moments=lambda: 4,
        ),
        swapped(
            _bytes_recipe,
            "no moments",
            "Both moments are missing. They are half of the 16 bytes of a parameter.",
            moments=lambda: 0,
        ),
        swapped(
            _bytes_recipe,
            "no weights in 32 bits",
            "The weights are counted in 16 bits alone. They are kept in 32 bits beside it: a "
            "small step added to 16 bits would be rounded away.",
            weights=lambda: 2,
        ),
        swapped(
            _bytes_recipe,
            "no weights in 16 bits",
            "The weights are counted in 32 bits alone. The passes read a copy in 16 bits.",
            weights=lambda: 4,
        ),
        swapped(
            _bytes_recipe,
            "activations forgotten",
            "What the layers keep for the backward pass is missing.",
            layer=lambda b, t, d, h: 0,
            kept=lambda layer, n: 0,
            recomputed=lambda layer, entry, n: 0,
        ),
        swapped(
            _bytes_recipe,
            "activations linear in the length",
            "The scores are missing: every token has one for each position and each head, so "
            "that their number grows with the square of the length.",
            layer=lambda b, t, d, h: 34 * b * t * d,
        ),
        swapped(
            _bytes_recipe,
            "scores of one head",
            "The scores are counted for one head. Each has a table of its own.",
            layer=lambda b, t, d, h: b * t * (34 * d + 5 * t),
        ),
        swapped(
            _bytes_recipe,
            "activations of one layer",
            "One layer's activations are counted, whatever is recomputed. Without checkpoints "
            "all the layers keep theirs until the backward pass has come to them.",
            kept=lambda layer, n: layer,
        ),
        swapped(
            _bytes_recipe,
            "one sequence",
            "The activations of one sequence are counted. Every sequence of a batch has its own.",
            batch=lambda b: 1,
        ),
        swapped(
            _bytes_recipe,
            "the recomputed layer forgotten",
            "With checkpoints only the inputs of the layers are counted. While a layer is "
            "recomputed, all that it keeps is there too.",
            recomputed=lambda layer, entry, n: n * entry,
        ),
        swapped(
            _bytes_recipe,
            "checkpoints without effect",
            "With checkpoints as much is counted as without. They keep the input of each layer, "
            "and recompute the rest.",
            recomputed=lambda layer, entry, n: n * layer,
        ),
        swapped(
            _bytes_recipe,
            "the inputs forgotten",
            "With checkpoints only the layer that is recomputed is counted. The input of every "
            "layer is kept too: from it the rest is computed again.",
            recomputed=lambda layer, entry, n: layer,
        ),
    ),
    praise="Sixteen bytes for a parameter: GPT-2 XL takes 25 GB before a single token is read.",
)
