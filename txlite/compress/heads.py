"""Heads that go: silenced for a while, or cut out of the matrices for good.

A head writes into the output through its own columns of the last matrix only. With its sum set to
zero the other heads compute what they always did; so the rows of queries, keys and values and the
columns of the output that belong to it can be taken away, and nothing else changes.

Sources
    Michel, Levy and Neubig (2019), "Are Sixteen Heads Really Better than One?", section 2.3.
    Voita et al. (2019), "Analyzing Multi-Head Self-Attention", section 6.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from txlite.compress._attentions import Heads, attentions, checked_heads, kept_heads
from txlite.nn import MultiHeadAttention
from txlite.nn.positions import ALiBi, RelativeBias

__all__ = ["mask_heads", "prune_heads"]


@contextmanager
def mask_heads(model: nn.Module, heads: Heads) -> Iterator[None]:
    """Silence heads inside the ``with`` block: what they gather is zero.

    Parameters
    ----------
    model : Module
        Anything that holds a :class:`txlite.nn.MultiHeadAttention`.
    heads : mapping of str to collection of int
        For the path of an attention (``"encoder.layers.0.attention"``) the heads that are silent.
        One attention that stands in many places is silent in all of them.

    Yields
    ------
    None
        The model is as it was after the block.

    Raises
    ------
    ValueError
        If the model has no such attention, or the attention no such head.

    References
    ----------
    Michel et al. (2019), equation (1): a gate ξ before each head's sum, here 0.

    Examples
    --------
    >>> attention = MultiHeadAttention(8, 2)
    >>> x = torch.randn(1, 5, 8)
    >>> with mask_heads(attention, {"": [0, 1]}):
    ...     silent = attention(x)  # what is left is the bias of the output
    >>> bool(torch.equal(silent[0, 0], attention.output_proj.bias))
    True
    """
    found = attentions(model)
    handles = []
    try:
        for path, gone in checked_heads(found, heads).items():
            handles.append(found[path].attend.register_forward_hook(_Silence(gone)))
        yield
    finally:
        for handle in handles:
            handle.remove()


class _Silence:
    """A hook that sets the sums of some heads to zero."""

    def __init__(self, gone: list[int]) -> None:
        self.gone = gone

    def __call__(self, module: nn.Module, given: Any, sums: Tensor) -> Tensor:
        silent = torch.zeros(sums.shape[1], 1, 1, dtype=torch.bool, device=sums.device)
        silent[self.gone] = True
        return sums.masked_fill(silent, 0.0)


def prune_heads(model: nn.Module, heads: Heads) -> None:
    """Take heads out of a model: its matrices become smaller, for good.

    What the model computes afterwards is what it computes under :func:`mask_heads`. Parameters that
    have lost rows or columns are new ones: make the optimiser, and a compiled model, after this.

    Parameters
    ----------
    model : Module
        Changed in place. Its attentions remember how many heads they have, its config does not:
        :func:`save_compressed` keeps both.
    heads : mapping of str to collection of int
        For the path of an attention the heads that go.

    Raises
    ------
    ValueError
        If the model has no such attention or the attention no such head, none would stay, some but
        not all of the heads that share a key head would go, positions add a bias of their own to
        each head (ALiBi, T5), or the matrices are no ``nn.Linear``: prune before you quantize.
        Nothing has been changed then.

    References
    ----------
    Michel et al. (2019), section 2.3.

    Examples
    --------
    >>> attention = MultiHeadAttention(8, 4)
    >>> prune_heads(attention, {"": [0, 2]})
    >>> attention.num_heads, tuple(attention.query_proj.weight.shape)
    (2, (4, 8))
    """
    found = attentions(model)
    checked = {path: gone for path, gone in checked_heads(found, heads).items() if gone}
    if checked:
        _check_positions(model)
    for path, gone in checked.items():
        _check_cut(path, found[path], gone)
    for path, gone in checked.items():
        _cut(found[path], gone)


def _check_positions(model: nn.Module) -> None:
    for path, module in model.named_modules():
        if isinstance(module, ALiBi | RelativeBias):
            raise ValueError(
                "model should have positions that are the same for every head, got "
                f"{type(module).__name__} at {path!r}, whose bias counts its num_heads"
            )


def _check_cut(path: str, attention: MultiHeadAttention, gone: list[int]) -> None:
    if len(gone) == attention.num_heads:
        raise ValueError(f"heads of {path!r} should leave at least one, got all {len(gone)}")
    group = attention.num_heads // attention.num_kv_heads
    groups = {h // group for h in gone}
    if len(groups) * group != len(gone):
        raise ValueError(
            f"heads of {path!r} should be whole groups of the {group} that share a key head, got "
            f"{gone}"
        )
    for name in _PROJECTIONS:
        proj = getattr(attention, name)
        if type(proj) is not nn.Linear:
            raise ValueError(
                f"{name} of {path!r} should be a torch.nn.Linear to be cut, got a "
                f"{type(proj).__name__}; prune before you quantize"
            )


_PROJECTIONS = ("query_proj", "key_proj", "value_proj", "output_proj")


@torch.no_grad()
def _cut(attention: MultiHeadAttention, gone: list[int]) -> None:
    """Take heads, and the key heads that only they use, out of an attention."""
    group, width = attention.num_heads // attention.num_kv_heads, attention.head_dim
    device = attention.query_proj.weight.device
    stay = kept_heads(attention.num_heads, gone, device)
    keys = kept_heads(attention.num_kv_heads, {h // group for h in gone}, device)
    within = torch.arange(width, device=device)
    rows, key_rows = ((n[:, None] * width + within).flatten() for n in (stay, keys))
    for name, kept in (("query_proj", rows), ("key_proj", key_rows), ("value_proj", key_rows)):
        proj = getattr(attention, name)
        proj.weight = _part(proj.weight, 0, kept)
        proj.bias = None if proj.bias is None else _part(proj.bias, 0, kept)
        proj.out_features = len(kept)
    out = attention.output_proj
    out.weight = _part(out.weight, 1, rows)
    out.in_features = len(rows)
    attention.num_heads, attention.num_kv_heads = len(stay), len(keys)


def _part(parameter: Tensor, axis: int, kept: Tensor) -> nn.Parameter:
    """Return some rows or columns of a parameter, in memory of their own."""
    part = parameter.detach().index_select(axis, kept)
    return nn.Parameter(part, requires_grad=parameter.requires_grad)


def resize_heads(model: nn.Module, path: str, num_heads: int, num_kv_heads: int) -> None:
    """Give an attention as many heads as a pruned one had: the last ones go, whatever they hold.

    Parameters
    ----------
    model : Module
        Changed in place; the tensors of the pruned one are to be put into it next.
    path : str
        Of the attention.
    num_heads, num_kv_heads : int
        How many stay.

    Raises
    ------
    ValueError
        If there is no such attention, it has fewer heads or other groups, or cannot be pruned.
    """
    found = attentions(model)
    if path not in found:
        raise ValueError(f"heads should name attentions of {sorted(found)}, got {path!r}")
    have = found[path].num_heads, found[path].num_kv_heads
    if not 0 < num_heads <= have[0] or num_heads * have[1] != num_kv_heads * have[0]:
        raise ValueError(
            f"heads of {path!r} should be a part of the model's {have[0]} with {have[1]} of keys, "
            f"got {num_heads} with {num_kv_heads}"
        )
    prune_heads(model, {path: range(num_heads, have[0])})
