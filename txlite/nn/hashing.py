r"""Hashing that keeps neighbours together: vectors in one direction land in one bucket.

A vector is turned by random directions, and its bucket is the direction that it points along most,
or against most. Vectors with a small angle between them mostly agree; several rounds, each with
directions of its own, make it unlikely that they never do. The length of a vector plays no part.

Shape letters
    B batch    H heads    T positions    E width of one head    R rounds of hashing

Sources
    Andoni et al. (2015), "Practical and Optimal LSH for Angular Distance".
    Kitaev et al. (2020), "Reformer: The Efficient Transformer", section 2.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from txlite._checks import (
    as_whole,
    check_alike,
    check_floating,
    check_generator,
    check_positive,
    check_shape,
)

__all__ = ["choose_num_buckets", "hash_buckets", "random_rotations"]

Buckets = int | Sequence[int]


def choose_num_buckets(
    length: int, chunk_length: int, max_len: int | None = None
) -> int | tuple[int, int]:
    """Return how many buckets suit a sequence: two for each chunk, as a power of two.

    Parameters
    ----------
    length : int
        Positions of the sequence.
    chunk_length : int
        Positions of a chunk, into which the sorted sequence is cut.
    max_len : int, optional
        Longest sequence of the model; the default is ``length``. With many buckets it decides from
        where on they are pairs of two smaller hashes, which need fewer directions.

    Returns
    -------
    int or tuple of int
        The number, or the two factors whose product it is.

    Raises
    ------
    ValueError
        If a number is not positive, or the sequence is shorter than a chunk.

    References
    ----------
    Kitaev et al. (2020), section 2, "Memory and time complexity"; the two factors are the authors'
    code's.

    Examples
    --------
    >>> choose_num_buckets(4096, 64), choose_num_buckets(65_536, 64)
    (128, (32, 64))
    """
    length = check_positive("length", length)
    chunk_length = check_positive("chunk_length", chunk_length)
    max_len = length if max_len is None else check_positive("max_len", max_len)
    if length < chunk_length:
        raise ValueError(f"length should be at least chunk_length={chunk_length}, got {length}")
    power = (2 * (length // chunk_length)).bit_length() - 1
    limit = 2 * max(int((max_len // chunk_length) ** 0.5), chunk_length)
    if 2**power <= limit:
        return int(2**power)
    return int(2 ** (power // 2)), int(2 ** (power - power // 2))


def bucket_factors(num_buckets: Buckets) -> tuple[int, ...]:
    """Return the factors of a number of buckets, each of them even."""
    given = num_buckets if isinstance(num_buckets, list | tuple) else (num_buckets,)
    factors = [None if isinstance(n, bool) else as_whole(n) for n in given]
    if not factors or any(n is None or n < 2 or n % 2 for n in factors):
        raise ValueError(
            f"num_buckets should be an even whole number or several of them, got {num_buckets!r}"
        )
    return tuple(n for n in factors if n is not None)


def random_rotations(
    num_heads: int,
    head_dim: int,
    num_hashes: int,
    num_buckets: Buckets,
    *,
    generator: torch.Generator | None = None,
    dtype: torch.dtype | None = None,
) -> Float[Tensor, "H E R N"]:
    """Draw the directions along which vectors are hashed.

    Parameters
    ----------
    num_heads, head_dim : int
        Heads, each of which has directions of its own, and their width E.
    num_hashes : int
        Rounds R.
    num_buckets : int or sequence of int
        An even number, or the even factors of one: each factor is a hash of its own.
    generator : torch.Generator, optional
        What the draw starts from; the default is torch's own.
    dtype : torch.dtype, optional
        Of the result; the default is torch's.

    Returns
    -------
    Tensor, shape (H, E, R, N)
        Entries of a normal distribution, on the CPU; N is half the sum of the factors.

    Raises
    ------
    ValueError
        If a size is not positive, a number of buckets is odd, or ``generator`` is none.

    References
    ----------
    Kitaev et al. (2020), section 2, "Locality sensitive hashing".
    """
    if generator is not None:
        check_generator("generator", generator)
    shape = (
        check_positive("num_heads", num_heads),
        check_positive("head_dim", head_dim),
        check_positive("num_hashes", num_hashes),
        sum(bucket_factors(num_buckets)) // 2,
    )
    return torch.randn(shape, generator=generator, dtype=dtype, device="cpu")


@torch.no_grad()
def hash_buckets(
    x: Float[Tensor, "B H T E"],
    rotations: Float[Tensor, "H E R N"],
    num_buckets: Buckets,
) -> Int[Tensor, "B H R T"]:
    r"""Return the bucket of each vector in each round.

    .. math:: h(x) = \operatorname{argmax}\,[x R;\, -x R]

    Parameters
    ----------
    x : Tensor, shape (B, H, T, E)
        Vectors. Their lengths do not matter, and no gradient flows.
    rotations : Tensor, shape (H, E, R, N)
        From :func:`random_rotations`.
    num_buckets : int or sequence of int
        As for the rotations. With several factors a bucket is one of each: the first counts most
        finely.

    Returns
    -------
    Tensor of int64, shape (B, H, R, T)
        Numbers from 0 to the product of the factors less 1.

    Raises
    ------
    ValueError
        If a shape does not fit, or a number of buckets is odd.

    References
    ----------
    Kitaev et al. (2020), section 2. Andoni et al. (2015), section 3.

    Examples
    --------
    >>> directions = torch.eye(2)[None, :, None]  # one head, one round, two directions
    >>> x = torch.tensor([[3.0, 1.0], [0.1, 0.2], [-3.0, 1.0], [0.0, -1.0]])
    >>> hash_buckets(x[None, None], directions, 4)
    tensor([[[[0, 1, 2, 3]]]])
    """
    factors = bucket_factors(num_buckets)
    sizes = check_shape("x", x, "B H T E")
    check_floating("x", x)
    wanted = {"H": sizes["H"], "E": sizes["E"], "N": sum(factors) // 2}
    check_shape("rotations", rotations, "H E R N", **wanted)
    check_alike("rotations", rotations, x)
    turned = torch.einsum("bhte,hern->bhrtn", x, rotations)
    buckets, first, product = torch.zeros_like(turned[..., 0], dtype=torch.int64), 0, 1
    for size in factors:
        along = turned[..., first : first + size // 2]
        buckets += product * torch.cat([along, -along], -1).argmax(-1)
        first, product = first + size // 2, product * size
    return buckets
