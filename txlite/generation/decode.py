"""Writing token by token: the most probable one each time, or one drawn by chance.

The chapter on decoding derives it. Nothing here knows what a Transformer is: a model is anything
that turns tokens into logits.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from txlite._checks import check_number, check_positive, check_rate, check_share
from txlite.generation import sampling
from txlite.generation._reader import Reader, as_token, evaluating

__all__ = ["generate"]


def generate(
    model: Callable[..., Float[Tensor, "B T V"]],
    prompt: Int[Tensor, "B T"],
    *,
    max_new_tokens: int,
    source: Shaped[Tensor, "B ..."] | None = None,
    source_keep: Bool[Tensor, "B S"] | None = None,
    prompt_keep: Bool[Tensor, "B T"] | None = None,
    eos_id: int | None = None,
    pad_id: int = 0,
    temperature: float = 0.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    repetition_penalty: float | None = None,
    generator: torch.Generator | None = None,
    use_cache: bool = True,
) -> Int[Tensor, "B N"]:
    """Continue each prompt until it has ended, or for ``max_new_tokens``.

    Parameters
    ----------
    model : callable
        Decoder-only, ``model(tokens, *, keep, cache) -> logits (B, T, V)``, or with a ``source``
        ``model(source, target, *, source_keep, target_keep, cache) -> logits``. Arguments that are
        None are left out, so without a cache a function of tokens will do. A module generates in
        evaluation mode and is left in the mode it was in.
    prompt : Tensor of int, shape (B, T)
        At least one token in each row; for an encoder–decoder the token that begins a sentence.
    max_new_tokens : int
        How many tokens to add at most.
    source : Tensor, shape (B, ...), optional
        What the encoder reads.
    source_keep : Tensor of bool, shape (B, S), optional
        False where the source is padding.
    prompt_keep : Tensor of bool, shape (B, T), optional
        False where the prompt is padding, which must be on the left.
    eos_id : int, optional
        The token that ends a sequence; None to write on to the last.
    pad_id : int
        What fills a row after its end.
    temperature : float
        Zero takes the most probable token; any other number draws one.
    top_k, top_p, min_p : number, optional
        Filters for what is drawn: see :mod:`txlite.generation.sampling`. They never remove the
        most probable token, so that they change nothing at temperature zero.
    repetition_penalty : float, optional
        Above one, makes what has occurred less probable. Padding does not count.
    generator : torch.Generator, optional
        On the CPU; the source of chance, for a run that can be repeated on any device.
    use_cache : bool
        Whether keys and values are remembered. It changes the time, not the tokens.

    Returns
    -------
    Tensor of int, shape (B, T + new)
        The prompts and what follows them, the end token included. It is as long as the longest.

    Raises
    ------
    ValueError
        If an argument is outside its range, ``eos_id`` or ``pad_id`` is no token of the vocabulary,
        a shape is wrong, or the model gives NaN or does not use the cache.

    Examples
    --------
    >>> from torch.nn.functional import one_hot
    >>> count = lambda tokens: one_hot((tokens + 1) % 10, 10).double()  # after 3 comes 4
    >>> generate(count, torch.tensor([[3], [6]]), max_new_tokens=5, eos_id=8, use_cache=False)
    tensor([[3, 4, 5, 6, 7, 8],
            [6, 7, 8, 0, 0, 0]])
    """
    max_new_tokens = check_positive("max_new_tokens", max_new_tokens)
    eos_id, pad_id = as_token(eos_id), as_token(pad_id)
    choose = _Choice(temperature, top_k, top_p, min_p, repetition_penalty, generator)
    reader = Reader(
        model,
        prompt,
        prompt_keep=prompt_keep,
        source=source,
        source_keep=source_keep,
        use_cache=use_cache,
        ids={"eos_id": eos_id, "pad_id": pad_id},
    )
    tokens, done = prompt, torch.zeros_like(prompt[:, 0], dtype=torch.bool)
    with evaluating(model):
        for _ in range(max_new_tokens):
            token = choose(reader(tokens), tokens, reader.keep).to(prompt.dtype)
            tokens = torch.cat([tokens, token.masked_fill(done, pad_id)[:, None]], dim=1)
            done = done if eos_id is None else done | (token == eos_id)
            if bool(done.all()):
                break
    return tokens


def _check_temperature(name: str, x: float) -> float:
    return check_number(name, x, "a positive number, or zero", lambda x: 0 <= x < math.inf)


_CHECKS: dict[str, Callable[[str, Any], float]] = {
    "temperature": _check_temperature,
    "top_k": check_positive,
    "top_p": check_share,
    "min_p": check_share,
    "repetition_penalty": check_rate,
}


@dataclass(frozen=True)
class _Choice:
    """From logits to one token in each row."""

    temperature: float
    top_k: int | None
    top_p: float | None
    min_p: float | None
    repetition_penalty: float | None
    generator: torch.Generator | None

    def __post_init__(self) -> None:
        """Check each number by the name that the caller knows, before the model runs."""
        for name, check in _CHECKS.items():
            value = getattr(self, name)
            if value is not None or name == "temperature":
                object.__setattr__(self, name, check(name, value))

    def __call__(
        self,
        logits: Float[Tensor, "B V"],
        tokens: Int[Tensor, "B T"],
        keep: Bool[Tensor, "B T"] | None,
    ) -> Int[Tensor, " B"]:
        logits = self._penalise(logits, tokens, keep)
        if self.temperature == 0:
            return logits.argmax(-1)
        return sampling.sample(self._filter(logits), self.generator)

    def _penalise(self, logits: Tensor, tokens: Tensor, keep: Tensor | None) -> Tensor:
        if self.repetition_penalty is None:
            return logits
        return sampling.repetition_penalty(logits, tokens, self.repetition_penalty, keep)

    def _filter(self, logits: Tensor) -> Tensor:
        if self.temperature != 0:
            logits = sampling.temperature(logits, self.temperature)
        if self.top_k is not None:
            logits = sampling.top_k(logits, self.top_k)
        if self.top_p is not None:
            logits = sampling.top_p(logits, self.top_p)
        return logits if self.min_p is None else sampling.min_p(logits, self.min_p)
