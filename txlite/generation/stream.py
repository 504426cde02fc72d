"""Handing over what is written while it is being written: tokens, or text.

The same steps as :func:`txlite.generation.generate`; between them the caller has the word.
"""

from collections.abc import Callable, Iterator
from typing import Unpack

from jaxtyping import Float, Int
from torch import Tensor

from txlite.generation._plan import Plan, Settings
from txlite.generation._reader import evaluating

__all__ = ["stream", "stream_text"]


def stream(
    model: Callable[..., Float[Tensor, "B T V"]],
    prompt: Int[Tensor, "B T"],
    *,
    max_new_tokens: int,
    **settings: Unpack[Settings],
) -> Iterator[Int[Tensor, " N"]]:
    """Write as ``generate`` does, and hand every token over as soon as it is there.

    Between two tokens the model is in the mode it was in, and gradients are on if they were: who
    reads the stream may do anything, and may leave it at any time.

    Parameters
    ----------
    model : callable
        See :func:`txlite.generation.generate`.
    prompt : Tensor of int, shape (B, T)
        See there.
    max_new_tokens : int
        How many tokens to add at most.
    **settings
        The other keywords of ``generate``, but for ``on_token`` and ``details``.

    Returns
    -------
    iterator of Tensor of int, shape (N,)
        The new tokens of each step; ``pad_id`` stands where a row has ended.

    Raises
    ------
    ValueError
        As ``generate``; what is wrong with an argument is said at the call.

    Examples
    --------
    >>> import torch
    >>> from torch.nn.functional import one_hot
    >>> count = lambda tokens: one_hot((tokens + 1) % 10, 10).double()  # after 3 comes 4
    >>> [int(t) for t in stream(count, torch.tensor([[3]]), max_new_tokens=4, use_cache=False)]
    [4, 5, 6, 7]
    """
    return _one_by_one(Plan(model=model, prompt=prompt, max_new_tokens=max_new_tokens, **settings))


def stream_text(
    model: Callable[..., Float[Tensor, "1 T V"]],
    prompt: Int[Tensor, "1 T"],
    *,
    max_new_tokens: int,
    **settings: Unpack[Settings],
) -> Iterator[str]:
    """Write on from one prompt, and hand the new text over in pieces, up to its ``stop``.

    A piece is handed over when nothing that follows can change it: see
    :class:`txlite.generation.TextStream`.

    Parameters
    ----------
    model : callable
        See :func:`txlite.generation.generate`.
    prompt : Tensor of int, shape (1, T)
        One prompt.
    max_new_tokens : int
        How many tokens to add at most.
    **settings
        The other keywords of ``generate``, but for ``on_token`` and ``details``; ``decode`` must be
        one of them.

    Returns
    -------
    iterator of str
        Pieces of at least one character: joined, what the new tokens decode to.

    Raises
    ------
    ValueError
        As ``generate``; or if there is no ``decode``, or more than one row.

    Examples
    --------
    >>> import torch
    >>> from torch.nn.functional import one_hot
    >>> spell = lambda tokens: one_hot((tokens + 1) % 26, 26).double()
    >>> letters = lambda tokens: "".join(chr(97 + t) for t in tokens)
    >>> options = {"max_new_tokens": 9, "use_cache": False, "decode": letters, "stop": "fg"}
    >>> list(stream_text(spell, torch.tensor([[0]]), **options))
    ['b', 'c', 'd', 'e']
    """
    plan = Plan(model=model, prompt=prompt, max_new_tokens=max_new_tokens, **settings)
    if len(plan.endings.done) != 1:
        raise ValueError(f"prompt should be a single row, got N={len(plan.endings.done)} to write")
    if not plan.endings.streams:
        raise ValueError("decode should be given, from token numbers to text, got none")
    return _pieces(plan)


def _one_by_one(plan: Plan) -> Iterator[Tensor]:
    steps = plan.steps()
    while True:
        with evaluating(*plan.models):
            step = next(steps, None)
        if step is None:
            return
        yield step.tokens


def _pieces(plan: Plan) -> Iterator[str]:
    given, text = 0, plan.endings.streams[0]
    for _ in _one_by_one(plan):
        if len(text.text) > given:
            piece, given = text.text[given:], len(text.text)
            yield piece
    if rest := text.finish():
        yield rest
