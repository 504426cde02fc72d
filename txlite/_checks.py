"""Argument checks, and the one wording of their errors.

Every message names the argument, what was wanted in the letters of the book's notation, and what
came. The checks compare plain integers and are traced away by ``torch.compile``; in eager mode a
whole model would feel them if each of its parts ran its own, so :mod:`txlite.nn` checks once, at
the outermost call (:mod:`txlite.nn._edge`).
"""

from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from txlite._numbers import (
    as_number,
    as_whole,
    check_finite,
    check_length,
    check_number,
    check_positive,
    check_probability,
    check_rate,
    check_share,
    check_whole,
)

__all__ = [
    "as_number",
    "as_whole",
    "check_alike",
    "check_batch",
    "check_bool",
    "check_callable",
    "check_choice",
    "check_device",
    "check_divides",
    "check_dtype",
    "check_finite",
    "check_floating",
    "check_generator",
    "check_length",
    "check_module",
    "check_number",
    "check_positive",
    "check_probability",
    "check_rate",
    "check_shape",
    "check_share",
    "check_tokens",
    "check_whole",
    "dtype_name",
]


def check_shape(name: str, x: Any, axes: str, **sizes: int) -> dict[str, int]:
    """Match the shape of ``x`` against axes such as ``"B T D"``, and return the sizes it fixes.

    A leading ``*B`` stands for any number of axes, whose sizes are not returned.

    Parameters
    ----------
    name : str
        What the caller calls ``x``.
    x : Tensor
        The tensor to look at.
    axes : str
        One letter or word for each axis, separated by blanks.
    **sizes : int
        Sizes that are already known, by the axis' letter.

    Returns
    -------
    dict of str to int
        ``sizes``, and the size of every other axis.

    Raises
    ------
    ValueError
        If ``x`` is no tensor, or the number of its axes or a known size disagrees.
    """
    letters = axes.split()
    if not isinstance(x, Tensor):
        wanted = ", ".join(letters)
        raise ValueError(f"{name} should be a tensor of shape ({wanted}), got {type(x).__name__}")
    fixed = [letter for letter in letters if not letter.startswith("*")]
    enough = x.ndim == len(letters) if fixed == letters else x.ndim >= len(fixed)
    found = dict(zip(fixed, x.shape[x.ndim - len(fixed) :], strict=True)) if enough else {}
    wrong = [a for a in fixed if enough and a in sizes and found[a] != sizes[a]]
    if not enough or wrong:
        wanted = ", ".join(f"{a}={sizes[a]}" if a in sizes else a for a in letters)
        reason = f"; axis {wrong[0]} disagrees" if wrong else ""
        raise ValueError(f"{name} should have shape ({wanted}), got {tuple(x.shape)}{reason}")
    return {**sizes, **found}


def check_batch(name: str, x: Tensor, batch: Sequence[int], trailing: int = 2) -> None:
    """Require that the axes of ``x`` before the last ``trailing`` ones are exactly ``batch``.

    Raises
    ------
    ValueError
        If they are not.
    """
    found = tuple(x.shape[: x.ndim - trailing])
    if found != tuple(batch):
        raise ValueError(
            f"{name} should have the query's leading axes *B={tuple(batch)}, got shape "
            f"{tuple(x.shape)}"
        )


def dtype_name(x: Tensor) -> str:
    """Return a dtype as one says it: ``float32``."""
    return str(x.dtype).removeprefix("torch.")


def check_floating(name: str, x: Tensor) -> None:
    """Require a tensor of floating-point numbers.

    Raises
    ------
    ValueError
        If ``x`` holds anything else, for instance token numbers or a mask.
    """
    if not x.is_floating_point():
        raise ValueError(f"{name} should hold floating-point numbers, got {dtype_name(x)}")


def check_dtype(name: str, x: Tensor, like_name: str, like: Tensor) -> None:
    """Require that ``x`` has the dtype of another tensor, unless autocast is there to unite them.

    Raises
    ------
    ValueError
        If the dtypes differ.
    """
    if x.dtype != like.dtype and not torch.is_autocast_enabled(x.device.type):
        raise ValueError(
            f"{name} should have the dtype of {like_name}, {dtype_name(like)}, got {dtype_name(x)}"
        )


def check_bool(name: str, x: Any) -> None:
    """Require a bool tensor: the polarity of numbers cannot be known.

    Raises
    ------
    ValueError
        If ``x`` is anything else.
    """
    if not isinstance(x, Tensor):
        raise ValueError(
            f"{name} should be a bool tensor (True = may attend), got {type(x).__name__}"
        )
    if x.dtype != torch.bool:
        raise ValueError(
            f"{name} should be a bool tensor (True = may attend), got {dtype_name(x)}; "
            "write the condition out, for instance tokens != pad"
        )


def check_tokens(name: str, tokens: Tensor, size: int, wanted: str, hint: str = "") -> None:
    """Require whole numbers in [0, size), before an index out of range ends a GPU's process.

    What cannot be looked at is let through: a tensor without numbers (meta, or one that stands for
    another), and one that a compiler traces or ``torch.func`` has stacked.

    Parameters
    ----------
    name : str
        What the caller calls them.
    tokens : Tensor of int
        Any shape.
    size : int
        How many there are to choose from.
    wanted : str
        What ``size`` is called.
    hint : str
        What the caller may have meant.

    Raises
    ------
    ValueError
        If one lies outside; the message names the smallest and the largest.
    """
    if torch.compiler.is_compiling() or tokens.is_meta or tokens.numel() == 0:
        return
    if type(tokens) is not Tensor or torch._C._functorch.is_batchedtensor(tokens):
        return
    low, high = torch.stack(tokens.aminmax()).tolist()
    if low < 0 or high >= size:
        raise ValueError(f"{name} should lie in [0, {wanted}={size}), got {low} to {high}{hint}")


def check_choice(name: str, value: Any, choices: Collection[str]) -> None:
    """Require one of a few words.

    Raises
    ------
    ValueError
        If ``value`` is none of them; the message lists them.
    """
    if value not in choices:
        raise ValueError(f"{name} should be one of {', '.join(choices)}, got {value!r}")


def check_callable(name: str, value: Any, wanted: str) -> None:
    """Require something that can be called.

    Raises
    ------
    ValueError
        If it cannot; ``wanted`` says what it should compute from what.
    """
    if not callable(value):
        raise ValueError(f"{name} should be a function, {wanted}, got {value!r}")


def check_module(name: str, value: Any) -> None:
    """Require a module.

    Raises
    ------
    ValueError
        If it is none.
    """
    if not isinstance(value, nn.Module):
        raise ValueError(f"{name} should be a torch.nn.Module, got {value!r}")


def check_generator(name: str, value: Any) -> None:
    """Require a source of chance on the CPU.

    Raises
    ------
    ValueError
        If it is none, for instance a seed, or on another device.
    """
    if not isinstance(value, torch.Generator):
        raise ValueError(
            f"{name} should be a generator such as torch.Generator().manual_seed(0), got {value!r}"
        )
    if value.device.type != "cpu":
        raise ValueError(f"{name} should be on the CPU, got one on {value.device}")


def check_device(name: str, x: Tensor, device: torch.device | None) -> None:
    """Require that ``x`` is on a device; None stands for any.

    Raises
    ------
    ValueError
        If ``x`` is on another one.
    """
    if device is not None and x.device != device:
        raise ValueError(f"{name} should be on the query's device {device}, got {x.device}")


def check_alike(name: str, x: Tensor, query: Tensor) -> None:
    """Require the query's dtype and device.

    Raises
    ------
    ValueError
        If ``x`` has another dtype, or is on another device.
    """
    check_device(name, x, query.device)
    check_dtype(name, x, "the query", query)


def check_divides(name: str, divisor: int, of_name: str, dividend: int) -> None:
    """Require that ``dividend`` is a multiple of ``divisor``.

    Raises
    ------
    ValueError
        If it is not.
    """
    if dividend % divisor:
        raise ValueError(f"{of_name}={dividend} should be a multiple of {name}={divisor}")
