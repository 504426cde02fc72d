"""What attention asks of its arguments: tensors, mask and bias that fit each other."""

from torch import Tensor

from txlite._checks import (
    check_alike,
    check_batch,
    check_device,
    check_floating,
    check_shape,
)
from txlite.nn._rules import Mask, as_mask

__all__ = ["check_arguments", "check_scores"]


def check_arguments(
    query: Tensor,
    key: Tensor,
    value: Tensor | None,
    mask: Mask | Tensor | None,
    bias: Tensor | None,
) -> Mask | None:
    """Check shapes and return the mask as a rule."""
    query_sizes = check_shape("query", query, "*B T E")
    check_floating("query", query)
    key_sizes = check_shape("key", key, "*B S E", E=query_sizes["E"])
    batch = query.shape[:-2]
    check_batch("key", key, batch)
    check_alike("key", key, query)
    if value is not None:
        check_alike("value", value, query)
        check_shape("value", value, "*B S V", S=key_sizes["S"])
        check_batch("value", value, batch)
    return check_scores(query, key_sizes["S"], mask, bias)


def check_scores(
    query: Tensor, num_keys: int, mask: Mask | Tensor | None, bias: Tensor | None
) -> Mask | None:
    """Check mask and bias against the scores and return the mask as a rule."""
    if bias is not None:
        _check_bias(bias, query, num_keys)
    if mask is None:
        return None
    rule = as_mask(mask)
    num_queries, batch = query.shape[-2], query.shape[:-2]
    rule.check(num_queries, num_keys, batch, query.device)
    return rule


def _check_bias(bias: Tensor, query: Tensor, num_keys: int) -> None:
    """Require floating-point numbers that broadcast to the scores without enlarging them."""
    check_floating("bias", bias)
    check_device("bias", bias, query.device)
    scores = (*query.shape[:-1], num_keys)
    pairs = zip(reversed(bias.shape), reversed(scores), strict=False)
    if bias.ndim > len(scores) or any(n not in (1, size) for n, size in pairs):
        raise ValueError(
            f"bias should broadcast to the scores' shape (*B, T, S)={scores}, "
            f"got {tuple(bias.shape)}"
        )
