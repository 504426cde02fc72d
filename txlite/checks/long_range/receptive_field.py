"""Exercise: how far back a stack of convolutions can see.

Sources
    Luo et al. (2016), "Understanding the Effective Receptive Field in Deep Convolutional Neural
    Networks", section 1 (the theoretical field).
"""

import math
from collections.abc import Callable

from txlite.checks.framework import Exercise, Mistake, swapped

__all__ = ["receptive_field"]


def _reach(kernel_size: int, dilation: int) -> int:
    return (kernel_size - 1) * dilation


def _field_recipe(
    kernel_sizes: list[int],
    dilations: list[int],
    each: Callable[[int, int], float] = _reach,
    total: Callable[[list[float]], float] = sum,
    own: int = 1,
) -> object:
    return own + total([each(k, d) for k, d in zip(kernel_sizes, dilations, strict=True)])


def _strided(kernel_sizes: list[int], dilations: list[int]) -> int:
    steps = [math.prod(dilations[: i + 1]) for i in range(len(dilations))]
    return 1 + sum((k - 1) * step for k, step in zip(kernel_sizes, steps, strict=True))


receptive_field = Exercise(
    name="receptive_field",
    signature="f(kernel_sizes: list[int], dilations: list[int]) -> int",
    task="How many positions of the input one output of stacked convolutions can see; stride 1.",
    inputs=("kernel_sizes", "dilations"),
    reference=_field_recipe,
    cases=(
        ([2], [1]),
        ([3], [2]),
        ([3, 3], [1, 1]),
        ([2, 2, 2], [1, 2, 4]),
        ([5, 2, 3], [2, 1, 3]),
        ([], []),
    ),
    bank=(
        swapped(
            _field_recipe,
            "dilation ignored",
            "The dilations are left out. A kernel of size k with dilation d reaches over "
            "(k − 1)·d steps: it skips positions, and so sees further.",
            each=lambda k, d: k - 1,
        ),
        swapped(
            _field_recipe,
            "sum of the kernel sizes",
            "The kernel sizes are added whole. Neighbouring kernels share a position: a layer "
            "adds only k − 1 new ones for each step of its dilation.",
            each=lambda k, d: k * d,
            own=0,
        ),
        swapped(
            _field_recipe,
            "kernel size times dilation",
            "Each layer adds k·d. A kernel with k entries has only k − 1 gaps: it adds (k − 1)·d.",
            each=lambda k, d: k * d,
        ),
        swapped(
            _field_recipe,
            "own position forgotten",
            "One is missing. Before the first layer an output sees one position, its own; the "
            "layers add to that.",
            own=0,
        ),
        swapped(
            _field_recipe,
            "both sides counted",
            "Each layer's reach is counted twice, to the left and to the right. The k entries of "
            "a kernel span both sides together.",
            each=lambda k, d: 2 * (k - 1) * d,
        ),
        swapped(
            _field_recipe,
            "product instead of sum",
            "The layers' kernels are multiplied. Without a stride each layer adds its reach to "
            "what the layer below sees; fields grow by sums.",
            each=lambda k, d: (k - 1) * d + 1,
            total=math.prod,
            own=0,
        ),
        swapped(
            _field_recipe,
            "only the widest layer",
            "Only the widest layer counts. In a stack each layer looks through the ones below, "
            "so the reaches add up.",
            total=lambda reaches: max(reaches, default=0),
        ),
        swapped(
            _field_recipe,
            "only the last layer",
            "Only the last layer counts. It looks through the ones below, so the reaches add up.",
            total=lambda reaches: reaches[-1] if reaches else 0,
        ),
        Mistake(
            "dilations multiplied up",
            "The dilations are multiplied from layer to layer. That is what strides do; a "
            "dilation spreads its own layer's kernel only.",
            _strided,
        ),
    ),
    praise="Now you know how deep a convolution must be to remember.",
)
