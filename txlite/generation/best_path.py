"""A text read off an encoder alone: the best token of each vector, once for as long as it lasts.

Source
    Graves et al. (2006), "Connectionist Temporal Classification: Labelling Unsegmented Sequence
    Data with Recurrent Neural Networks", section 3.2: best path decoding.
"""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_shape

__all__ = ["best_path"]


def best_path(scores: Float[Tensor, "B S W"], lengths: Sequence[int]) -> list[list[int]]:
    """Return the tokens of each row: repeats become one, then the blanks go.

    Parameters
    ----------
    scores : Tensor, shape (B, S, W)
        At each vector one score for each token and, last of all, for the blank.
    lengths : sequence of int
        How many vectors of each row are read.

    Returns
    -------
    list of list of int
        A token that is said twice stands there twice if a blank lies between.

    Raises
    ------
    ValueError
        If the shape is wrong, or a length is not in [0, S].

    Examples
    --------
    >>> import torch
    >>> rows = torch.eye(3)[torch.tensor([[0, 0, 2, 0, 1, 1]])]  # 2 is the blank
    >>> best_path(rows, [6])
    [[0, 0, 1]]
    """
    rows, columns, kinds = check_shape("scores", scores, "B S W").values()
    if len(lengths) != rows or any(not 0 <= length <= columns for length in lengths):
        raise ValueError(
            f"lengths should be B={rows} numbers in [0, S={columns}], got {list(lengths)}"
        )
    texts = []
    for best, length in zip(scores.argmax(-1).tolist(), lengths, strict=True):
        path = best[: int(length)]
        kept = [token for i, token in enumerate(path) if i == 0 or token != path[i - 1]]
        texts.append([token for token in kept if token != kinds - 1])
    return texts
