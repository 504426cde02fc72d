"""Which kernel computes attention: a choice that changes the speed and never the result.

From the structure of the mask follows the cheapest way to the same sum:

- no mask, or a causal mask over as many keys as queries: the fused kernel, with no table;
- a mask whose reach is short (a sliding window, blocks): the sequence is cut into chunks, and
  each chunk of queries sees only the keys in reach, so time and memory grow with T and not T²;
- anything else: the fused kernel with a bool table, broadcast where it can be.

In every one of them a query that may attend nothing gives zero, with zero gradients.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from txlite.nn.masks._coordinates import Coordinates, align
from txlite.nn.masks._kinds import Causal
from txlite.nn.masks._one_call import OneCall
from txlite.nn.masks._rules import Mask

__all__ = ["visible", "weighted_sum"]

# A band is worth its chunks when it is this many times narrower than the sequence is long.
BAND_GAIN = 4


class Table(NamedTuple):
    """What the fused kernel is told, and the rows that may attend nothing, if there may be any."""

    attn_mask: Tensor
    blind: Tensor | None


class Band(NamedTuple):
    """How far every query may look, in positions."""

    back: int
    ahead: int


def weighted_sum(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    rule: Mask | None,
    bias: Tensor | None,
    dropout: float,
    scale: float,
) -> Tensor:
    """Attention for arguments that have been checked; any number of leading axes.

    With four axes, keys and values may have fewer heads: each serves several query heads.
    """
    num_queries, num_keys = query.shape[-2], key.shape[-2]
    worked_out = rule.worked_out if isinstance(rule, OneCall) else None
    rule = rule.rule if isinstance(rule, OneCall) else rule
    if scale <= 0:  # the causal kernel multiplies its -inf by the scale
        query, scale = query * scale, 1.0
    if bias is None:
        if rule is None or _sees_everything(rule, num_queries):
            return _fused(query, key, value, None, dropout, scale)
        if isinstance(rule, Causal) and num_queries == num_keys:
            return _fused(query, key, value, None, dropout, scale, is_causal=True)
        band = _band(rule, num_queries, num_keys)
        if band is not None:
            return _banded(query, key, value, rule, band, dropout, scale)
        return _tabled(query, key, value, _table(rule, query, num_keys, worked_out), dropout, scale)
    bias = _once(_aligned_bias(bias, query))
    allowed = visible(rule, bias, query, num_keys)
    assert allowed is not None
    return _tabled(query, key, value, _prepared(allowed, bias), dropout, scale)


def visible(rule: Mask | None, bias: Tensor | None, query: Tensor, num_keys: int) -> Tensor | None:
    """Return who may attend to whom as a table that broadcasts to (..., T, S); None = everybody.

    A bias of -inf hides as a mask does, so that a row of nothing else counts as blind.
    """
    seen = None if bias is None else bias != -math.inf
    if rule is None:
        return seen
    allowed = align(rule.table(query.shape[-2], num_keys, query.device), query.ndim - 2)
    return allowed if seen is None else allowed & seen


def _sees_everything(rule: Mask, num_queries: int) -> bool:
    """Whether the rule hides nothing: one causal query stands at the last key."""
    return isinstance(rule, Causal) and num_queries == 1


def _fused(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None,
    dropout: float,
    scale: float,
    is_causal: bool = False,
) -> Tensor:
    """The kernel of torch, which is only fast for four axes."""
    lead = query.shape[:-2]
    if len(lead) != 2:
        query, key, value = (_four_axes(x) for x in (query, key, value))
        if attn_mask is not None:
            attn_mask = _four_axes(attn_mask.expand(*lead, *attn_mask.shape[-2:]))
    grouped = query.shape[1] != key.shape[1]
    if grouped and attn_mask is not None and query.device.type != "cpu":
        key, value = _ungrouped(key, value, query)  # elsewhere only the slow kernel takes both
        grouped = False
    if attn_mask is not None:
        attn_mask = _readable(attn_mask, key.shape[-2])
    out = F.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=attn_mask,
        dropout_p=dropout,
        is_causal=is_causal,
        scale=scale,
        enable_gqa=grouped,
    )
    return out.reshape(*lead, *out.shape[-2:])


def _once(table: Tensor) -> Tensor:
    """Return a table with each axis that only repeats one entry at size one, to broadcast again."""
    repeated = [
        size > 1 and step == 0 for size, step in zip(table.shape, table.stride(), strict=True)
    ]
    return (
        table[tuple(slice(0, 1) if r else slice(None) for r in repeated)]
        if any(repeated)
        else table
    )


def _readable(table: Tensor, num_keys: int) -> Tensor:
    """Lay the last axis out entry by entry, as a GPU's kernels read it, and only that one."""
    wide = table.expand(*table.shape[:-1], num_keys)
    return wide if wide.stride(-1) == 1 else wide.contiguous()


def _ungrouped(key: Tensor, value: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
    """Give every query head a key and a value head of its own; heads are the second axis."""
    groups = query.shape[1] // key.shape[1]
    return key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)


def _four_axes(x: Tensor) -> Tensor:
    lead = math.prod(x.shape[:-2])
    return x.reshape(lead, 1, *x.shape[-2:])


def _aligned_bias(bias: Tensor, query: Tensor) -> Tensor:
    """Give the bias the query's dtype and all its axes."""
    return bias.to(query.dtype).reshape(*[1] * (query.ndim - bias.ndim), *bias.shape)


def _tabled(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    table: Table,
    dropout: float,
    scale: float,
) -> Tensor:
    """Attention under a table that broadcasts to (..., T, S)."""
    out = _fused(query, key, value, table.attn_mask, dropout, scale)
    return out if table.blind is None else out.masked_fill(table.blind, 0.0)


def _table(
    rule: Mask, query: Tensor, num_keys: int, worked_out: dict[tuple[int, ...], Table] | None
) -> Table:
    """Work out a rule's table, unless an earlier layer of the same call has."""
    sizes = (query.shape[-2], num_keys, query.ndim)
    if worked_out is not None and sizes in worked_out:
        return worked_out[sizes]
    allowed = visible(rule, None, query, num_keys)
    assert allowed is not None
    table = _prepared(allowed, None)
    if worked_out is not None:
        if query.device.type == "cpu" and table.blind is not None and not bool(table.blind.any()):
            table = Table(table.attn_mask, None)  # elsewhere the question would cost a wait
        worked_out[sizes] = table
    return table


def _prepared(allowed: Tensor, bias: Tensor | None) -> Table:
    """Let blind rows compute something finite, which is then replaced."""
    allowed = _once(allowed)
    blind = ~allowed.any(-1, keepdim=True)
    if bias is None:
        return Table(allowed | blind, blind)
    return Table(bias.masked_fill(~allowed, -math.inf).masked_fill(blind, 0.0), blind)


def _band(rule: Mask, num_queries: int, num_keys: int) -> Band | None:
    """Return the band that a rule is confined to, if it is worth exploiting."""
    back, ahead = rule.reach
    if back is None or ahead is None or torch.compiler.is_exporting():
        return None  # an exported program must hold for every length
    narrow = BAND_GAIN * (back + ahead + 1) <= num_keys
    return Band(back, ahead) if narrow and num_queries > back + ahead + 1 else None


def _banded(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    rule: Mask,
    band: Band,
    dropout: float,
    scale: float,
    extra: tuple[Tensor, Tensor, Tensor] | None = None,
) -> Tensor:
    """Attention in chunks of queries, each with only the keys in its reach.

    With ``extra`` every chunk sees a few keys more, from anywhere: keys and values (*B, G, E), and
    which of them count, (*B, G).
    """
    num_queries, num_keys = query.shape[-2], key.shape[-2]
    size = max(band.back + band.ahead, 16)  # queries in a chunk
    count = -(-num_queries // size)
    width = size + band.back + band.ahead  # keys that a chunk can reach
    first = num_keys - num_queries - band.back  # position of the first chunk's first key

    def chunks(x: Tensor) -> Tensor:
        """(..., S, E) to (..., count, width, E), overlapping, zeros outside the sequence."""
        end = first + (count - 1) * size + width
        x = F.pad(x[..., max(first, 0) :, :], (0, 0, max(-first, 0), max(end - num_keys, 0)))
        return x.unfold(-2, width, size).transpose(-1, -2)

    lead = query.shape[:-2]
    key, value = chunks(key), chunks(value)
    if len(lead) == 2 and lead[1] != key.shape[1]:  # a short stretch of keys for each chunk
        key, value = _ungrouped(key, value, query)
    padded = F.pad(query, (0, 0, 0, count * size - num_queries))
    allowed = _chunk_table(rule, count, size, width, first, band, (num_queries, num_keys), query)
    allowed = align(allowed, len(lead), axes=3)  # (*B, count, size, width), some axes 1
    if extra is not None:
        more = [x[..., None, :, :].expand(*lead, count, -1, -1) for x in extra[:2]]
        key, value = (torch.cat(pair, -2) for pair in ((key, more[0]), (value, more[1])))
        shape = (*lead, count, size)
        seen = extra[2][..., None, None, :].expand(*shape, -1)
        allowed = torch.cat([allowed.expand(*shape, width), seen], -1)
    out = _tabled(
        padded.reshape(*lead, count, size, padded.shape[-1]),
        key,
        value,
        _prepared(allowed, None),
        dropout,
        scale,
    )
    return out.flatten(-3, -2)[..., :num_queries, :]


def _chunk_table(
    rule: Mask,
    count: int,
    size: int,
    width: int,
    first: int,
    band: Band,
    lengths: tuple[int, int],
    query: Tensor,
) -> Tensor:
    """Who may attend to whom within each chunk, (..., count, size, width)."""
    num_queries, num_keys = lengths
    starts = first + size * torch.arange(count, device=query.device)
    keys = starts[:, None] + torch.arange(width, device=query.device)  # (count, width)
    queries = starts[:, None] + band.back + torch.arange(size, device=query.device)
    inside = (keys >= 0) & (keys < num_keys)
    at = Coordinates(
        queries.clamp(max=num_keys - 1)[:, :, None],
        keys.clamp(0, num_keys - 1)[:, None, :],
        num_queries,
        num_keys,
    )
    return rule.allowed(at) & inside[:, None, :]
