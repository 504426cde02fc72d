"""Exercise: how far back a stack of convolutions can see.

Sources
    Luo et al. (2016), "Understanding the Effective Receptive Field in Deep Convolutional Neural
    Networks", section 1 (the theoretical field).
    Araujo et al. (2019), "Computing Receptive Fields of Convolutional Neural Networks", Distill
    (with strides).
"""

import math
from collections.abc import Callable

from txlite.checks.framework import Exercise, Mistake, swapped

__all__ = ["receptive_field"]


def _reach(kernel_size: int, dilation: int, step: int) -> int:
    return (kernel_size - 1) * dilation * step


def _step(strides: list[int], layer: int) -> int:
    """How far apart in the input two neighbours stand that a layer reads."""
    return math.prod(strides[:layer])


def _field_recipe(
    kernel_sizes: list[int],
    dilations: list[int],
    strides: list[int],
    each: Callable[[int, int, int], float] = _reach,
    step: Callable[[list[int], int], int] = _step,
    total: Callable[[list[float]], float] = sum,
    own: int = 1,
) -> object:
    layers = enumerate(zip(kernel_sizes, dilations, strict=True))
    return own + total([each(k, d, step(strides, i)) for i, (k, d) in layers])


def _like_strides(kernel_sizes: list[int], dilations: list[int], strides: list[int]) -> object:
    carried = [math.prod(dilations[: i + 1]) for i in range(len(dilations))]
    return _field_recipe(kernel_sizes, carried, strides)


receptive_field = Exercise(
    name="receptive_field",
    signature="f(kernel_sizes: list[int], dilations: list[int], strides: list[int]) -> int",
    task=(
        "The receptive field of stacked convolutions: from the first to the last position of the "
        "input on which one output depends, both included. Layers come from the input upwards."
    ),
    inputs=("kernel_sizes", "dilations", "strides"),
    reference=_field_recipe,
    cases=(
        ([2], [1], [1]),
        ([3], [2], [1]),
        ([3], [1], [2]),
        ([3, 3], [1, 1], [1, 1]),
        ([2, 2], [1, 1], [3, 1]),
        ([2, 2, 2], [1, 2, 4], [1, 1, 1]),
        ([7, 2, 2], [2, 1, 3], [1, 3, 2]),
        ([10, 3, 3, 3, 3, 2, 2], [1, 1, 1, 1, 1, 1, 1], [5, 2, 2, 2, 2, 2, 2]),
        ([], [], []),
    ),
    bank=(
        swapped(
            _field_recipe,
            "dilation ignored",
            "The dilations are left out. A kernel of size k with dilation d reaches over "
            "(k − 1)·d steps: it skips positions, and so sees further.",
            each=lambda k, d, step: (k - 1) * step,
        ),
        swapped(
            _field_recipe,
            "sum of the kernel sizes",
            "The kernel sizes are added whole. Neighbouring kernels share a position: a layer "
            "adds only k − 1 new ones for each step of its dilation.",
            each=lambda k, d, step: k * d * step,
            own=0,
        ),
        swapped(
            _field_recipe,
            "kernel size times dilation",
            "Each layer adds k·d. A kernel with k entries has only k − 1 gaps: it adds (k − 1)·d.",
            each=lambda k, d, step: k * d * step,
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
            each=lambda k, d, step: 2 * (k - 1) * d * step,
        ),
        swapped(
            _field_recipe,
            "product instead of sum",
            "The layers' fields are multiplied. Each layer adds its reach to what the layer below "
            "sees; fields grow by sums.",
            each=lambda k, d, step: (k - 1) * d * step + 1,
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
            _like_strides,
        ),
        swapped(
            _field_recipe,
            "strides ignored",
            "The strides are left out. Above a layer with stride s neighbours stand s times as far "
            "apart, so every kernel there spans s times as much of the input.",
            step=lambda strides, layer: 1,
        ),
        swapped(
            _field_recipe,
            "own stride counted",
            "A layer's own stride multiplies its own reach. The stride says at which positions a "
            "kernel is applied, not how wide it is: it counts from the next layer on.",
            step=lambda strides, layer: math.prod(strides[: layer + 1]),
        ),
        swapped(
            _field_recipe,
            "own stride alone",
            "Each reach is multiplied by the stride of its own layer. What counts is the product "
            "of the strides of all layers below it.",
            step=lambda strides, layer: strides[layer],
        ),
        swapped(
            _field_recipe,
            "last stride alone",
            "Only the stride of the layer just below is used. Strides multiply up: it takes the "
            "product over all layers below.",
            step=lambda strides, layer: math.prod(strides[:layer][-1:]),
        ),
        swapped(
            _field_recipe,
            "strides of the layers above",
            "Each reach is multiplied by the strides of the layers above it. It is the layers "
            "below that put its neighbours apart.",
            step=lambda strides, layer: math.prod(strides[layer + 1 :]),
        ),
    ),
    praise="Now you know how deep a convolution must be to remember.",
)
