r"""Rotary positions: queries and keys turn like clock hands, and scores see only the difference.

The entries of a head are taken in pairs, and each pair is a point in a plane. At position i, plane
f is turned by the angle :math:`i\,\omega_f`. A query turned by :math:`i\,\omega_f` and a key turned
by :math:`j\,\omega_f` have the scalar product of the two unturned, with one of them turned by
:math:`(i - j)\,\omega_f`: the chapter on relative positions proves it. Values are never turned.

Sources
    Su et al. (2024), "RoFormer: Enhanced Transformer with Rotary Position Embedding", section 3.2.
    Chen et al. (2023), "Extending Context Window of Large Language Models via Positional
    Interpolation", section 2.3 (linear scaling). Grattafiori et al. (2024), "The Llama 3 Herd of
    Models", and the authors' code (llama3 scaling).
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from txlite._checks import (
    check_choice,
    check_floating,
    check_number,
    check_positive,
    check_rate,
    check_shape,
)
from txlite.nn._edge import checked_once
from txlite.nn.positions._whole import check_positions

__all__ = ["Rotary", "RotaryScaling", "Rotation"]

ScalingName = Literal["linear", "llama3"]


@dataclass(frozen=True, eq=False)
class Rotation:
    """Cosine and sine of every plane's angle at every position; a pytree.

    Parameters
    ----------
    cos, sin : Tensor, shape (T, E/2) or (B, T, E/2)
        One row for each position, one column for each plane.
    """

    cos: Tensor
    sin: Tensor

    def apply(self, x: Float[Tensor, "*B T E"]) -> Float[Tensor, "*B T E"]:
        r"""Turn every pair of entries by its position's angle.

        .. math:: \begin{pmatrix} x_{2f} \\ x_{2f+1} \end{pmatrix} \mapsto \begin{pmatrix}
                  x_{2f} \cos - x_{2f+1} \sin \\ x_{2f} \sin + x_{2f+1} \cos \end{pmatrix}

        Parameters
        ----------
        x : Tensor, shape (..., T, E)
            Queries or keys, whatever their number of heads; (B, H, T, E) or (B, T, E) where every
            sequence has its own positions. Entries beyond the rotation's width stay as they are.

        Returns
        -------
        Tensor, shape (..., T, E)
            The turned entries, of the same length and dtype. The arithmetic is done in float32 at
            least.

        Raises
        ------
        ValueError
            If the positions or the batch disagree, or ``x`` is narrower than the rotation.
        """
        self._check(x)
        return self._turn(x)

    def _turn(self, x: Tensor) -> Tensor:
        """Turn what has been checked."""
        dtype = torch.promote_types(x.dtype, torch.float32)
        cos, sin = (self._align(table, x.ndim).to(dtype) for table in (self.cos, self.sin))
        planes = cos.shape[-1]
        pairs = x[..., : 2 * planes].to(dtype).reshape(*x.shape[:-1], planes, 2)
        even, odd = pairs.unbind(-1)  # (..., T, E/2)
        turned = torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1)
        return torch.cat([turned.flatten(-2).to(x.dtype), x[..., 2 * planes :]], dim=-1)

    def _align(self, table: Tensor, axes: int) -> Tensor:
        """Put axes of size one between the batch and the positions."""
        if table.ndim == 2:
            return table
        return table.reshape(table.shape[0], *([1] * (axes - 3)), *table.shape[1:])

    def _check_sizes(self, name: str, batch: int, length: int, width: int | None) -> None:
        """Refuse sequences that the tables do not fit; None stands for heads of any width."""
        *rows, places, planes = self.cos.shape
        if places != length or (rows and rows[0] != batch):
            raise ValueError(
                f"{name} should cover B={batch} sequences of T={length} positions, got tables of "
                f"shape {tuple(self.cos.shape)}"
            )
        if width is not None and width < 2 * planes:
            raise ValueError(
                f"{name} should be at most as wide as a head, E={width}, got {2 * planes}"
            )

    def _check(self, x: Tensor) -> None:
        """Refuse, by name, what does not fit the tables."""
        *batch, length, planes = self.cos.shape
        if batch:
            check_shape("x", x, "B H T E" if x.ndim == 4 else "B T E", B=batch[0], T=length)
        else:
            check_shape("x", x, "*B T E", T=length)
        check_floating("x", x)
        if x.shape[-1] < 2 * planes:
            raise ValueError(
                f"x should be at least as wide as the rotation, {2 * planes}, got shape "
                f"{tuple(x.shape)}"
            )


pytree.register_dataclass(
    Rotation,
    field_names=["cos", "sin"],
    serialized_type_name="txlite.nn.positions.Rotation",  # torch.export takes one as an input
)
torch.serialization.add_safe_globals([Rotation])


@dataclass(frozen=True, kw_only=True)
class RotaryScaling:
    r"""How the planes turn more slowly, for texts that are longer than those of the training.

    ``"linear"`` divides every speed by ``factor``: the positions are squeezed. ``"llama3"`` looks
    at how often a plane turns within the original length, :math:`n = L \omega / 2\pi`:

    .. math:: \omega \mapsto \left(s + \frac{1 - s}{\text{factor}}\right) \omega,\qquad
              s = \frac{n - \text{low}}{\text{high} - \text{low}}
              \text{, kept within } [0, 1]

    Planes that turn ``high`` times or more keep their speed: they tell neighbours apart. Planes
    that turn ``low`` times or less are divided, and between them the change is gradual.

    Parameters
    ----------
    kind : str
        ``"linear"`` or ``"llama3"``.
    factor : float
        How many times slower the slowest planes turn; at least one.
    low, high : float
        Numbers of turns, of ``"llama3"``.
    original_length : int
        Length L of the texts that the model was first trained on, of ``"llama3"``.

    Raises
    ------
    ValueError
        If there is no scaling of that name, a number is not positive, ``factor`` is below one, or
        ``high`` is not above ``low``.

    References
    ----------
    Chen et al. (2023), section 2.3. Grattafiori et al. (2024), section 3.2.

    Examples
    --------
    >>> RotaryScaling(kind="linear", factor=4.0).apply(torch.tensor([1.0, 0.01]))
    tensor([0.2500, 0.0025])
    """

    kind: ScalingName
    factor: float
    low: float = 1.0
    high: float = 4.0
    original_length: int = 8192

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, get_args(ScalingName))
        at_least_one = check_number(
            "factor", self.factor, "a finite number of at least 1", lambda x: 1 <= x < math.inf
        )
        low = check_rate("low", self.low)
        above = f"a finite number above low={low:g}"
        high = check_number("high", self.high, above, lambda x: low < x < math.inf)
        length = check_positive("original_length", self.original_length)
        for name, number in (
            ("factor", at_least_one), ("low", low), ("high", high), ("original_length", length),
        ):  # fmt: skip
            object.__setattr__(self, name, number)

    def apply(self, frequencies: Float[Tensor, " F"]) -> Float[Tensor, " F"]:
        """Slow the planes down.

        Parameters
        ----------
        frequencies : Tensor, shape (E/2,)
            The angle of each plane from one position to the next, in radians.

        Returns
        -------
        Tensor, shape (E/2,)
            The smaller angles.
        """
        if self.kind == "linear":
            return frequencies / self.factor
        turns = self.original_length * frequencies / (2 * math.pi)
        kept = ((turns - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
        return frequencies * (kept + (1.0 - kept) / self.factor)


class Rotary(nn.Module):
    r"""Angles that grow with the position, at another speed in each plane.

    .. math:: \omega_f = \text{base}^{-2f / E}, \qquad f = 0, \dots, E/2 - 1

    Parameters
    ----------
    head_dim : int
        Width E that is turned: that of a head, or less, and then the rest of the head stays as it
        is. Even.
    base : float
        The slowest plane turns almost ``base`` times slower than the fastest.
    scaling : RotaryScaling, optional
        How the planes turn more slowly, in a model that has been taken to longer texts.

    Raises
    ------
    ValueError
        If ``head_dim`` is not positive and even, or ``base`` is not positive.

    Notes
    -----
    Pairs are neighbours, (x₀, x₁), (x₂, x₃), …, as in the paper. Llama's weights as Hugging Face
    publishes them pair x₀ with x_{E/2} instead: the same rotation after the permutation
    0, 2, 4, …, 1, 3, 5, … of a head's entries.

    There are no parameters and no buffers: the angles are computed in float64 (in float32 where
    the device has no float64), whatever the dtype of the model.

    References
    ----------
    Su et al. (2024), section 3.2.2, equations (14) and (15).

    Examples
    --------
    >>> rotation = Rotary(4)(torch.arange(3))
    >>> rotation.apply(torch.tensor([[1.0, 0.0, 1.0, 0.0]]).expand(3, 4))
    tensor([[ 1.0000,  0.0000,  1.0000,  0.0000],
            [ 0.5403,  0.8415,  0.9999,  0.0100],
            [-0.4161,  0.9093,  0.9998,  0.0200]])
    """

    def __init__(
        self, head_dim: int, *, base: float = 10_000.0, scaling: RotaryScaling | None = None
    ) -> None:
        super().__init__()
        head_dim = check_positive("head_dim", head_dim)
        if head_dim % 2:
            raise ValueError(f"head_dim should be even, a number of pairs, got {head_dim}")
        self.head_dim, self.base = head_dim, check_rate("base", base)
        self.scaling = scaling

    @checked_once
    def forward(self, positions: Int[Tensor, "*B T"]) -> Rotation:
        """Compute the angles of the given positions.

        Parameters
        ----------
        positions : Tensor of int, shape (T,) or (B, T)
            Where the queries, or the keys, stand. There is no largest one.

        Returns
        -------
        Rotation
            Cosine and sine of shape (T, E/2) or (B, T, E/2).

        Raises
        ------
        ValueError
            If ``positions`` are not whole numbers of such a shape.
        """
        device = positions.device
        dtype = torch.float32 if device.type == "mps" else torch.float64
        exponents = torch.arange(0, self.head_dim, 2, device=device, dtype=dtype) / self.head_dim
        frequencies = self.base**-exponents  # (E/2,)
        if self.scaling is not None:
            frequencies = self.scaling.apply(frequencies)
        angles = positions[..., None].to(dtype) * frequencies  # (..., T, E/2)
        return Rotation(angles.cos(), angles.sin())

    def _check(self, positions: Tensor) -> None:
        check_positions("positions", positions)

    def extra_repr(self) -> str:
        """Return what ``print(module)`` shows."""
        scaling = "" if self.scaling is None else f", scaling={self.scaling}"
        return f"{self.head_dim}, base={self.base:g}{scaling}"
