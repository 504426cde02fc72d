"""Numbers come in one way: whoever made them, Python, NumPy or torch, they are Python's inside.

A size from ``np.arange``, a rate from a schedule written with NumPy, a number of steps read off a
tensor: each is taken as what it says. What is kept, printed or written to JSON is then a plain int
or float. A check returns the number that it lets through; whoever calls it keeps that one.
"""

import math
import operator
from collections.abc import Callable
from numbers import Real
from typing import Any, cast

import torch
from torch import Tensor

__all__ = [
    "as_number",
    "as_whole",
    "check_finite",
    "check_length",
    "check_number",
    "check_positive",
    "check_probability",
    "check_rate",
    "check_share",
    "check_whole",
]


def as_number(x: Any) -> float | None:
    """Return a real number as Python's float, whoever made it: Python, NumPy or torch.

    Parameters
    ----------
    x : object
        What a caller calls a number.

    Returns
    -------
    float or None
        None for anything else: a truth value, a text, a complex number, a tensor with axes, or one
        that wants a gradient, which would be lost.
    """
    if type(x) is float:
        return x
    if isinstance(x, Tensor) and x.requires_grad:
        return None
    x = _single(x)
    return None if isinstance(x, bool) or not isinstance(x, Real) else float(x)


def as_whole(x: Any) -> int | None:
    """Return a whole number as Python's int, whoever made it: Python, NumPy or torch.

    Parameters
    ----------
    x : object
        What a caller calls a whole number.

    Returns
    -------
    int or None
        None for anything else: a truth value, a number with a point even if nothing follows it, a
        text, a tensor with axes.
    """
    if type(x) is int:
        return x
    x = _single(x)
    try:
        return None if isinstance(x, bool | Tensor) else operator.index(x)
    except TypeError:
        return None


def _single(x: Any) -> Any:
    """Return what is in an array without axes, or a scalar of NumPy's; anything else as it is."""
    return x.item() if getattr(x, "ndim", None) == 0 else x


def check_number(name: str, x: Any, wanted: str, fits: Callable[[float], bool]) -> float:
    """Require a number of a certain range, and return it as Python's float.

    Parameters
    ----------
    name : str
        What the caller calls ``x``.
    x : float
        The number, Python's, NumPy's or torch's.
    wanted : str
        The range in words.
    fits : callable
        Whether a number lies in it.

    Returns
    -------
    float
        The same number.

    Raises
    ------
    ValueError
        If ``x`` is no number, or lies outside.
    """
    number = as_number(x)
    if number is None or not fits(number):
        raise ValueError(f"{name} should be {wanted}, got {x!r}")
    return number


def check_whole(
    name: str,
    x: Any,
    wanted: str = "a whole number",
    fits: Callable[[int], bool] = lambda n: True,
) -> int:
    """Require a whole number of a certain range, by default any, and return it as Python's int.

    Parameters
    ----------
    name : str
        What the caller calls ``x``.
    x : int
        The number, Python's, NumPy's or torch's.
    wanted : str
        The range in words.
    fits : callable
        Whether a number lies in it.

    Returns
    -------
    int
        The same number.

    Raises
    ------
    ValueError
        If ``x`` is no whole number, or lies outside.
    """
    number = as_whole(x)
    if number is None or not fits(number):
        raise ValueError(f"{name} should be {wanted}, got {x!r}")
    return number


def check_positive(name: str, n: Any) -> int:
    """Require a whole number of at least one.

    Returns
    -------
    int
        The same number, as Python's.

    Raises
    ------
    ValueError
        If ``n`` is not one.
    """
    return check_whole(name, n, "a positive whole number", lambda n: n >= 1)


def check_length(name: str, n: Any) -> int:
    """Require a number of positions: whole, and at least zero.

    Returns
    -------
    int
        The same number, as Python's; a number that is still open in an export stays open.

    Raises
    ------
    ValueError
        If ``n`` is not one.
    """
    if isinstance(n, torch.SymInt) and n >= 0:
        return cast(int, n)
    return check_whole(name, n, "a whole number of at least zero", lambda n: n >= 0)


def check_rate(name: str, x: Any) -> float:
    """Require a number above zero, and below infinity.

    Returns
    -------
    float
        The same number, as Python's.

    Raises
    ------
    ValueError
        If ``x`` is not one.
    """
    return check_number(name, x, "a positive number", lambda x: 0 < x < math.inf)


def check_finite(name: str, x: Any) -> float:
    """Require a number that is neither infinite nor NaN.

    Returns
    -------
    float
        The same number, as Python's.

    Raises
    ------
    ValueError
        If ``x`` is not one.
    """
    return check_number(name, x, "a finite number", math.isfinite)


def check_share(name: str, x: Any) -> float:
    """Require a number in [0, 1].

    Returns
    -------
    float
        The same number, as Python's.

    Raises
    ------
    ValueError
        If ``x`` lies outside, or is no number.
    """
    return check_number(name, x, "a number in [0, 1]", lambda x: 0 <= x <= 1)


def check_probability(name: str, p: Any) -> float:
    """Require a dropout probability, in [0, 1).

    Returns
    -------
    float
        The same number, as Python's.

    Raises
    ------
    ValueError
        If ``p`` lies outside, or is no number.
    """
    return check_number(name, p, "a probability in [0, 1)", lambda p: 0.0 <= p < 1.0)
