r"""Absolute positions: a vector for every place, added to the word that stands there.

Attention alone cannot tell 「我爱你」 from 「你爱我」: shuffle the words, and its outputs
are shuffled alike. The chapter on positional encoding proves it, and this file is the cure. A place
is named either by the sines and cosines of a clock with many hands (:class:`Sinusoidal`) or by a
row of a table that is learned (:class:`Learned`). Where the places are, :func:`count_positions`
reads off the mask.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.5.
    Gehring et al. (2017), "Convolutional Sequence to Sequence Learning", section 3.1 (learned).
"""

import math

import torch
from jaxtyping import Bool, Float, Int, Integer
from torch import Tensor, nn

from txlite._checks import (
    check_bool,
    check_length,
    check_number,
    check_positive,
    check_shape,
    check_tokens,
)
from txlite.nn._edge import checked_once
from txlite.nn.positions._whole import check_positions

__all__ = ["Learned", "Sinusoidal", "count_positions", "sinusoidal"]


def count_positions(
    keep: Bool[Tensor, "B S"], num_queries: int | None = None
) -> Int[Tensor, "B T"]:
    """Count the real tokens before each place: the position of every token, whatever the padding.

    Real tokens get 0, 1, 2, … wherever the padding stands. Padding gets the position of the real
    token before it, or 0; it is masked anyway.

    Parameters
    ----------
    keep : Tensor of bool, shape (B, S)
        True for a real token, as for :func:`txlite.nn.masks.padding`; left, right or in the middle.
    num_queries : int, optional
        How many places, counted from the end, are wanted. With a cache ``keep`` covers the cached
        tokens too, and only the new ones ask for positions. The default is all of them.

    Returns
    -------
    Tensor of int64, shape (B, T)
        A position for each place.

    Raises
    ------
    ValueError
        If ``keep`` is not a bool tensor of two axes, or ``num_queries`` is more than S.

    Examples
    --------
    >>> count_positions(torch.tensor([[True, True, True, False], [False, True, True, True]]))
    tensor([[0, 1, 2, 2],
            [0, 0, 1, 2]])
    """
    check_bool("keep", keep)
    num_keys = check_shape("keep", keep, "B S")["S"]
    counted = (keep.cumsum(-1) - 1).clamp(min=0)
    if num_queries is None:
        return counted
    num_queries = check_length("num_queries", num_queries)
    if not torch.compiler.is_compiling() and num_queries > num_keys:
        raise ValueError(f"num_queries should be at most S={num_keys}, got {num_queries}")
    return counted[:, torch.arange(-num_queries, 0, device=keep.device)]  # an export keeps T free


def sinusoidal(
    positions: Integer[Tensor, "*B T"],
    d_model: int,
    base: float | int = 10_000.0,
    *,
    dtype: torch.dtype | None = None,
) -> Float[Tensor, "*B T D"]:
    r"""Sines and cosines of the position, at wavelengths from 2π to nearly base · 2π.

    .. math:: PE_{p,\,2i} = \sin\!\left(p / \text{base}^{2i/D}\right),\qquad
              PE_{p,\,2i+1} = \cos\!\left(p / \text{base}^{2i/D}\right)

    Parameters
    ----------
    positions : Tensor of int, shape (..., T)
        Any whole numbers: there is no longest sequence.
    d_model : int
        Width D. Odd widths end in a sine whose cosine is left out.
    base : float
        How much more slowly the last hand of the clock turns than the first, nearly.
    dtype : torch.dtype, optional
        Of the result; the default is torch's. The angles are float64 in any case.

    Returns
    -------
    Tensor, shape (..., T, D)
        Sine and cosine of pair i stand side by side, in columns 2i and 2i + 1.

    Raises
    ------
    ValueError
        If ``positions`` does not hold whole numbers, ``d_model`` is not positive, or ``base`` is
        not above one.

    Notes
    -----
    Moving on by k places turns every pair by an angle that depends on k alone: PE(p + k) is a
    rotation of PE(p). For even D every vector has the norm √(D/2).

    Some published models lay the same numbers out otherwise. Marian has first all sines, then all
    cosines: its column i is our 2i, its column D/2 + i our 2i + 1.

    References
    ----------
    Vaswani et al. (2017), section 3.5.

    Examples
    --------
    >>> sinusoidal(torch.arange(3), 2)  # the sine and the cosine of 0, 1 and 2
    tensor([[ 0.0000,  1.0000],
            [ 0.8415,  0.5403],
            [ 0.9093, -0.4161]])
    """
    check_positions("positions", positions)
    d_model = check_positive("d_model", d_model)
    return _sinusoidal(positions, d_model, _check_base(base), dtype)


def _sinusoidal(positions: Tensor, d_model: int, base: float, dtype: torch.dtype | None) -> Tensor:
    """Compute what has been checked."""
    angles = _angles(positions, d_model, base)  # (*B, T, pairs)
    pairs = torch.stack([angles.sin(), angles.cos()], dim=-1)  # (*B, T, pairs, 2)
    return pairs.flatten(-2)[..., :d_model].to(dtype or torch.get_default_dtype())


def _angles(positions: Tensor, d_model: int, base: float) -> Tensor:
    """How far each hand has turned, in radians.

    An angle grows with the position, and only what is left of it after whole turns counts. At
    position 100 000 float32 spoils the sines by 0.005, float64 by 10⁻¹¹. (Apple's GPUs have
    nothing wider than float32.)
    """
    wide = torch.float32 if positions.device.type == "mps" else torch.float64
    pairs = torch.arange((d_model + 1) // 2, dtype=wide, device=positions.device)
    return positions[..., None].to(wide) * base ** (pairs * (-2.0 / d_model))


def _check_base(base: float | int) -> float:
    return check_number("base", base, "a finite number above 1", lambda x: 1.0 < x < math.inf)


class Sinusoidal(nn.Module):
    """Sinusoidal positions as a module: nothing to learn, nothing to save, no longest sequence.

    Parameters
    ----------
    d_model : int
        Width of the model.
    base : float
        How much more slowly the last hand of the clock turns than the first, nearly.

    Raises
    ------
    ValueError
        If ``d_model`` is not positive or ``base`` is not above one.

    Notes
    -----
    The result has the dtype that the module was moved to. The angles do not: they are computed
    anew in float64, so that ``model.bfloat16()`` rounds sines, not positions.

    References
    ----------
    Vaswani et al. (2017), section 3.5.
    """

    dtype_like: Tensor

    def __init__(self, d_model: int, *, base: float | int = 10_000.0) -> None:
        super().__init__()
        self.d_model = check_positive("d_model", d_model)
        self.base = _check_base(base)
        self.register_buffer("dtype_like", torch.empty(0), persistent=False)

    @checked_once
    def forward(self, positions: Integer[Tensor, "*B T"]) -> Float[Tensor, "*B T D"]:
        """Return the vectors of these positions; see :func:`sinusoidal`."""
        return _sinusoidal(positions, self.d_model, self.base, self.dtype_like.dtype)

    def _check(self, positions: Tensor) -> None:
        check_positions("positions", positions)

    def extra_repr(self) -> str:
        """Return the sizes that ``print(module)`` shows."""
        return f"d_model={self.d_model}, base={self.base:g}"


class Learned(nn.Module):
    """A table with a row for every position, learned like the words.

    Parameters
    ----------
    max_len : int
        Number of positions. Beyond it there is nothing: what was never trained has no row.
    d_model : int
        Width of the model.

    Raises
    ------
    ValueError
        If a size is not positive.

    References
    ----------
    Vaswani et al. (2017), section 3.5 and table 3, row (E). Gehring et al. (2017), section 3.1.
    """

    def __init__(self, max_len: int, d_model: int) -> None:
        super().__init__()
        self.max_len = check_positive("max_len", max_len)
        self.d_model = check_positive("d_model", d_model)
        self.table = nn.Embedding(self.max_len, self.d_model)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the table anew: normal, with the mean square ½ of sines and cosines."""
        nn.init.normal_(self.table.weight, std=0.5**0.5)

    @checked_once
    def forward(self, positions: Integer[Tensor, "*B T"]) -> Float[Tensor, "*B T D"]:
        """Look the positions up.

        Parameters
        ----------
        positions : Tensor of int, shape (..., T)
            Whole numbers from 0 to ``max_len`` − 1.

        Returns
        -------
        Tensor, shape (..., T, D)
            Their rows.

        Raises
        ------
        ValueError
            If a position lies outside the table. A compiled program does not ask.
        """
        check_tokens("positions", positions, self.max_len, "max_len")
        rows: Tensor = self.table(positions)
        return rows

    def _check(self, positions: Tensor) -> None:
        check_positions("positions", positions)

    def extra_repr(self) -> str:
        """Return the sizes that ``print(module)`` shows."""
        return f"max_len={self.max_len}, d_model={self.d_model}"
