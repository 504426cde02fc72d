"""What attention asks of its arguments: tensors, mask and bias that fit each other."""

from collections.abc import Sequence

import torch
from torch import Tensor

from txlite._checks import (
    check_alike,
    check_batch,
    check_device,
    check_divides,
    check_floating,
    check_shape,
)
from txlite.nn.masks._rules import Mask, as_mask

__all__ = ["check_arguments", "check_bias", "check_grouped", "check_scores"]


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
    scores = (*query.shape[:-1], key_sizes["S"])
    return check_scores(scores, query.device, mask, bias)


def check_grouped(
    query: Tensor, key: Tensor, value: Tensor, mask: Mask | Tensor | None, bias: Tensor | None
) -> None:
    """Check the arguments of heads side by side, of which several may share a key head."""
    sizes = check_shape("query", query, "B H T E")
    check_floating("query", query)
    found = check_shape("key", key, "B K S E", B=sizes["B"], E=sizes["E"])
    check_alike("key", key, query)
    check_shape("value", value, "B K S V", B=sizes["B"], K=found["K"], S=found["S"])
    check_alike("value", value, query)
    check_divides("the key's K", found["K"], "the query's H", sizes["H"])
    check_scores((*query.shape[:-1], found["S"]), query.device, mask, bias)


def check_scores(
    scores: Sequence[int],
    device: torch.device,
    mask: Mask | Tensor | None,
    bias: Tensor | None,
) -> Mask | None:
    """Check mask and bias against scores of shape (..., T, S); return the mask as a rule."""
    if bias is not None:
        check_bias(bias, scores, device)
    if mask is None:
        return None
    rule = as_mask(mask)
    *batch, num_queries, num_keys = scores
    rule.check(num_queries, num_keys, batch, device)
    return rule


def check_bias(bias: Tensor, scores: Sequence[int], device: torch.device) -> None:
    """Require floating-point numbers that broadcast to the scores without enlarging them."""
    check_floating("bias", bias)
    check_device("bias", bias, device)
    pairs = zip(reversed(bias.shape), reversed(scores), strict=False)
    if bias.ndim > len(scores) or any(n not in (1, size) for n, size in pairs):
        raise ValueError(
            f"bias should broadcast to the scores' shape (*B, T, S)={tuple(scores)}, "
            f"got {tuple(bias.shape)}"
        )
