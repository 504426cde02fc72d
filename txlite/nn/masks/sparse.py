"""Functions that make the masks of sparse attention: few keys for each query, in a pattern.

A pattern with a short reach (a window, also with gaps or by blocks) is computed in chunks, so that
the work grows with the length and not with its square. The others save no work by themselves: they
say what a model sees.

Sources
    Child et al. (2019), "Generating Long Sequences with Sparse Transformers", section 4.3.
    Beltagy et al. (2020), "Longformer", section 3.1.
    Zaheer et al. (2020), "Big Bird", section 2.
"""

from jaxtyping import Bool
from torch import Tensor

from txlite._checks import as_whole, check_bool, check_length, check_positive
from txlite.nn.masks._rules import Mask
from txlite.nn.masks._sparse import (
    BlockWindow,
    DilatedWindow,
    FirstTokens,
    NamedTokens,
    RandomBlocks,
    Strided,
)

__all__ = ["block_window", "dilated_window", "global_tokens", "random_blocks", "strided"]


def dilated_window(size: int, dilation: int) -> Mask:
    """Allow fewer than ``size`` keys on each side, ``dilation`` positions apart.

    Parameters
    ----------
    size : int
        How many steps the window has on each side, the query's own position included.
    dilation : int
        Positions from one step to the next. With 1 it is a :func:`sliding_window`.

    Returns
    -------
    Mask
        The rule (i − j) mod dilation = 0 and abs(i − j) < size · dilation.

    Raises
    ------
    ValueError
        If a number is not positive.

    References
    ----------
    Beltagy et al. (2020), section 3.1, figure 2c.

    Examples
    --------
    >>> dilated_window(2, 2).to_tensor(4, 4).int()
    tensor([[1, 0, 1, 0],
            [0, 1, 0, 1],
            [1, 0, 1, 0],
            [0, 1, 0, 1]], dtype=torch.int32)
    """
    return DilatedWindow(check_positive("size", size), check_positive("dilation", dilation))


def strided(stride: int) -> Mask:
    """Allow every ``stride``-th key, counted from the query.

    Parameters
    ----------
    stride : int
        Positions from one key to the next. ``causal() & (sliding_window(n) | strided(n))`` is the
        strided pattern of the Sparse Transformer.

    Returns
    -------
    Mask
        The rule (i − j) mod stride = 0.

    Raises
    ------
    ValueError
        If ``stride`` is not positive.

    References
    ----------
    Child et al. (2019), section 4.3, equation for the strided pattern.
    """
    return Strided(check_positive("stride", stride))


def block_window(size: int, before: int = 1, after: int = 0) -> Mask:
    """Allow the keys of the query's own block, and of those next to it.

    Parameters
    ----------
    size : int
        Positions in a block: the sequence is cut into consecutive ones.
    before, after : int
        How many blocks before and after the query's own.

    Returns
    -------
    Mask
        The rule −after ≤ block(i) − block(j) ≤ before.

    Raises
    ------
    ValueError
        If ``size`` is not positive, or a number of blocks is negative.

    References
    ----------
    Kitaev et al. (2020), "Reformer", section 2 (local attention by chunks). Zaheer et al. (2020),
    appendix D (a window of blocks).

    Examples
    --------
    >>> block_window(2).to_tensor(5, 5).int()
    tensor([[1, 1, 0, 0, 0],
            [1, 1, 0, 0, 0],
            [1, 1, 1, 1, 0],
            [1, 1, 1, 1, 0],
            [0, 0, 1, 1, 1]], dtype=torch.int32)
    """
    size = check_positive("size", size)
    return BlockWindow(size, check_length("before", before), check_length("after", after))


def global_tokens(chosen: int | Bool[Tensor, "B S"]) -> Mask:
    """Allow some positions to attend to all, and all to attend to them.

    Parameters
    ----------
    chosen : int or Tensor of bool, shape (B, S)
        An int chooses that many positions at the start. A tensor chooses position by position,
        for instance the words of a question.

    Returns
    -------
    Mask
        The rule chosen(i) or chosen(j). Join it to a window by ``|``.

    Raises
    ------
    ValueError
        If ``chosen`` is neither.

    References
    ----------
    Beltagy et al. (2020), section 3.1, figure 2d. Zaheer et al. (2020), section 2 (BigBird-ITC).

    Examples
    --------
    >>> from txlite.nn import masks
    >>> (masks.sliding_window(1) | global_tokens(1)).to_tensor(3, 3).int()
    tensor([[1, 1, 1],
            [1, 1, 0],
            [1, 0, 1]], dtype=torch.int32)
    """
    if not isinstance(chosen, Tensor) or (chosen.ndim == 0 and as_whole(chosen) is not None):
        return FirstTokens(check_positive("chosen", chosen))
    check_bool("chosen", chosen)
    if chosen.ndim != 2:
        raise ValueError(f"chosen should have shape (B, S), got {tuple(chosen.shape)}")
    return NamedTokens(chosen)


def random_blocks(size: int, count: int, *, seed: int = 0) -> Mask:
    """Allow each block of queries the keys of ``count`` blocks that are drawn for it.

    Parameters
    ----------
    size : int
        Positions in a block.
    count : int
        How many blocks are drawn for each, of all there are; a drawn one may be the query's own.
    seed : int
        What the draw starts from. Layers that are to see other blocks have other seeds.

    Returns
    -------
    Mask
        The rule drawn(block(i), block(j)). BigBird's pattern is
        ``block_window(n, 1, 1) | global_tokens(n) | random_blocks(n, 3)``.

    Raises
    ------
    ValueError
        If a size is not positive, or ``seed`` is negative.

    Notes
    -----
    The draw is from all blocks of the keys, and so another one when these become more: with a
    cache or a causal mask the past would be seen otherwise at each length.

    References
    ----------
    Zaheer et al. (2020), section 2 and appendix D.

    Examples
    --------
    >>> random_blocks(2, 1, seed=3).to_tensor(6, 6)[::2, ::2].sum(-1)
    tensor([1, 1, 1])
    """
    size, count = check_positive("size", size), check_positive("count", count)
    return RandomBlocks(size, count, check_length("seed", seed))
