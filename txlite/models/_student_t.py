r"""Quantiles of Student's t, which torch does not have.

With :math:`x = \sqrt\nu \tan\theta` the distribution function is a smooth integral over a short
range, which Gauss and Legendre's nodes sum to rounding. It is concave above the middle, so that
Newton's steps from the normal quantile, which lies nearer to the middle, rise to the quantile and
never pass it.

Source
    Abramowitz and Stegun (1964), "Handbook of Mathematical Functions", 26.7.1 and 25.4.30.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

__all__ = ["student_t_quantiles"]

_NODES = 64
_STEPS = 60


def student_t_quantiles(df: Tensor, levels: Sequence[float]) -> Tensor:
    """Return the quantiles of the standard distribution, in float64.

    Parameters
    ----------
    df : Tensor, shape (...)
        Degrees of freedom, at least 2.
    levels : sequence of float
        Q of them, each in (0, 1).

    Returns
    -------
    Tensor of float64, shape (..., Q)
        To about nine digits between the levels 0.001 and 0.999.
    """
    nu = df.detach().double().cpu()[..., None]
    p = torch.tensor(levels, dtype=torch.float64)
    upper = torch.maximum(p, 1 - p)  # the distribution is symmetric
    log_density = _log_density(nu)
    t = torch.special.ndtri(upper) + torch.zeros_like(nu)
    for _ in range(_STEPS):
        missing = upper - 0.5 - _above_middle(t, nu, log_density)
        step = missing / (log_density - (nu + 1) / 2 * torch.log1p(t * t / nu)).exp()
        t = (t + step).clamp(min=0.0)
        if bool((step.abs() <= 1e-13 * (1 + t)).all()):
            break
    return torch.where(p < 0.5, -t, t).to(df.device)


def _log_density(nu: Tensor) -> Tensor:
    """Return the logarithm of the density in the middle."""
    few = torch.lgamma((nu + 1) / 2) - torch.lgamma(nu / 2) - 0.5 * (math.pi * nu).log()
    many = 1 / (24 * nu**3) - 1 / (4 * nu) - 1 / (20 * nu**5) - 0.5 * math.log(2 * math.pi)
    return torch.where(nu > 100, many, few)  # of large gammas' difference few digits are left


def _above_middle(t: Tensor, nu: Tensor, log_density: Tensor) -> Tensor:
    """Return the probability between zero and t."""
    nodes, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(_NODES))
    end = torch.atan(t / nu.sqrt())[..., None]
    angles = end / 2 * (nodes + 1)
    heights = ((nu - 1)[..., None] / 2 * torch.log1p(-angles.sin().square())).exp()
    return (heights * weights).sum(-1) * end[..., 0] / 2 * (log_density.exp() * nu.sqrt())
