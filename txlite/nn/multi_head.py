r"""Many heads: several attentions side by side, each in a subspace of its own.

The chapter on many heads derives it. Four projections, and between them a module that attends:
which one is the caller's to choose.

Shape letters
    B batch    T queries    S keys    H heads    K key heads    D model width    E width of one head

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.2.2.
    Ainslie et al. (2023), "GQA", section 2.2 (several query heads share one key and value head).
"""

from collections.abc import Hashable
from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor, nn

from txlite._checks import check_alike, check_divides, check_dtype, check_positive, check_shape
from txlite.nn._arguments import check_bias, check_scores
from txlite.nn._edge import checked_once
from txlite.nn.attention import Attend
from txlite.nn.cache import KVCache
from txlite.nn.masks._later import later
from txlite.nn.masks._rules import Mask
from txlite.nn.positions.carrier import Positions

__all__ = ["MultiHeadAttention"]


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
    attend : Module, optional
        What attends: called with queries (B, H, T, E), keys and values (B, K, S, E), mask and
        bias, it returns (B, H, T, E). The default is :class:`txlite.nn.Attend` with ``dropout``.

    Raises
    ------
    ValueError
        If a size is not positive, the heads do not divide, or ``dropout`` comes with an ``attend``.

    Notes
    -----
    The projections of all heads lie side by side in one matrix: rows h·E to (h+1)·E of
    ``query_proj.weight`` are :math:`(W^Q_h)^\top`. A process that holds the rows of some heads only
    (tensor parallelism, ``torch.distributed.tensor.parallel``) computes those heads.

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
        attend: nn.Module | None = None,
    ) -> None:
        super().__init__()
        d_model = check_positive("d_model", d_model)
        num_heads = check_positive("num_heads", num_heads)
        wanted = num_heads if num_kv_heads is None else num_kv_heads
        self.num_kv_heads = check_positive("num_kv_heads", wanted)
        check_divides("num_kv_heads", self.num_kv_heads, "num_heads", num_heads)
        if head_dim is None:
            check_divides("num_heads", num_heads, "d_model", d_model)
            head_dim = d_model // num_heads
        head_dim = check_positive("head_dim", head_dim)
        if attend is not None and dropout:
            raise ValueError(f"dropout should be that of the given attend, got dropout={dropout}")
        self.d_model, self.num_heads, self.head_dim = d_model, num_heads, head_dim
        self.query_proj = nn.Linear(d_model, num_heads * head_dim, bias=bias)
        self.key_proj = nn.Linear(d_model, self.num_kv_heads * head_dim, bias=bias)
        self.value_proj = nn.Linear(d_model, self.num_kv_heads * head_dim, bias=bias)
        self.output_proj = nn.Linear(num_heads * head_dim, d_model, bias=bias)
        self.attend = Attend(dropout) if attend is None else attend
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew: Xavier uniform, biases zero."""
        for proj in (self.query_proj, self.key_proj, self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(proj.weight)
            if proj.bias is not None:
                nn.init.zeros_(proj.bias)

    @checked_once
    def forward(
        self,
        query: Float[Tensor, "B T D"],
        key: Float[Tensor, "B S D"] | None = None,
        value: Float[Tensor, "B S D"] | None = None,
        mask: Mask | Bool[Tensor, "..."] | None = None,
        *,
        bias: Float[Tensor, "..."] | None = None,
        positions: Positions | None = None,
        key_positions: Positions | None = None,
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
        positions : Positions, optional
            Where the queries stand, and in self-attention the keys too: a rotation, a bias, or
            what is added to both before they are projected.
        key_positions : Positions, optional
            Where the keys of another sequence stand.
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
            If a shape disagrees, the mask is not bool or does not fit, or the positions are to
            turn the queries only.
        """
        positions = positions or _NOWHERE
        theirs = positions if key is None else key_positions or _NOWHERE
        q = self._heads(self.query_proj(_marked(query, positions)))  # (B, H, T, E)
        if positions.rotation is not None:
            q = positions.rotation._turn(q)
        if cache is not None and cache.fixed and cache.keys is not None:
            k, v = cache.read()
        else:
            key = query if key is None else key
            k = self._heads(self.key_proj(_marked(key, theirs)))  # (B, K, S, E)
            v = self._heads(self.value_proj(key if value is None else value))
            if theirs.rotation is not None:
                k = theirs.rotation._turn(k)
            if cache is not None:
                k, v = cache._append(k, v)
        if positions.bias is not None:
            bias = positions.bias if bias is None else bias + positions.bias
        gone = 0 if cache is None else cache.length - k.shape[-2]  # keys that it has forgotten
        if gone:
            mask, bias = later(mask, gone), _last(bias, k.shape[-2])
        z = self.attend(q, k, v, mask, bias)  # (B, H, T, E)
        out: Tensor = self.output_proj(z.transpose(1, 2).flatten(2))
        return out

    def _heads(self, x: Tensor) -> Tensor:
        """(B, T, H·E) to (B, H, T, E), for as many heads as this process holds."""
        return x.reshape(*x.shape[:-1], -1, self.head_dim).transpose(1, 2)

    def _kind(self) -> Hashable:
        """What the checks depend on, apart from the cache."""
        sizes = (self.d_model, self.num_heads, self.num_kv_heads, self.head_dim)
        return (*sizes, getattr(self.query_proj.weight, "dtype", None))

    def _check(
        self,
        query: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        mask: Mask | Tensor | None = None,
        *,
        bias: Tensor | None = None,
        positions: Positions | None = None,
        key_positions: Positions | None = None,
        cache: KVCache | None = None,
    ) -> None:
        """Refuse, by name, what does not fit, before a cache grows."""
        check_shape("query", query, "B T D", D=self.d_model)
        if isinstance(self.query_proj, nn.Linear):  # anything else may take another dtype
            check_dtype("query", query, "the weights", self.query_proj.weight)
        given: dict[str, Any] = {"bias": bias, "positions": positions, "cache": cache}
        self._check_rest(query, key, value, mask, key_positions=key_positions, **given)

    def _check_rest(
        self,
        query: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        mask: Mask | Tensor | None = None,
        *,
        bias: Tensor | None = None,
        positions: Positions | None = None,
        key_positions: Positions | None = None,
        cache: KVCache | None = None,
    ) -> None:
        """Refuse all but a wrong query, which a layer knows by another name."""
        if key is None and value is not None:
            raise ValueError("value should come with a key, got key=None")
        self._check_positions(query, key, positions, key_positions)
        if cache is not None and cache.fixed and cache.keys is not None:
            num_keys = cache._check_rows(query.shape[0])
        else:
            num_keys = query.shape[1] if key is None else self._check_key(query, key, value)
            if cache is not None:
                heads = _held(self.key_proj, self.num_kv_heads, self.head_dim)
                new = query if key is None else key
                num_keys += cache._check_room(new, heads, self.head_dim)
        heads = _held(self.query_proj, self.num_heads, self.head_dim)
        scores = (query.shape[0], heads, query.shape[1], num_keys)
        rule = check_scores(scores, query.device, mask, bias)
        if cache is not None and cache._window is not None:
            cache._window.check_reach(rule)
        if positions is not None and positions.bias is not None:
            check_bias(positions.bias, scores, query.device)

    def _check_key(self, query: Tensor, key: Tensor, value: Tensor | None) -> int:
        """Refuse another sequence that does not fit, and return its length."""
        sizes = check_shape("key", key, "B S D", B=query.shape[0], D=self.d_model)
        check_alike("key", key, query)
        if value is not None:
            check_shape("value", value, "B S D", **sizes)
            check_alike("value", value, query)
        return sizes["S"]

    def _check_positions(
        self,
        query: Tensor,
        key: Tensor | None,
        positions: Positions | None,
        key_positions: Positions | None,
    ) -> None:
        if key is None and key_positions is not None:
            raise ValueError("key_positions should come with a key, got key=None")
        rotations = [p and p.rotation for p in (positions, key_positions)]
        if key is not None and (rotations[0] is None) != (rotations[1] is None):
            raise ValueError(
                "rotation should come with self-attention, or for queries and keys both, got it "
                "with a key for one of them"
            )
        for name, given, x in (
            ("positions", positions, query),
            ("key_positions", key_positions, key),
        ):
            if given is not None and x is not None:
                if given.states is not None:
                    raise ValueError(f"{name}.states should be added to the hidden states before")
                given._check(x, self.head_dim, name)

    def extra_repr(self) -> str:
        """Return the sizes that ``print(module)`` shows."""
        kv = "" if self.num_kv_heads == self.num_heads else f", num_kv_heads={self.num_kv_heads}"
        return f"d_model={self.d_model}, num_heads={self.num_heads}{kv}, head_dim={self.head_dim}"


_NOWHERE = Positions()


def _marked(x: Tensor, positions: Positions) -> Tensor:
    """Add the positions that queries and keys are to show, and values are not."""
    return x if positions.query_key is None else x + positions.query_key


def _last(bias: Tensor | None, num_keys: int) -> Tensor | None:
    """Return the bias of the last keys; one that is the same for all keys stays."""
    return bias if bias is None or bias.ndim == 0 else bias[..., -num_keys:]


def _held(proj: nn.Module, num_heads: int, head_dim: int) -> int:
    """Return how many heads of a projection this process holds: all, unless they are shared out."""
    weight = getattr(proj, "weight", None)
    local = getattr(weight, "to_local", None)
    return num_heads if local is None else local().shape[0] // head_dim
