r"""When each word was said: a way through the attention from text to sound that never runs back.

A token is written while the decoder attends to the vectors of the encoder that sound like it. So
the map of the cross-attention, tokens down and time across, has a bright band from one corner to
the other. Dynamic time warping finds the brightest way along it: a path of steps right, down or
both at once.

Sources
    Radford et al. (2023), "Robust Speech Recognition via Large-Scale Weak Supervision"; the steps
    before the warping (a norm over the tokens, a median over time, a mean over heads) are those of
    the authors' code, ``whisper/timing.py``. Sakoe and Chiba (1978), "Dynamic Programming Algorithm
    Optimization for Spoken Word Recognition".
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from txlite._checks import check_callable, check_floating, check_rate, check_shape, check_whole

__all__ = ["TimedWord", "cheapest_path", "token_times", "word_times"]


class TimedWord(NamedTuple):
    """A word, and when it was said."""

    text: str
    """The word with the signs that touch it, without the space before it."""
    begin: float
    """In seconds."""
    end: float
    """In seconds."""
    tokens: tuple[int, int]
    """Which tokens it is made of: from the first up to, not including, the second."""


def cheapest_path(cost: Float[Tensor, "T S"]) -> Int[Tensor, "N 2"]:
    """Return the way from the first cell to the last on which the costs add up to the least.

    Each step goes one row down, one column to the right, or both (dynamic time warping).

    Parameters
    ----------
    cost : Tensor, shape (T, S)
        What it costs to pass each cell; it may be negative.

    Returns
    -------
    Tensor of int, shape (N, 2)
        The cells by row and column, from (0, 0) to (T − 1, S − 1). Of ways that cost the same, the
        one whose last steps go to both sides; then down.

    Raises
    ------
    ValueError
        If there is no cell, or a cost is not finite.

    Notes
    -----
    T · S cells are filled one by one, each from three neighbours.

    References
    ----------
    Sakoe and Chiba (1978), without a limit on the slope.

    Examples
    --------
    >>> cheapest_path(torch.tensor([[0.0, 0.0, 9.0], [9.0, 9.0, 0.0]])).tolist()
    [[0, 0], [0, 1], [1, 2]]
    """
    rows, columns = check_shape("cost", cost, "T S").values()
    check_floating("cost", cost)
    if not rows * columns:
        raise ValueError(f"cost should have at least one cell, got shape {tuple(cost.shape)}")
    if not bool(cost.isfinite().all()):
        raise ValueError("cost should be finite, got NaN or infinity")
    far = float("inf")
    above = [0.0] + [far] * columns  # the corner before the first cell
    steps: list[list[tuple[int, int]]] = []
    for row in cost.double().tolist():
        here, taken = [far], []
        for column, price in enumerate(row, 1):
            ways = ((above[column - 1], (1, 1)), (above[column], (1, 0)), (here[-1], (0, 1)))
            least, step = min(ways, key=lambda way: way[0])
            here.append(least + price)
            taken.append(step)
        above = here
        steps.append(taken)
    at = (rows - 1, columns - 1)
    path = [at]
    while at != (0, 0):
        down, right = steps[at[0]][at[1]]
        at = (at[0] - down, at[1] - right)
        path.append(at)
    return torch.tensor(path[::-1])


def token_times(
    weights: Float[Tensor, "H T S"], *, seconds: float = 0.02, width: int = 7
) -> Float[Tensor, "T 2"]:
    """Return when each token begins and ends, from the cross-attention that wrote it.

    In each head, every vector's weights over the tokens are brought to mean 0 and spread 1, so that
    a vector to which all tokens attend counts for none; a median over time takes out what lasts
    one vector alone; the mean over the heads is what the path follows.

    Parameters
    ----------
    weights : Tensor, shape (H, T, S)
        Of H heads that follow the sound, the weights with which T tokens were written, over the S
        vectors that hold the sound: row t is that of the position *before* token t. Without the
        rows of the prompt, with that of the end token.
    seconds : float
        How long one vector lasts.
    width : int
        Over how many vectors the median is taken: an odd number; 1 leaves the weights.

    Returns
    -------
    Tensor of float64, shape (T, 2)
        Begin and end in seconds. A token ends where the next begins, the last with the sound.

    Raises
    ------
    ValueError
        If a shape is wrong or empty, a weight is not finite, ``seconds`` is not positive, or
        ``width`` is even.

    Examples
    --------
    >>> weights = torch.eye(3).repeat_interleave(4, 1)[None]  # each token at four vectors
    >>> token_times(weights, width=1).tolist()
    [[0.0, 0.08], [0.08, 0.16], [0.16, 0.24]]
    """
    _, tokens, length = check_shape("weights", weights, "H T S").values()
    check_floating("weights", weights)
    seconds = check_rate("seconds", seconds)
    width = check_whole("width", width, "a positive odd number", lambda n: n > 0 and n % 2 == 1)
    wide = weights.double()
    spread, mean = torch.std_mean(wide, dim=1, correction=0, keepdim=True)
    even = (wide - mean) / spread.where(spread > 0, 1.0)
    path = cheapest_path(-_median(even, width).mean(0))
    begins = torch.full((tokens,), length, dtype=torch.long)
    begins = begins.scatter_reduce(0, path[:, 0], path[:, 1], "amin").double()
    ends = torch.cat([begins[1:], begins.new_tensor([float(length)])])
    return torch.stack([begins, ends], 1) * seconds


def word_times(
    tokens: Sequence[int],
    times: Float[Tensor, "T 2"],
    decode: Callable[[list[int]], str],
) -> list[TimedWord]:
    """Put tokens together to words, each from its first token's begin to its last token's end.

    Parameters
    ----------
    tokens : sequence of int
        The text's tokens.
    times : Tensor, shape (T, 2)
        Begin and end of at least as many tokens, as :func:`token_times` gives them; more, such as
        that of the end, are left out.
    decode : callable
        From tokens to text. A word begins with a space, as in the vocabularies of GPT-2 and
        Whisper; so this is for languages that write some.

    Returns
    -------
    list of TimedWord
        In the order of the text.

    Raises
    ------
    ValueError
        If there are fewer times than tokens.

    Examples
    --------
    >>> pieces = [" ask", " not", ",", " my"]
    >>> decode = lambda ids: "".join(pieces[i] for i in ids)
    >>> times = torch.tensor([[0.0, 0.3], [0.3, 0.5], [0.5, 0.6], [0.6, 0.8]])
    >>> [word.text for word in word_times([0, 1, 2, 3], times, decode)]
    ['ask', 'not,', 'my']
    """
    count = check_shape("times", times, "T 2")["T"]
    check_callable("decode", decode, "from tokens to text")
    if count < len(tokens):
        raise ValueError(f"times should have one row for each of {len(tokens)} tokens, got {count}")
    told = times.tolist()  # the device is asked once
    starts: list[int] = []
    for i, token in enumerate(tokens):
        if i == 0 or decode([int(token)]).startswith(" "):
            starts.append(i)
    words = []
    for begin, end in pairwise([*starts, len(tokens)]):
        text = decode([int(token) for token in tokens[begin:end]]).strip()
        words.append(TimedWord(text, told[begin][0], told[end - 1][1], (begin, end)))
    return words


def _median(x: Float[Tensor, "H T S"], width: int) -> Float[Tensor, "H T S"]:
    """Return the median over time, mirrored at both ends; a sound shorter than that is left."""
    reach = width // 2
    if x.shape[-1] <= reach:
        return x
    return pad(x, (reach, reach), mode="reflect").unfold(-1, width, 1).median(-1).values
