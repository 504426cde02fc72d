"""Exercise: the values, each by its weight.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.2.1, equation (1).
"""

import torch
from torch import Tensor

from txlite.checks.dot_product._attention_steps import mistakes_of
from txlite.checks.dot_product._weights import weights_recipe
from txlite.checks.framework import Exercise, Step, halves, normal, swapped
from txlite.nn import scaled_dot_product_attention as right_attention

__all__ = ["attention"]


def _weighted_sum(weights: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return weights @ value


def _attention_recipe(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    gather: Step = _weighted_sum,
    **steps: Step,
) -> object:
    return gather(weights_recipe(query, key, **steps), key, value)


_GATHER_BANK = (
    swapped(
        _attention_recipe,
        "averages the keys",
        "The weights are applied to the keys. The key says how to find something; what is handed "
        "over when it is found is the value.",
        gather=lambda w, k, v: w @ k,
    ),
    swapped(
        _attention_recipe,
        "returns the weights",
        "These are the weights. They still have to be used: weights @ value.",
        gather=lambda w, k, v: w,
    ),
    swapped(
        _attention_recipe,
        "weights transposed",
        "The weights are transposed before they meet the values. Row t of the weights says how "
        "much query t takes from each value: weights @ value.",
        gather=lambda w, k, v: w.mT @ v,
    ),
    swapped(
        _attention_recipe,
        "mean instead of sum",
        "The weighted values are averaged, not summed. The weights sum to one already, so "
        "dividing by the number of keys makes the result too small.",
        gather=lambda w, k, v: w @ v / v.shape[-2],
    ),
    swapped(
        _attention_recipe,
        "plain mean of the values",
        "Every query gets the plain mean of the values: the weights are computed but not used.",
        gather=lambda w, k, v: (w * 0 + 1 / v.shape[-2]) @ v,
    ),
)

attention = Exercise(
    name="attention",
    signature="f(query: (*B, T, E), key: (*B, S, E), value: (*B, S, V)) -> (*B, T, V)",
    task="Scaled dot-product attention: softmax(QKᵀ/√E)V, an average of the values per query.",
    inputs=("query", "key", "value"),
    reference=right_attention,
    cases=(
        (
            torch.tensor([[2.0, 0.0, 0.0, 0.0]]),
            torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 0]]),
            torch.tensor([[1.0], [0.0]]),
        ),
        (halves(1, 2, 4), halves(2, 3, 4), halves(3, 3, 2)),
        (halves(4, 3, 3), halves(5, 3, 3), halves(6, 3, 2)),
        (halves(7, 2, 1, 4), halves(8, 2, 3, 4), halves(9, 2, 3, 2)),
        (100 * halves(10, 2, 4), halves(11, 3, 4), halves(12, 3, 2)),
        (normal(13, 2, 3, 4, 6), normal(14, 2, 3, 5, 6), normal(15, 2, 3, 5, 7)),
    ),
    bank=mistakes_of(_attention_recipe) + _GATHER_BANK,
    praise="This one line is the heart of every Transformer.",
    differentiable=True,
)
