"""The recipe of the attention weights, which both exercises of the dot product are made of."""

from torch import Tensor

from txlite.checks.dot_product._attention_steps import by_root_width, dot, softmax_over_keys
from txlite.checks.framework import Step, as_given

__all__ = ["weights_recipe"]


def weights_recipe(
    query: Tensor,
    key: Tensor,
    score: Step = dot,
    scale: Step = by_root_width,
    normalise: Step = softmax_over_keys,
    finish: Step = as_given,
) -> object:
    """Compute the attention weights, step by step."""
    return finish(normalise(scale(score(query, key), query, key)), query)
