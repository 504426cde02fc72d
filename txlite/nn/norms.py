r"""Normalisation: every position brought to one scale, by itself and without its neighbours.

The chapter on the layer derives both from nothing. The functions say what is computed; the modules
hold the learned scale and shift.

Sources
    Ba, Kiros and Hinton (2016), "Layer Normalization", equations (3) and (4).
    Zhang and Sennrich (2019), "Root Mean Square Layer Normalization", equation (4).
"""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from txlite._checks import check_dtype, check_floating, check_number, check_positive, check_shape
from txlite.nn._edge import checked_once

__all__ = ["LayerNorm", "RMSNorm", "layer_norm", "rms_norm"]

NormName = Literal["layer", "rms"]


def layer_norm(
    x: Float[Tensor, "*B D"],
    weight: Float[Tensor, " D"] | None = None,
    bias: Float[Tensor, " D"] | None = None,
    *,
    eps: float = 1e-5,
) -> Float[Tensor, "*B D"]:
    r"""Shift every vector to mean zero and scale it to variance one.

    .. math:: y = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} \odot w + b,\quad
              \mu = \tfrac1D \sum_i x_i,\quad \sigma^2 = \tfrac1D \sum_i (x_i - \mu)^2

    Parameters
    ----------
    x : Tensor, shape (..., D)
        Vectors, each normalised by itself.
    weight, bias : Tensor, shape (D,), optional
        Learned scale and shift. The defaults are one and zero.
    eps : float
        Added to the variance, so that a constant vector becomes zero and not NaN.

    Returns
    -------
    Tensor, shape (..., D)
        The normalised vectors. In half precision they are computed in float32, then rounded.

    Raises
    ------
    ValueError
        If a shape or a dtype disagrees, or ``eps`` is negative.

    References
    ----------
    Ba et al. (2016), equations (3) and (4).

    Examples
    --------
    >>> layer_norm(torch.tensor([1.0, 3.0]), eps=0.0)
    tensor([-1.,  1.])
    """
    eps = _check_arguments(x, eps, weight=weight, bias=bias)
    return nn.functional.layer_norm(x, x.shape[-1:], weight, bias, eps)


def rms_norm(
    x: Float[Tensor, "*B D"],
    weight: Float[Tensor, " D"] | None = None,
    *,
    eps: float = 1e-6,
) -> Float[Tensor, "*B D"]:
    r"""Scale every vector to root mean square one, and leave its mean where it is.

    .. math:: y = \frac{x}{\sqrt{\tfrac1D \sum_i x_i^2 + \epsilon}} \odot w

    Parameters
    ----------
    x : Tensor, shape (..., D)
        Vectors, each normalised by itself.
    weight : Tensor, shape (D,), optional
        Learned scale. The default is one.
    eps : float
        Added to the mean square.

    Returns
    -------
    Tensor, shape (..., D)
        The normalised vectors. In half precision they are computed in float32, then rounded.

    Raises
    ------
    ValueError
        If a shape or a dtype disagrees, or ``eps`` is negative.

    References
    ----------
    Zhang and Sennrich (2019), equation (4).

    Examples
    --------
    >>> rms_norm(torch.tensor([3.0, 3.0]), eps=0.0)
    tensor([1., 1.])
    """
    eps = _check_arguments(x, eps, weight=weight)
    return _rms_norm(x, weight, eps)


def _rms_norm(x: Tensor, weight: Tensor | None, eps: float) -> Tensor:
    if weight is not None:
        weight = weight.to(x.dtype)  # another one only under autocast, which does not know it
    return nn.functional.rms_norm(x, x.shape[-1:], weight, eps)


def _check_arguments(x: Tensor, eps: float, **parameters: Tensor | None) -> float:
    """Refuse what does not fit, by name; return ``eps``."""
    width = check_shape("x", x, "*B D")["D"]
    check_floating("x", x)
    eps = check_eps(eps)
    for name, parameter in parameters.items():
        if parameter is not None:
            check_shape(name, parameter, "D", D=width)
            check_dtype(name, parameter, "x", x)
    return eps


def check_eps(eps: float, name: str = "eps") -> float:
    """Require a number that may be added to a variance.

    Returns
    -------
    float
        The same number, as Python's.

    Raises
    ------
    ValueError
        If ``eps`` is negative, infinite or no number.
    """
    return check_number(name, eps, "at least zero and finite", lambda eps: 0.0 <= eps < math.inf)


class LayerNorm(nn.Module):
    """:func:`layer_norm` with a learned scale and shift.

    Parameters
    ----------
    d_model : int
        Width of the vectors.
    eps : float
        Added to the variance.
    bias : bool
        Whether there is a shift.

    Raises
    ------
    ValueError
        If a size is not positive, or ``eps`` is negative.
    """

    def __init__(self, d_model: int, *, eps: float = 1e-5, bias: bool = True) -> None:
        super().__init__()
        self.d_model = d_model = check_positive("d_model", d_model)
        self.eps = check_eps(eps)
        self.weight = nn.Parameter(torch.empty(d_model))
        self.bias = nn.Parameter(torch.empty(d_model)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Begin anew: scale one, shift zero."""
        nn.init.ones_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    @checked_once
    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """Return the normalised vectors.

        Raises
        ------
        ValueError
            If the last axis of ``x`` is not the model's width, or its dtype not the weights'.
        """
        return nn.functional.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps)

    def _check(self, x: Tensor) -> None:
        _check_input(self, x)

    def extra_repr(self) -> str:
        """Return the sizes that ``print(module)`` shows."""
        return f"{self.d_model}, eps={self.eps}, bias={self.bias is not None}"


class RMSNorm(nn.Module):
    """:func:`rms_norm` with a learned scale.

    Parameters
    ----------
    d_model : int
        Width of the vectors.
    eps : float
        Added to the mean square.

    Raises
    ------
    ValueError
        If a size is not positive, or ``eps`` is negative.
    """

    def __init__(self, d_model: int, *, eps: float = 1e-6) -> None:
        super().__init__()
        self.d_model = d_model = check_positive("d_model", d_model)
        self.eps = check_eps(eps)
        self.weight = nn.Parameter(torch.empty(d_model))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Begin anew: scale one."""
        nn.init.ones_(self.weight)

    @checked_once
    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """Return the normalised vectors.

        Raises
        ------
        ValueError
            If the last axis of ``x`` is not the model's width, or its dtype not the weights'.
        """
        return _rms_norm(x, self.weight, self.eps)

    def _check(self, x: Tensor) -> None:
        _check_input(self, x)

    def extra_repr(self) -> str:
        """Return the sizes that ``print(module)`` shows."""
        return f"{self.d_model}, eps={self.eps}"


def _check_input(norm: LayerNorm | RMSNorm, x: Tensor) -> None:
    """Require floating-point vectors of the norm's width, in the dtype of its weights."""
    check_shape("x", x, "*B D", D=norm.d_model)
    check_floating("x", x)
    check_dtype("x", x, "the weights", norm.weight)


def make_norm(
    name: NormName, d_model: int, *, eps: float | None = None, bias: bool = True
) -> LayerNorm | RMSNorm:
    """Return the normalisation of that name.

    Parameters
    ----------
    name : str
        ``"layer"`` or ``"rms"``.
    d_model : int
        Width of the vectors.
    eps : float, optional
        Added to the variance, or to the mean square. The default is the module's own.
    bias : bool
        Whether layer normalisation has a shift; the other one never has.

    Returns
    -------
    LayerNorm or RMSNorm
        A new module.

    Raises
    ------
    ValueError
        If there is no normalisation of that name.
    """
    if name == "layer":
        return LayerNorm(d_model, eps=1e-5 if eps is None else eps, bias=bias)
    if name == "rms":
        return RMSNorm(d_model, eps=1e-6 if eps is None else eps)
    raise ValueError(f"norm should be one of layer, rms, got {name!r}")
