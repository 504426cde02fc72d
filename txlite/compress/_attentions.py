"""Where the attentions of a model are, and which of their heads are meant."""

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from txlite._checks import as_whole, check_module
from txlite.nn import MultiHeadAttention

__all__ = ["Heads", "attentions", "checked_heads", "kept_heads"]

Heads = Mapping[str, Collection[int]]
"""For the path of an attention, the numbers of some of its heads."""


def attentions(model: nn.Module) -> dict[str, MultiHeadAttention]:
    """Return every multi-head attention by its path; one that stands in many places, by its first.

    Raises
    ------
    ValueError
        If there is none.
    """
    check_module("model", model)
    found = {
        path: module
        for path, module in model.named_modules()
        if isinstance(module, MultiHeadAttention)
    }
    if not found:
        raise ValueError(
            f"model should hold a txlite.nn.MultiHeadAttention, got a {type(model).__name__} "
            "without any"
        )
    return found


def checked_heads(found: Mapping[str, MultiHeadAttention], heads: Any) -> dict[str, list[int]]:
    """Require heads that are there, and return them by path, in order, each once.

    Raises
    ------
    ValueError
        If ``heads`` is no mapping, a path leads to no attention, or an attention has no such head.
    """
    if not isinstance(heads, Mapping):
        raise ValueError(
            f"heads should map paths of attentions to numbers of heads, got {type(heads).__name__}"
        )
    checked = {}
    for path, numbers in heads.items():
        if path not in found:
            raise ValueError(f"heads should name attentions of {sorted(found)}, got {path!r}")
        count = found[path].num_heads
        whole = [as_whole(number) for number in numbers]
        if wrong := [
            n for n, w in zip(numbers, whole, strict=True) if w is None or w not in range(count)
        ]:
            raise ValueError(
                f"heads of {path!r} should be whole numbers in [0, num_heads={count}), got {wrong}"
            )
        checked[path] = sorted({number for number in whole if number is not None})
    return checked


def kept_heads(count: int, gone: Collection[int], device: torch.device) -> Tensor:
    """Return the numbers of the heads that stay."""
    return torch.tensor([h for h in range(count) if h not in set(gone)], device=device)
