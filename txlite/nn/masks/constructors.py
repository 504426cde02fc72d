"""Functions that make masks; the package says what a mask is and how masks combine."""

import torch
from jaxtyping import Bool, Integer
from torch import Tensor

from txlite._checks import as_whole, check_bool, check_positive, dtype_name
from txlite.nn.masks._kinds import Causal, EqualBlocks, NamedBlocks, Padding, SlidingWindow
from txlite.nn.masks._rules import Mask

__all__ = ["Mask", "blocks", "causal", "padding", "sliding_window"]


def causal() -> Mask:
    """Allow each query the keys up to its own position: no look into the future.

    Returns
    -------
    Mask
        The rule j ≤ i. With more keys than queries (a cache) the last query sees every key.

    References
    ----------
    Vaswani et al. (2017), section 3.2.3.

    Examples
    --------
    >>> causal().to_tensor(2, 4).int()  # two new queries after two cached keys
    tensor([[1, 1, 1, 0],
            [1, 1, 1, 1]], dtype=torch.int32)
    """
    return Causal()


def padding(keep: Bool[Tensor, "B S"]) -> Mask:
    """Allow only real keys.

    Parameters
    ----------
    keep : Tensor of bool, shape (B, S)
        True for a real token, False for padding; left, right or in the middle.

    Returns
    -------
    Mask
        The rule keep[b, j], for each sequence b of the batch.

    Raises
    ------
    ValueError
        If ``keep`` is not a bool tensor of two axes. An int or float tensor is refused because
        its polarity cannot be known.

    Examples
    --------
    >>> padding(torch.tensor([[True, True, False]])).to_tensor(2, 3).int()
    tensor([[[1, 1, 0],
             [1, 1, 0]]], dtype=torch.int32)
    """
    check_bool("keep", keep)
    if keep.ndim != 2:
        raise ValueError(f"keep should have shape (B, S), got {tuple(keep.shape)}")
    return Padding(keep)


def sliding_window(size: int) -> Mask:
    """Allow keys fewer than ``size`` positions away, on both sides.

    Parameters
    ----------
    size : int
        The window: abs(i − j) < size. With size 1 a query sees only itself. Combine with
        :func:`causal` for a window that looks back only.

    Returns
    -------
    Mask
        The rule abs(i − j) < size.

    Raises
    ------
    ValueError
        If ``size`` is not a positive whole number.

    References
    ----------
    Beltagy et al. (2020), "Longformer", section 3.1.
    """
    return SlidingWindow(check_positive("size", size))


def blocks(segments: int | Integer[Tensor, "B S"]) -> Mask:
    """Allow keys of the query's own block.

    Parameters
    ----------
    segments : int or Tensor of int, shape (B, S)
        An int cuts the sequence into consecutive blocks of that many positions. A tensor names
        the block of every position, for instance the document that a packed token belongs to.

    Returns
    -------
    Mask
        The rule block(i) = block(j).

    Raises
    ------
    ValueError
        If ``segments`` is neither.

    Examples
    --------
    >>> blocks(2).to_tensor(3, 3).int()
    tensor([[1, 1, 0],
            [1, 1, 0],
            [0, 0, 1]], dtype=torch.int32)
    """
    if not isinstance(segments, Tensor) or (segments.ndim == 0 and as_whole(segments) is not None):
        return EqualBlocks(check_positive("segments", segments))
    whole = not (segments.is_floating_point() or segments.is_complex())
    if not whole or segments.dtype == torch.bool or segments.ndim != 2:
        raise ValueError(
            f"segments should be an int or an int tensor of shape (B, S), got "
            f"{dtype_name(segments)} of shape {tuple(segments.shape)}"
        )
    return NamedBlocks(segments)
