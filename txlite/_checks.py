"""Argument checks, and the one wording of their errors.

Every message names the argument, what was wanted in the letters of the book's notation, and what
came. The checks compare plain integers, so they cost nothing that can be measured and are traced
away by ``torch.compile``.
"""

from collections.abc import Sequence

from torch import Tensor

__all__ = ["check_batch", "check_divides", "check_positive", "check_probability", "check_shape"]


def check_shape(name: str, x: Tensor, axes: str, **sizes: int) -> dict[str, int]:
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
        If the number of axes, or a known size, disagrees.
    """
    letters = axes.split()
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


def check_positive(name: str, n: int) -> None:
    """Require a whole number of at least one.

    Raises
    ------
    ValueError
        If ``n`` is not one.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"{name} should be a positive whole number, got {n!r}")


def check_divides(name: str, divisor: int, of_name: str, dividend: int) -> None:
    """Require that ``dividend`` is a multiple of ``divisor``.

    Raises
    ------
    ValueError
        If it is not.
    """
    if dividend % divisor:
        raise ValueError(f"{of_name}={dividend} should be a multiple of {name}={divisor}")


def check_probability(name: str, p: float) -> None:
    """Require a dropout probability, in [0, 1).

    Raises
    ------
    ValueError
        If ``p`` lies outside.
    """
    if not 0.0 <= p < 1.0:
        raise ValueError(f"{name} should be a probability in [0, 1), got {p}")
