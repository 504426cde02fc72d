r"""Attention: the one operation by which positions exchange information.

The file reads as the argument of the chapters on the scaled dot product and on masks: the weights,
the weighted sum, and both as a module; :mod:`txlite.nn.multi_head` puts many side by side. The
choice among kernels, which changes the speed and never the result, is made in
:mod:`txlite.nn._kernels`.

Shape letters
    B batch    T queries    S keys    H heads    K key heads    E width of one head

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.2.1.
    Ainslie et al. (2023), "GQA", section 2.2 (several query heads share one key and value head).
"""

import math

from jaxtyping import Bool, Float
from torch import Tensor, nn

from txlite._checks import check_finite, check_probability
from txlite.nn._arguments import check_arguments, check_grouped
from txlite.nn._edge import checked_once
from txlite.nn._kernels import visible, weighted_sum
from txlite.nn.masks._rules import Mask, as_rule

__all__ = ["Attend", "attention_weights", "scaled_dot_product_attention"]


def attention_weights(
    query: Float[Tensor, "*B T E"],
    key: Float[Tensor, "*B S E"],
    mask: Mask | Bool[Tensor, "..."] | None = None,
    *,
    bias: Float[Tensor, "..."] | None = None,
    scale: float | None = None,
) -> Float[Tensor, "*B T S"]:
    r"""How much each query attends to each key.

    .. math:: A = \operatorname{softmax}\!\left(\frac{Q K^\top}{\sqrt{E}} + \text{bias}\right)

    Parameters
    ----------
    query : Tensor, shape (..., T, E)
        What each position looks for.
    key : Tensor, shape (..., S, E)
        What each position offers to be found by.
    mask : Mask or Tensor of bool, optional
        True where the query may attend to the key. The default allows everything.
    bias : Tensor, optional
        Added to the scaled scores; broadcasts to (..., T, S).
    scale : float, optional
        What the scores are multiplied by. The default is 1/√E.

    Returns
    -------
    Tensor, shape (..., T, S)
        Each row sums to one. A row that may attend nothing is zero.

    Raises
    ------
    ValueError
        If shapes disagree, the mask is not bool or does not fit, or scale is not finite.

    References
    ----------
    Vaswani et al. (2017), equation (1). Dividing by √E keeps the scores at unit variance when the
    entries of query and key are independent with mean 0 and variance 1 (section 3.2.1).

    Examples
    --------
    >>> import torch
    >>> query = torch.zeros(1, 4)                        # an undecided query ...
    >>> attention_weights(query, torch.randn(5, 4))      # ... attends to all keys alike
    tensor([[0.2000, 0.2000, 0.2000, 0.2000, 0.2000]])
    """
    rule = check_arguments(query, key, None, mask, bias)
    scale = None if scale is None else check_finite("scale", scale)
    scores = query @ key.mT * _scale(query, scale)  # (..., T, S)
    if bias is not None:
        bias = bias.to(scores.dtype)
        scores = scores + bias
    allowed = visible(rule, bias, scores, scores.shape[-1])
    if allowed is None:
        return scores.softmax(-1)
    blind = ~allowed.any(-1, keepdim=True)  # rows with nothing to attend: softmax would be NaN
    weights = scores.masked_fill(~allowed, -math.inf).masked_fill(blind, 0.0).softmax(-1)
    return weights.masked_fill(blind, 0.0)


def scaled_dot_product_attention(
    query: Float[Tensor, "*B T E"],
    key: Float[Tensor, "*B S E"],
    value: Float[Tensor, "*B S V"],
    mask: Mask | Bool[Tensor, "..."] | None = None,
    *,
    bias: Float[Tensor, "..."] | None = None,
    dropout: float = 0.0,
    scale: float | None = None,
) -> Float[Tensor, "*B T V"]:
    r"""Average of the values, weighted by how much each query attends to each key.

    .. math:: \operatorname{Attention}(Q, K, V)
              = \operatorname{softmax}\!\left(\frac{Q K^\top}{\sqrt{E}} + \text{bias}\right) V

    The weights are never stored: the fastest kernel that the mask allows computes the sum.

    Parameters
    ----------
    query : Tensor, shape (..., T, E)
        What each position looks for.
    key : Tensor, shape (..., S, E)
        What each position offers to be found by.
    value : Tensor, shape (..., S, V)
        What each position hands over when it is found.
    mask : Mask or Tensor of bool, optional
        True where the query may attend to the key. The default allows everything.
    bias : Tensor, optional
        Added to the scaled scores; broadcasts to (..., T, S).
    dropout : float
        Probability with which each weight is dropped.
    scale : float, optional
        What the scores are multiplied by. The default is 1/√E.

    Returns
    -------
    Tensor, shape (..., T, V)
        ``attention_weights(query, key, mask) @ value``. A row that may attend nothing is zero, and
        its gradients are zero.

    Raises
    ------
    ValueError
        If shapes disagree, the mask is not bool or does not fit, dropout is not in [0, 1), or
        scale is not finite.

    Notes
    -----
    The fused kernels know their gradient, and no more. For derivatives of it (``gradgradcheck``,
    a Hessian) and forward derivatives (``torch.func.jvp``) ask for the kernel that is made of
    matrix products: ``with torch.nn.attention.sdpa_kernel(SDPBackend.MATH):``.

    References
    ----------
    Vaswani et al. (2017), equation (1).

    Examples
    --------
    >>> import torch
    >>> from torch.nn.attention import SDPBackend, sdpa_kernel
    >>> x = torch.randn(5, 4, requires_grad=True)
    >>> with sdpa_kernel(SDPBackend.MATH):
    ...     total = scaled_dot_product_attention(x, x, x).sum()
    ...     (slope,) = torch.autograd.grad(total, x, create_graph=True)
    ...     slope.square().sum().backward()
    >>> x.grad.shape
    torch.Size([5, 4])
    """
    rule = check_arguments(query, key, value, mask, bias)
    dropout = check_probability("dropout", dropout)
    scale = None if scale is None else check_finite("scale", scale)
    return weighted_sum(query, key, value, rule, bias, dropout, _scale(query, scale))


def _scale(query: Tensor, scale: float | None) -> float:
    if scale is not None:
        return scale
    if query.shape[-1] == 0:
        raise ValueError(f"query should have a last axis E of at least 1, got {tuple(query.shape)}")
    return float(query.shape[-1] ** -0.5)


class Attend(nn.Module):
    """Scaled dot-product attention as a module without parameters: what attends in every head.

    Multi-head attention hands it the queries, keys and values of all heads, and another module can
    stand in its place (``MultiHeadAttention(..., attend=...)``).

    Parameters
    ----------
    dropout : float
        Probability with which each weight is dropped in training mode.
    scale : float, optional
        What the scores are multiplied by. The default is 1/√E; T5 has 1.

    Raises
    ------
    ValueError
        If dropout is not in [0, 1), or scale is not finite.

    References
    ----------
    Vaswani et al. (2017), equation (1). Ainslie et al. (2023), section 2.2 (grouped heads).
    """

    def __init__(self, dropout: float = 0.0, *, scale: float | None = None) -> None:
        super().__init__()
        self.dropout = check_probability("dropout", dropout)
        self.scale = None if scale is None else check_finite("scale", scale)

    @checked_once
    def forward(
        self,
        query: Float[Tensor, "B H T E"],
        key: Float[Tensor, "B K S E"],
        value: Float[Tensor, "B K S V"],
        mask: Mask | Bool[Tensor, "..."] | None = None,
        bias: Float[Tensor, "..."] | None = None,
    ) -> Float[Tensor, "B H T V"]:
        """Average the values, in each head by itself.

        Parameters
        ----------
        query : Tensor, shape (B, H, T, E)
            What each position looks for.
        key : Tensor, shape (B, K, S, E)
            What each position offers to be found by. Each of the K heads serves H / K query heads.
        value : Tensor, shape (B, K, S, V)
            What each position hands over when it is found.
        mask : Mask or Tensor of bool, optional
            True where the query may attend to the key.
        bias : Tensor, optional
            Added to the scaled scores; broadcasts to (B, H, T, S).

        Returns
        -------
        Tensor, shape (B, H, T, V)
            The weighted average of the values.

        Raises
        ------
        ValueError
            If a shape disagrees, or the mask is not bool or does not fit.
        """
        dropout = self.dropout if self.training else 0.0
        scale = _scale(query, self.scale)
        return weighted_sum(query, key, value, as_rule(mask), bias, dropout, scale)

    def weights(
        self,
        query: Float[Tensor, "B H T E"],
        key: Float[Tensor, "B K S E"],
        mask: Mask | Bool[Tensor, "..."] | None = None,
        bias: Float[Tensor, "..."] | None = None,
    ) -> Float[Tensor, "B H T S"]:
        """Return the weights by which :meth:`forward` averages, before dropout.

        Parameters
        ----------
        query, key : Tensor, shapes (B, H, T, E) and (B, K, S, E)
            As in :meth:`forward`.
        mask : Mask or Tensor of bool, optional
            True where the query may attend to the key.
        bias : Tensor, optional
            Added to the scaled scores.

        Returns
        -------
        Tensor, shape (B, H, T, S)
            Each row sums to one; a row that may attend nothing is zero.

        Raises
        ------
        ValueError
            If a shape disagrees, or the mask is not bool or does not fit.
        """
        key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
        return attention_weights(query, key, mask, bias=bias, scale=self.scale)

    def _check(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Mask | Tensor | None = None,
        bias: Tensor | None = None,
    ) -> None:
        check_grouped(query, key, value, mask, bias)

    def extra_repr(self) -> str:
        """Return the choices that ``print(module)`` shows, where they are not the default."""
        chosen = {"dropout": self.dropout or None, "scale": self.scale}
        return ", ".join(f"{name}={x}" for name, x in chosen.items() if x is not None)
