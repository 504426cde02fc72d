r"""Attention: the one operation by which positions exchange information.

The file reads as the argument of chapters 2 to 4: the weights, the weighted sum, then many heads
side by side. Nothing here knows about layers, models or training; the choice among kernels, which
changes the speed and never the result, is made in :mod:`txlite.nn._kernels`.

Shape letters
    B batch    T queries    S keys    H heads    D model width    E width of one head

Sources
    Vaswani et al. (2017), "Attention Is All You Need", sections 3.2.1 and 3.2.2.
    Ainslie et al. (2023), "GQA", section 2.2 (several query heads share one key and value head).
"""

import math

from jaxtyping import Bool, Float
from torch import Tensor, nn

from txlite._checks import (
    check_alike,
    check_divides,
    check_dtype,
    check_positive,
    check_probability,
    check_shape,
)
from txlite.nn._arguments import check_arguments, check_scores
from txlite.nn._kernels import attend, visible
from txlite.nn._rules import Mask
from txlite.nn.cache import KVCache
from txlite.nn.positions.rotary import Rotation

__all__ = ["MultiHeadAttention", "attention_weights", "scaled_dot_product_attention"]


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
        If shapes disagree, or the mask is not bool or does not fit.

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
        If shapes disagree, the mask is not bool or does not fit, or dropout is not in [0, 1).

    References
    ----------
    Vaswani et al. (2017), equation (1).
    """
    rule = check_arguments(query, key, value, mask, bias)
    check_probability("dropout", dropout)
    return attend(query, key, value, rule, bias, dropout, _scale(query, scale))


def _scale(query: Tensor, scale: float | None) -> float:
    if scale is not None:
        return scale
    if query.shape[-1] == 0:
        raise ValueError(f"query should have a last axis E of at least 1, got {tuple(query.shape)}")
    return float(query.shape[-1] ** -0.5)


class Attend(nn.Module):
    """Scaled dot-product attention as a module without parameters.

    Multi-head attention calls it, and :func:`txlite.inspect.record_attention` listens to it: what
    it receives is all that is needed to recompute the weights exactly.

    Parameters
    ----------
    dropout : float
        Probability with which each weight is dropped in training mode.
    """

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        check_probability("dropout", dropout)
        self.dropout = dropout

    def forward(
        self,
        query: Float[Tensor, "B H T E"],
        key: Float[Tensor, "B H S E"],
        value: Float[Tensor, "B H S E"],
        mask: Mask | Bool[Tensor, "..."] | None = None,
        bias: Float[Tensor, "..."] | None = None,
    ) -> Float[Tensor, "B H T E"]:
        """Return the weighted average of the values."""
        dropout = self.dropout if self.training else 0.0
        return scaled_dot_product_attention(query, key, value, mask, bias=bias, dropout=dropout)


class MultiHeadAttention(nn.Module):
    r"""Several attentions side by side, each in a subspace of its own.

    .. math:: \operatorname{MultiHead}(Q, K, V)
              = \operatorname{Concat}(Z_1, \dots, Z_H) W^O,\quad
              Z_h = \operatorname{Attention}(Q W^Q_h, K W^K_h, V W^V_h)

    Parameters
    ----------
    d_model : int
        Width of the input and of the output.
    num_heads : int
        Number of query heads.
    num_kv_heads : int, optional
        Number of key and value heads, each shared by ``num_heads / num_kv_heads`` query heads
        (grouped-query attention; 1 is multi-query attention). The default is ``num_heads``.
    head_dim : int, optional
        Width of one head. The default is ``d_model / num_heads``.
    bias : bool
        Whether the four projections add a bias.
    dropout : float
        Probability with which an attention weight is dropped in training.

    Raises
    ------
    ValueError
        If a size is not positive, or the heads do not divide.

    Notes
    -----
    The projections of all heads lie side by side in one matrix: rows h·E to (h+1)·E of
    ``query_proj.weight`` are :math:`(W^Q_h)^\top`.

    References
    ----------
    Vaswani et al. (2017), section 3.2.2. Ainslie et al. (2023), section 2.2.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        *,
        num_kv_heads: int | None = None,
        head_dim: int | None = None,
        bias: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_positive("d_model", d_model)
        check_positive("num_heads", num_heads)
        self.num_kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        check_positive("num_kv_heads", self.num_kv_heads)
        check_divides("num_kv_heads", self.num_kv_heads, "num_heads", num_heads)
        if head_dim is None:
            check_divides("num_heads", num_heads, "d_model", d_model)
            head_dim = d_model // num_heads
        check_positive("head_dim", head_dim)
        self.d_model, self.num_heads, self.head_dim = d_model, num_heads, head_dim
        self.query_proj = nn.Linear(d_model, num_heads * head_dim, bias=bias)
        self.key_proj = nn.Linear(d_model, self.num_kv_heads * head_dim, bias=bias)
        self.value_proj = nn.Linear(d_model, self.num_kv_heads * head_dim, bias=bias)
        self.output_proj = nn.Linear(num_heads * head_dim, d_model, bias=bias)
        self.attend = Attend(dropout)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew: Xavier uniform, biases zero."""
        for proj in (self.query_proj, self.key_proj, self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(proj.weight)
            if proj.bias is not None:
                nn.init.zeros_(proj.bias)

    def forward(
        self,
        query: Float[Tensor, "B T D"],
        key: Float[Tensor, "B S D"] | None = None,
        value: Float[Tensor, "B S D"] | None = None,
        mask: Mask | Bool[Tensor, "..."] | None = None,
        *,
        bias: Float[Tensor, "..."] | None = None,
        rotation: Rotation | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Let every query position gather from the key positions.

        Parameters
        ----------
        query : Tensor, shape (B, T, D)
            The positions that gather.
        key : Tensor, shape (B, S, D), optional
            The positions that are gathered from. The default is ``query``: self-attention.
        value : Tensor, shape (B, S, D), optional
            What is gathered. The default is ``key``.
        mask : Mask or Tensor of bool, optional
            True where a query may attend to a key; a tensor has shape (T, S), (B, T, S) or
            (B, H, T, S). With a cache, S counts the cached keys too.
        bias : Tensor, optional
            Added to the scaled scores; broadcasts to (B, H, T, S).
        rotation : Rotation, optional
            By how much each position turns its query and its key (rotary positions); in
            self-attention only, where both stand at the same place.
        cache : KVCache, optional
            Keys and values of earlier calls; the new ones are appended to it. A fixed cache is
            filled by the first call, and read by the later ones, whatever their key.

        Returns
        -------
        Tensor, shape (B, T, D)
            One vector for each query position.

        Raises
        ------
        ValueError
            If a shape disagrees, or the mask is not bool or does not fit.
        """
        if key is None and value is not None:
            raise ValueError("value should come with a key, got key=None")
        if key is not None and rotation is not None:
            raise ValueError("rotation should come with self-attention, got it with a key")
        q = self._split(self.query_proj(self._check_query(query)), self.num_heads)  # (B, H, T, E)
        if rotation is not None:
            q = rotation.apply(q)
        if cache is not None and cache.fixed and cache.keys is not None:
            k, v = cache.read()
        else:
            k, v = self._keys_and_values(query, key, value, rotation)
            if cache is not None:
                past = 0 if cache.keys is None else cache.keys.shape[-2]
                check_scores(q, past + k.shape[-2], mask, bias)  # refused before anything is kept
                k, v = cache.update(k, v)
        groups = self.num_heads // self.num_kv_heads
        if groups > 1:
            k, v = (x.repeat_interleave(groups, dim=1) for x in (k, v))  # (B, H, S, E)
        z = self.attend(q, k, v, mask, bias)  # (B, H, T, E)
        out: Tensor = self.output_proj(z.transpose(1, 2).flatten(2))
        return out

    def _check_query(self, query: Tensor) -> Tensor:
        """Refuse a query that does not fit the weights."""
        check_shape("query", query, "B T D", D=self.d_model)
        if isinstance(self.query_proj, nn.Linear):  # anything else may take another dtype
            check_dtype("query", query, "the weights", self.query_proj.weight)
        return query

    def _keys_and_values(
        self, query: Tensor, key: Tensor | None, value: Tensor | None, rotation: Rotation | None
    ) -> tuple[Tensor, Tensor]:
        """Return the keys and values of new positions, (B, H_kv, S, E)."""
        key = query if key is None else key
        value = key if value is None else value
        sizes = check_shape("key", key, "B S D", B=query.shape[0], D=self.d_model)
        check_alike("key", key, query)
        check_shape("value", value, "B S D", **sizes)
        check_alike("value", value, query)
        k = self._split(self.key_proj(key), self.num_kv_heads)
        v = self._split(self.value_proj(value), self.num_kv_heads)
        return (k if rotation is None else rotation.apply(k)), v

    def _split(self, x: Tensor, num_heads: int) -> Tensor:
        return x.reshape(*x.shape[:-1], num_heads, self.head_dim).transpose(1, 2)

    def extra_repr(self) -> str:
        """Return the sizes that ``print(module)`` shows."""
        kv = "" if self.num_kv_heads == self.num_heads else f", num_kv_heads={self.num_kv_heads}"
        return f"d_model={self.d_model}, num_heads={self.num_heads}{kv}, head_dim={self.head_dim}"
