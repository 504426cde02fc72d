"""How many numbers a layer learns: the recipe of a layer, and of every layer of a model."""

from collections.abc import Callable

__all__ = ["Count", "feed_forward_count", "layer_recipe"]

Count = Callable[..., int]


def attention_count(d_model: int) -> int:
    """Count four projections and their biases."""
    return 4 * (d_model * d_model + d_model)


def feed_forward_count(d_model: int, d_ff: int) -> int:
    """Count two linear maps and their biases."""
    return d_model * d_ff + d_ff + d_ff * d_model + d_model


def norm_count(d_model: int) -> int:
    """Count a scale and a shift."""
    return 2 * d_model


def layer_recipe(
    d_model: int,
    d_ff: int,
    decoder: bool,
    attention: Count = attention_count,
    feed_forward: Count = feed_forward_count,
    norm: Count = norm_count,
    attentions: tuple[int, int] = (1, 2),
    norms: tuple[int, int] = (2, 3),
) -> int:
    """Count an encoder layer, or a decoder layer."""
    return (
        attentions[decoder] * attention(d_model)
        + feed_forward(d_model, d_ff)
        + norms[decoder] * norm(d_model)
    )
