"""What a caller hands in, by the names that the caller knows: tokens, prompts and sources."""

import inspect
from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import Tensor, nn

from txlite._checks import as_whole, check_bool, check_shape, dtype_name

__all__ = [
    "Tokens",
    "as_token",
    "as_tokens",
    "check_one_sided",
    "check_prompt",
    "check_source",
    "check_token",
]

Tokens = int | Collection[int] | None


def as_token(token: Any) -> Any:
    """Return a token as Python's int, if it is a whole number; the reader refuses the rest."""
    number = as_whole(token)
    return token if number is None else number


def as_tokens(tokens: Any) -> tuple[Any, ...]:
    """Return none, one or several tokens as a tuple of Python's ints, each of them once."""
    if tokens is None:
        return ()
    several = isinstance(tokens, Collection | Tensor) and not isinstance(tokens, str)
    if not several or as_whole(tokens) is not None or getattr(tokens, "ndim", 1) != 1:
        return (as_token(tokens),)
    each = [as_token(token) for token in tokens]
    return tuple(token for i, token in enumerate(each) if token not in each[:i])


def check_token(name: str, token: int, vocabulary: int) -> None:
    """Require a token of the vocabulary.

    Raises
    ------
    ValueError
        If it is none.
    """
    if type(token) is not int or not 0 <= token < vocabulary:
        raise ValueError(
            f"{name} should be a token of the vocabulary, in [0, V={vocabulary}), got {token!r}"
        )


def check_prompt(prompt: Tensor, keep: Tensor | None) -> None:
    """Require rows of tokens, padded on the left if at all.

    Raises
    ------
    ValueError
        If a shape or a dtype is wrong, there is no token, or a row ends with padding.
    """
    check_shape("prompt", prompt, "B T")
    if prompt.dtype not in (torch.int32, torch.int64):
        raise ValueError(f"prompt should hold int32 or int64 tokens, got {dtype_name(prompt)}")
    if prompt.shape[0] < 1 or prompt.shape[1] < 1:
        raise ValueError(
            f"prompt should hold at least one token in one row, got shape {tuple(prompt.shape)}"
        )
    if keep is None:
        return
    check_bool("prompt_keep", keep)
    check_shape("prompt_keep", keep, "B T", B=prompt.shape[0], T=prompt.shape[1])
    if not bool(keep[:, -1].all()):
        raise ValueError(
            "prompt_keep should be True in its last column: prompts are padded on the left, so "
            "that every row goes on from a real token"
        )


def check_one_sided(model: Callable[..., Any]) -> None:
    """Require a model that can be called with tokens alone.

    Raises
    ------
    ValueError
        If it needs more.
    """
    call = model.forward if isinstance(model, nn.Module) else model
    try:
        asked = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):  # some callables written in C tell nothing
        return
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in asked if p.kind in plain and p.default is inspect.Parameter.empty]
    if len(names) > 1:
        raise ValueError(
            f"source should be given to a model that reads {' and '.join(names)}, got none"
        )


def check_source(prompt: Tensor, source: Tensor | None, keep: Tensor | None) -> None:
    """Require a source of as many rows as the prompt, and a mask that fits it.

    Raises
    ------
    ValueError
        If a shape or the mask's dtype is wrong, or a mask comes alone.
    """
    rows = prompt.shape[0]
    if source is not None and (source.ndim < 2 or source.shape[0] != rows):
        raise ValueError(
            f"source should have the prompt's batch, B={rows}, and one axis more, got shape "
            f"{tuple(source.shape)}"
        )
    if keep is None:
        return
    if source is None:
        raise ValueError("source_keep should come with a source, got none")
    check_bool("source_keep", keep)
    check_shape("source_keep", keep, "B S", B=rows)
