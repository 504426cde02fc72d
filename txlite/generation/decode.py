"""Writing token by token: the most probable one each time, or one drawn by chance.

The chapter on decoding derives it. Nothing here knows what a Transformer is: a model is anything
that turns tokens into logits.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal, Unpack, overload

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from txlite._checks import check_callable
from txlite.generation._arguments import Tokens
from txlite.generation._choice import Processor
from txlite.generation._endings import Step
from txlite.generation._plan import Plan, Settings
from txlite.generation._reader import CacheKind, evaluating
from txlite.generation.result import GenerateResult, collect

__all__ = ["generate"]


@overload
def generate(
    model: Callable[..., Float[Tensor, "B T V"]],
    prompt: Int[Tensor, "B T"],
    *,
    max_new_tokens: int,
    on_token: Callable[[Int[Tensor, " N"]], object] | None = ...,
    details: Literal[False] = ...,
    **settings: Unpack[Settings],
) -> Int[Tensor, "N L"]: ...


@overload
def generate(
    model: Callable[..., Float[Tensor, "B T V"]],
    prompt: Int[Tensor, "B T"],
    *,
    max_new_tokens: int,
    on_token: Callable[[Int[Tensor, " N"]], object] | None = ...,
    details: Literal[True],
    **settings: Unpack[Settings],
) -> GenerateResult: ...


def generate(
    model: Callable[..., Float[Tensor, "B T V"]],
    prompt: Int[Tensor, "B T"],
    *,
    max_new_tokens: int,
    source: Shaped[Tensor, "B ..."] | None = None,
    source_keep: Bool[Tensor, "B S"] | None = None,
    prompt_keep: Bool[Tensor, "B T"] | None = None,
    eos_id: Tokens = None,
    pad_id: int = 0,
    temperature: float = 0.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    repetition_penalty: float | None = None,
    no_repeat_ngram: int | None = None,
    min_new_tokens: int = 0,
    forced: Mapping[int, int] | None = None,
    suppress: Collection[int] = (),
    suppress_first: Collection[int] = (),
    processors: Sequence[Processor] = (),
    generator: torch.Generator | None = None,
    num_return_sequences: int = 1,
    stop: str | Sequence[str] = (),
    decode: Callable[[list[int]], str] | None = None,
    draft: Callable[..., Float[Tensor, "B T V"]] | None = None,
    num_drafted: int = 4,
    use_cache: bool = True,
    cache: CacheKind = "growing",
    prefill_chunk: int | None = None,
    on_token: Callable[[Int[Tensor, " N"]], object] | None = None,
    details: bool = False,
) -> Int[Tensor, "N L"] | GenerateResult:
    """Continue each prompt until it has ended, or for ``max_new_tokens``.

    The logits of each step pass, in this order: ``repetition_penalty``, ``no_repeat_ngram``,
    ``min_new_tokens``, ``forced``, ``suppress``, ``suppress_first``, ``processors``; and, where a
    token is drawn, ``temperature``, ``top_k``, ``top_p``, ``min_p``. It is Hugging Face's order.

    Parameters
    ----------
    model : callable
        Decoder-only, ``model(tokens, *, keep, cache) -> logits (B, T, V)``, or with a ``source``
        ``model(source, target, *, source_keep, target_keep, cache) -> logits``. Arguments that are
        None are left out, so without a cache a function of tokens will do. A module generates in
        evaluation mode and is left in the mode it was in.
    prompt : Tensor of int, shape (B, T)
        At least one token in each row; for an encoder–decoder the token that begins a sentence.
        :func:`txlite.generation.pad_left` puts prompts of unequal length together.
    max_new_tokens : int
        How many tokens to add at most.
    source : Tensor, shape (B, ...), optional
        What the encoder reads.
    source_keep : Tensor of bool, shape (B, S), optional
        False where the source is padding.
    prompt_keep : Tensor of bool, shape (B, T), optional
        False where the prompt is padding, which must be on the left.
    eos_id : int or collection of int, optional
        The token that ends a sequence, or several; None to write on to the last.
    pad_id : int
        What fills a row after its end.
    temperature : float
        Zero takes the most probable token; any other number draws one.
    top_k, top_p, min_p : number, optional
        Filters for what is drawn: see :mod:`txlite.generation.sampling`. They never remove the
        most probable token, so that they change nothing at temperature zero.
    repetition_penalty : float, optional
        Above one, makes what has occurred less probable. Padding does not count.
    no_repeat_ngram : int, optional
        No run of so many tokens comes twice, the prompt included. Padding does not count.
    min_new_tokens : int
        Before so many tokens are written, ``eos_id`` may not come.
    forced : mapping of int to int, optional
        Tokens that must come, by how many new ones stand before them: 0 is the first.
    suppress, suppress_first : collection of int
        Tokens that may never come, or not as the first new one.
    processors : sequence of callable
        Rules of your own, one after the other: from logits (N, V) and all tokens (N, T) to logits.
    generator : torch.Generator, optional
        On the CPU; the source of chance, for a run that can be repeated on any device.
    num_return_sequences : int
        How many sequences to draw for each prompt, which is read once for all of them.
    stop : str or sequence of str
        A row ends when its new text holds one of them; the tokens that complete it are the last.
    decode : callable, optional
        From token numbers to text; needed for ``stop`` and for the result's ``texts``.
    draft : callable, optional
        A smaller model of the same vocabulary, called as ``model`` is. It writes ahead and the
        model checks, several tokens at once: :mod:`txlite.generation.speculative`. The distribution
        stays the model's, and at temperature zero the tokens do.
    num_drafted : int
        How many tokens the draft writes ahead.
    use_cache : bool
        Whether keys and values are remembered. It changes the time, not the tokens.
    cache : str
        ``"growing"``, or ``"static"``: memory for all positions is taken once
        (:class:`txlite.nn.StaticKVCache`). Where the model has a ``sliding_window``, either forgets
        what is farther back, and its memory has a bound.
    prefill_chunk : int, optional
        How many tokens of the prompt are read at once at most, which bounds the memory that reading
        it takes. The default is all.
    on_token : callable, optional
        Called with the new tokens (N,) of each step as soon as they are there; ``pad_id`` stands
        where a row has ended.
    details : bool
        Whether to return a :class:`txlite.generation.GenerateResult`.

    Returns
    -------
    Tensor of int, shape (N, T + new), or GenerateResult
        The prompts and what follows them, the end token included. It is as long as the longest.
        N = B · ``num_return_sequences``, those of one prompt beside each other.

    Raises
    ------
    ValueError
        If an argument is outside its range, a token is not of the vocabulary, a shape is wrong,
        every token is ruled out, or the model gives NaN or does not use the cache.

    Examples
    --------
    >>> from torch.nn.functional import one_hot
    >>> count = lambda tokens: one_hot((tokens + 1) % 10, 10).double()  # after 3 comes 4
    >>> generate(count, torch.tensor([[3], [6]]), max_new_tokens=5, eos_id=8, use_cache=False)
    tensor([[3, 4, 5, 6, 7, 8],
            [6, 7, 8, 0, 0, 0]])
    >>> options = {"max_new_tokens": 3, "eos_id": 8, "use_cache": False}
    >>> told = generate(count, torch.tensor([[3], [6]]), details=True, **options)
    >>> told.reasons, told.lengths.tolist()
    (['length', 'eos'], [3, 2])
    """
    if on_token is not None:
        check_callable("on_token", on_token, "of the new tokens (N,)")
    plan = Plan(
        model=model,
        prompt=prompt,
        max_new_tokens=max_new_tokens,
        source=source,
        source_keep=source_keep,
        prompt_keep=prompt_keep,
        eos_id=eos_id,
        pad_id=pad_id,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        repetition_penalty=repetition_penalty,
        no_repeat_ngram=no_repeat_ngram,
        min_new_tokens=min_new_tokens,
        forced=forced,
        suppress=suppress,
        suppress_first=suppress_first,
        processors=processors,
        generator=generator,
        num_return_sequences=num_return_sequences,
        stop=stop,
        decode=decode,
        draft=draft,
        num_drafted=num_drafted,
        use_cache=use_cache,
        cache=cache,
        prefill_chunk=prefill_chunk,
        with_log_probs=details,
    )
    steps: list[Step] = []
    with evaluating(*plan.models):
        for step in plan.steps():
            steps.append(step)
            if on_token is not None:
                on_token(step.tokens)
    if details:
        return collect(prompt, steps, plan.endings, plan.counts)
    begun = prompt.repeat_interleave(plan.copies, 0) if plan.copies > 1 else prompt
    return torch.cat([begun, *(step.tokens[:, None] for step in steps)], dim=1)
