"""Attention and its gradient as NumPy writes them down, in float64: what everything is held to.

Nothing of txlite or torch is used here. ``allowed`` is a bool table that broadcasts to (..., T, S);
a row that is False everywhere gives zero by definition.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Gradient(NamedTuple):
    """What a loss changes by, for each of its arguments."""

    query: Array
    key: Array
    value: Array
    bias: Array


def weights(
    query: Array,
    key: Array,
    allowed: NDArray[np.bool_] | None = None,
    bias: Array | None = None,
    scale: float | None = None,
) -> Array:
    """Softmax of the scaled scores over the allowed keys, (..., T, S)."""
    scale = 1 / np.sqrt(query.shape[-1]) if scale is None else scale
    scores = np.einsum("...te,...se->...ts", query, key) * scale
    scores = scores if bias is None else scores + bias
    seen = np.broadcast_to(True if allowed is None else allowed, scores.shape)
    top = np.max(scores, axis=-1, keepdims=True, initial=-np.inf, where=seen)
    powers = np.where(seen, np.exp(np.where(seen, scores - np.where(seen, top, 0.0), 0.0)), 0.0)
    total = powers.sum(-1, keepdims=True)
    return powers / np.where(total == 0, 1.0, total)


def attention(
    query: Array,
    key: Array,
    value: Array,
    allowed: NDArray[np.bool_] | None = None,
    bias: Array | None = None,
    scale: float | None = None,
) -> Array:
    """Average of the values, (..., T, V)."""
    return np.einsum("...ts,...sv->...tv", weights(query, key, allowed, bias, scale), value)


def gradient(
    upstream: Array,
    query: Array,
    key: Array,
    value: Array,
    allowed: NDArray[np.bool_] | None = None,
    bias: Array | None = None,
    scale: float | None = None,
) -> Gradient:
    """Gradient of ``(upstream * attention(...)).sum()``, by hand.

    With A the weights, dA = G Vᵀ, and the softmax's Jacobian gives dZ = A ∘ (dA − rowsum(A ∘ dA)).
    """
    factor = 1 / np.sqrt(query.shape[-1]) if scale is None else scale
    attended = weights(query, key, allowed, bias, scale)
    d_attended = np.einsum("...tv,...sv->...ts", upstream, value)
    d_scores = attended * (d_attended - (attended * d_attended).sum(-1, keepdims=True))
    return Gradient(
        query=np.einsum("...ts,...se->...te", d_scores, key) * factor,
        key=np.einsum("...ts,...te->...se", d_scores, query) * factor,
        value=np.einsum("...ts,...tv->...sv", attended, upstream),
        bias=d_scores,
    )


def multi_head(
    query: Array,
    key: Array,
    value: Array,
    projections: dict[str, Array],
    num_heads: int,
    num_kv_heads: int,
    allowed: NDArray[np.bool_] | None = None,
    bias: Array | None = None,
) -> Array:
    """Multi-head attention one head at a time, (B, T, D); ``projections`` as in a state dict."""

    def project(x: Array, name: str, head: int) -> Array:
        weight = projections[f"{name}.weight"]
        width = weight.shape[0] // (num_heads if name == "query_proj" else num_kv_heads)
        rows = slice(head * width, (head + 1) * width)
        offset = projections.get(f"{name}.bias", np.zeros(len(weight)))[rows]
        return x @ weight[rows].T + offset

    heads = []
    for h in range(num_heads):
        shared = h // (num_heads // num_kv_heads)
        q, k = project(query, "query_proj", h), project(key, "key_proj", shared)
        v = project(value, "value_proj", shared)
        heads.append(
            attention(
                q,
                k,
                v,
                None if allowed is None else allowed[:, min(h, allowed.shape[1] - 1)],
                None if bias is None else bias[:, h],
            )
        )
    joined = np.concatenate(heads, axis=-1)
    out = joined @ projections["output_proj.weight"].T
    return out + projections.get("output_proj.bias", np.zeros(out.shape[-1]))
