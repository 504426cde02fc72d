"""Windowed attention with global tokens, which have projections of their own: Longformer's.

Most positions see a window, and the few global tokens. These see all positions, by queries, keys
and values made for it. The window goes in chunks, each with the global tokens beside it, so that
the work grows with the length.

Shape letters
    B batch    T positions    D model width    H heads    E width of one head    G global tokens

Source
    Beltagy et al. (2020), "Longformer: The Long-Document Transformer", section 3.1.
"""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from txlite._checks import check_probability
from txlite.nn._kernels import Band, _banded
from txlite.nn.attention import scaled_dot_product_attention
from txlite.nn.cache import KVCache
from txlite.nn.masks._kinds import Padding
from txlite.nn.masks._one_call import OneCall
from txlite.nn.masks._rules import And, Mask, Or
from txlite.nn.masks._sparse import FirstTokens, NamedTokens
from txlite.nn.masks.constructors import padding
from txlite.nn.multi_head import MultiHeadAttention
from txlite.nn.positions.carrier import Positions

__all__ = ["LongformerAttention"]


class LongformerAttention(MultiHeadAttention):
    """Many heads of windowed attention, and other projections by which global tokens attend.

    Parameters
    ----------
    d_model : int
        Width of the input and of the output.
    num_heads : int
        Number of heads.
    head_dim : int, optional
        Width of one head. The default is ``d_model / num_heads``.
    bias : bool
        Whether the seven projections add a bias.
    dropout : float
        Probability with which an attention weight is dropped in training.

    Raises
    ------
    ValueError
        If a size is not positive, or the heads do not divide.

    Notes
    -----
    Which tokens are global, the mask says: ``window | masks.global_tokens(chosen)``, where the
    window is any rule with a reach on both sides, and ``& masks.padding(keep)``.

    References
    ----------
    Beltagy et al. (2020), section 3.1, "Linear projections for global attention".

    Examples
    --------
    >>> from txlite.nn import masks
    >>> attention = LongformerAttention(8, 2)
    >>> mask = masks.sliding_window(3) | masks.global_tokens(1)
    >>> attention(torch.zeros(1, 40, 8), mask=mask).shape
    torch.Size([1, 40, 8])
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        *,
        head_dim: int | None = None,
        bias: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(d_model, num_heads, head_dim=head_dim, bias=bias, dropout=dropout)
        self.dropout = check_probability("dropout", dropout)
        inner = self.num_heads * self.head_dim
        self.global_query_proj = nn.Linear(self.d_model, inner, bias=bias)
        self.global_key_proj = nn.Linear(self.d_model, inner, bias=bias)
        self.global_value_proj = nn.Linear(self.d_model, inner, bias=bias)
        for proj in (self.global_query_proj, self.global_key_proj, self.global_value_proj):
            nn.init.xavier_uniform_(proj.weight)
            if bias:
                nn.init.zeros_(proj.bias)

    def forward(
        self,
        query: Float[Tensor, "B T D"],
        key: Float[Tensor, "B T D"] | None = None,
        value: Float[Tensor, "B T D"] | None = None,
        mask: Mask | Bool[Tensor, "..."] | None = None,
        *,
        bias: Float[Tensor, "..."] | None = None,
        positions: Positions | None = None,
        key_positions: Positions | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Let every position gather from its window, and from the global tokens.

        Parameters
        ----------
        query : Tensor, shape (B, T, D)
            Hidden states.
        key, value : None
            Not here: it is self-attention.
        mask : Mask
            A window, perhaps with global tokens and padding; see the class.
        bias : None
            Not here: scores of most pairs do not exist.
        positions : Positions, optional
            Where the tokens stand, with nothing for queries, keys and scores.
        key_positions, cache : None
            Not here: it reads a whole text at once.

        Returns
        -------
        Tensor, shape (B, T, D)
            One vector for each position.

        Raises
        ------
        ValueError
            If a shape disagrees, the mask is another, or what is not here is given.
        """
        refused: dict[str, Any] = {"key": key, "value": value, "bias": bias, "cache": cache}
        for name in ("states", "query_key", "bias", "rotation"):
            refused[f"positions.{name}"] = getattr(positions, name, None)
        refused["key_positions"] = key_positions
        for name, given in refused.items():
            if given is not None:
                raise ValueError(f"{name} should be None for Longformer's attention")
        self._check(query, mask=mask)
        window, chosen, keep = _understood(mask, query)
        dropout = self.dropout if self.training else 0.0
        q, k, v = (self._heads(p(query)) for p in (self.query_proj, self.key_proj, self.value_proj))
        rows = chosen.any(0).nonzero()[:, 0]  # positions that are global in some text
        marked = (chosen & keep)[:, None, rows].expand(-1, self.num_heads, -1)
        extra = (k[:, :, rows], v[:, :, rows], marked)
        rule = window & padding(keep & ~chosen)
        back, ahead = window.reach
        assert back is not None
        assert ahead is not None
        scale = self.head_dim**-0.5
        z = _banded(q, k, v, rule, Band(back, ahead), dropout, scale, extra)
        if len(rows):
            parts = (self.global_query_proj, self.global_key_proj, self.global_value_proj)
            asked, offered, handed = (self._heads(p(query)) for p in parts)
            seen = scaled_dot_product_attention(
                asked[:, :, rows], offered, handed, keep[:, None, None], dropout=dropout
            )
            own = torch.where(chosen[:, None, rows, None], seen, z[:, :, rows])
            z = z.index_copy(2, rows, own)
        out: Tensor = self.output_proj(z.transpose(1, 2).flatten(2))
        return out


def _understood(mask: Any, x: Tensor) -> tuple[Mask, Tensor, Tensor]:
    """Return a mask's window, which tokens are global, and which are real: (B, T) both."""
    if torch.compiler.is_exporting():
        raise ValueError("Longformer's attention should run as it is, in chunks: no export")
    none = torch.zeros(x.shape[:2], dtype=torch.bool, device=x.device)
    window, chosen, keep = _read(mask)
    if window is None or None in window.reach or window.device is not None:
        raise ValueError(
            "mask should be a window, or window | global_tokens(...), & padding(...), for "
            f"Longformer's attention, got {mask if isinstance(mask, Mask) else type(mask).__name__}"
        )
    if isinstance(chosen, FirstTokens):
        chosen = (torch.arange(x.shape[1], device=x.device) < chosen.count).expand_as(none)
    elif isinstance(chosen, NamedTokens):
        chosen = chosen.chosen
    return window, none if chosen is None else chosen, ~none if keep is None else keep


def _read(mask: Any) -> tuple[Any, Any, Any]:
    """Take a mask apart: its window, its global tokens, its padding; None where it has none."""
    if isinstance(mask, OneCall):
        return _read(mask.rule)
    if isinstance(mask, Padding):
        return None, None, mask.keep
    if isinstance(mask, Or):
        for one, other in ((mask.left, mask.right), (mask.right, mask.left)):
            if isinstance(other, FirstTokens | NamedTokens):
                return one, other, None
    if isinstance(mask, And) and mask.device is not None:
        left, right = _read(mask.left), _read(mask.right)
        if all(a is None or b is None for a, b in zip(left, right, strict=True)):
            window, chosen, keep = (b if a is None else a for a, b in zip(left, right, strict=True))
            return window, chosen, keep
    return (mask if isinstance(mask, Mask) else None), None, None
