"""Exercise: how much each query attends to each key.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.2.1, equation (1).
"""

import torch
from torch import Tensor

from txlite.checks.dot_product._attention_steps import mistakes_of
from txlite.checks.dot_product._weights import weights_recipe
from txlite.checks.framework import Exercise, halves, normal, swapped
from txlite.nn import attention_weights as right_weights

__all__ = ["attention_weights"]


def _minus_half_distance(query: Tensor, key: Tensor) -> Tensor:
    gaps = query[..., :, None, :] - key[..., None, :, :]
    return -gaps.square().sum(-1) / 2


_DISTANCE = swapped(
    weights_recipe,
    "distance in place of the product",
    "The scores fall with the distance of query and key. The product also grows with the length "
    "of the key, which is another number for each key of a row.",
    score=_minus_half_distance,
)

attention_weights = Exercise(
    name="attention_weights",
    signature="f(query: (*B, T, E), key: (*B, S, E)) -> (*B, T, S)",
    task="How much each query attends to each key: softmax(QKᵀ/√E), each row summing to one.",
    inputs=("query", "key"),
    reference=right_weights,
    cases=(
        (torch.tensor([[2.0, 0.0, 0.0, 0.0]]), torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 0]])),
        (halves(1, 2, 4), halves(2, 3, 4)),
        (halves(3, 2, 3), halves(4, 3, 3)),
        (halves(5, 2, 1, 4), halves(6, 2, 3, 4)),
        (100 * halves(7, 2, 4), halves(8, 3, 4)),
        (normal(9, 2, 3, 4, 6), normal(10, 2, 3, 5, 6)),
    ),
    bank=(*mistakes_of(weights_recipe), _DISTANCE),
    praise="Every query now has its weights, one for each key.",
    differentiable=True,
)
