"""How well a model predicts a text, told so that two models can be compared.

A perplexity is per *token*: a model with longer tokens has fewer of them, and each is harder. So it
says something only together with the vocabulary. Bits per character and bits per byte do not depend
on how a text is cut: they are what it would cost to send the text with the model's probabilities.

A long text does not fit into a model's context; it is read in windows. Each token is then predicted
exactly once, by the window that has the most context for it of those that are there, and what is
averaged are tokens. A mean of the windows' means would give a short last window too much weight.

Sources
    Jelinek, Mercer, Bahl and Baker (1977), "Perplexity, a measure of the difficulty of speech
    recognition tasks". Shannon (1948), sections 7 and 9: what a symbol costs.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from txlite._checks import (
    check_bool,
    check_callable,
    check_length,
    check_number,
    check_positive,
    check_shape,
    check_whole,
    dtype_name,
)
from txlite.training._modes import evaluating
from txlite.training._tensors import device_of
from txlite.training.losses import token_losses
from txlite.training.metrics import perplexity

__all__ = ["TextScore", "score_text", "surprises", "window_starts"]

Model = Callable[..., Float[Tensor, "B T V"]]


@dataclass(frozen=True, kw_only=True)
class TextScore:
    """What a text costs with a model's probabilities; two of one vocabulary can be added.

    Parameters
    ----------
    nats : float
        Sum of the surprises, −log p, of all predicted tokens.
    tokens : int
        How many were predicted.
    characters, bytes : int
        Length of the text that they are, in Unicode code points and in bytes of UTF-8.
    vocabulary : str
        Whose tokens they are, such as ``"1,000 BPE tokens"``: a perplexity means nothing without.

    Raises
    ------
    ValueError
        If a count is below one, the sum is negative or no number, or the vocabulary has no name.

    Examples
    --------
    >>> score = TextScore(
    ...     nats=8 * math.log(2), tokens=4, characters=5, bytes=8, vocabulary="a code"
    ... )
    >>> score.perplexity, score.bits_per_token, score.bits_per_byte
    (4.0, 2.0, 1.0)
    >>> print(score)
    1.600 bits per character (5), 1.000 bits per byte (8); perplexity 4.00 per token of a code (4)
    """

    nats: float
    tokens: int
    characters: int
    bytes: int
    vocabulary: str

    def __post_init__(self) -> None:
        nats = check_number("nats", self.nats, "a number of at least 0", lambda x: x >= 0)
        object.__setattr__(self, "nats", nats)
        for name in ("tokens", "characters", "bytes"):
            object.__setattr__(self, name, check_positive(name, getattr(self, name)))
        if not isinstance(self.vocabulary, str) or not self.vocabulary:
            raise ValueError(f"vocabulary should be the name of one, got {self.vocabulary!r}")

    @property
    def perplexity(self) -> float:
        """Among how many equally likely tokens of this vocabulary the model wavers."""
        return perplexity(self.nats / self.tokens) if self.nats < math.inf else math.inf

    @property
    def bits_per_token(self) -> float:
        """Mean surprise of a token in bits."""
        return self.nats / math.log(2) / self.tokens

    @property
    def bits_per_character(self) -> float:
        """Bits that a character of the text costs: all of them, divided by the characters."""
        return self.nats / math.log(2) / self.characters

    @property
    def bits_per_byte(self) -> float:
        """Bits that a byte of the text costs: 8 without any model."""
        return self.nats / math.log(2) / self.bytes

    def __add__(self, other: "TextScore") -> "TextScore":
        """Return the score of both texts, weighted by what each of them has."""
        if self.vocabulary != other.vocabulary:
            raise ValueError(
                f"scores should have one vocabulary, got {self.vocabulary!r} and "
                f"{other.vocabulary!r}; compare their bits per character instead"
            )
        return TextScore(
            nats=self.nats + other.nats,
            tokens=self.tokens + other.tokens,
            characters=self.characters + other.characters,
            bytes=self.bytes + other.bytes,
            vocabulary=self.vocabulary,
        )

    def __str__(self) -> str:
        """Say the three numbers, what each is per, and how much there was of it."""
        return (
            f"{self.bits_per_character:.3f} bits per character ({self.characters:,}), "
            f"{self.bits_per_byte:.3f} bits per byte ({self.bytes:,}); "
            f"perplexity {self.perplexity:.2f} per token of {self.vocabulary} ({self.tokens:,})"
        )


def window_starts(num_tokens: int, window: int, step: int) -> list[int]:
    """Return where the windows begin in which a text is read.

    Parameters
    ----------
    num_tokens : int
        How many tokens are read: one less than the text has, as nothing comes after its last.
    window : int
        How many tokens a window reads at most.
    step : int
        How far each window lies behind the one before, from 1 to ``window``.

    Returns
    -------
    list of int
        From 0. All windows are equally long; the last one is moved back so that it ends with the
        text.

    Raises
    ------
    ValueError
        If a number is not positive, or ``step`` is larger than ``window``, which would skip tokens.

    Examples
    --------
    >>> window_starts(19, 8, 4)
    [0, 4, 8, 11]
    """
    num_tokens = check_positive("num_tokens", num_tokens)
    window = check_positive("window", window)
    wanted = f"a whole number from 1 to window={window}, or tokens would be skipped"
    step = check_whole("step", step, wanted, lambda n: 1 <= n <= window)
    last = max(0, num_tokens - window)
    return [*range(0, last, step), last]


@torch.no_grad()
def surprises(
    model: Model,
    tokens: Int[Tensor, "B T"],
    keep: Bool[Tensor, "B T"] | None = None,
    *,
    window: int | None = None,
    step: int | None = None,
    batch_size: int = 16,
) -> Float[Tensor, "B N"]:
    """Return −log p of every token but the first, each predicted from those before it.

    Parameters
    ----------
    model : callable
        From tokens (B, T) to logits (B, T, V), of which those at a position say what comes next; a
        module runs in evaluation mode and is left as it was. Only if there is padding it is called
        with ``keep=`` too. It is given no cache.
    tokens : Tensor of int, shape (B, T)
        Texts of at least two tokens. What shall count from the first word on begins with a mark.
    keep : Tensor of bool, shape (B, T), optional
        False where there is padding. By default all tokens are real.
    window : int, optional
        How many tokens the model reads at once. By default all.
    step : int, optional
        How far windows are apart; by default half a window. A smaller step gives each token more
        context and costs more; every token is predicted once whatever it is.
    batch_size : int
        How many windows are read at a time.

    Returns
    -------
    Tensor, shape (B, T - 1)
        In nats. Zero for padding, and for a first token after padding.

    Raises
    ------
    ValueError
        If shapes or numbers are wrong, the logits are not (B, T, V), or one is no number.

    Examples
    --------
    >>> def fair(tokens):
    ...     return torch.zeros(*tokens.shape, 5)
    >>> surprises(fair, torch.tensor([[0, 1, 2, 3]])).exp()
    tensor([[5., 5., 5.]])
    """
    check_callable("model", model, "from tokens to logits")
    _check_texts(tokens, keep)
    num_predicted = tokens.shape[1] - 1
    window = num_predicted if window is None else check_positive("window", window)
    step = max(1, window // 2) if step is None else step
    starts = window_starts(num_predicted, window, step)
    batch_size = check_positive("batch_size", batch_size)

    width = min(window, num_predicted)
    inputs, targets = (_windows(x, starts, width) for x in (tokens[:, :-1], tokens[:, 1:]))
    if keep is None or bool(keep.all()):
        counts, kept = None, None
    else:
        counts, kept = keep[:, :-1] & keep[:, 1:], _windows(keep[:, :-1], starts, width)
    parts = []
    with evaluating(model) if isinstance(model, nn.Module) else nullcontext():
        for at in range(0, len(inputs), batch_size):
            rows = slice(at, at + batch_size)
            options = {} if kept is None else {"keep": kept[rows]}
            parts.append(_losses(model, inputs[rows], targets[rows], options))
    losses = torch.cat(parts).view(len(tokens), len(starts), width)

    found, done = losses.new_zeros(len(tokens), num_predicted), 0
    for number, start in enumerate(starts):  # a window predicts what none before it has
        found[:, done : start + width] = losses[:, number, done - start :]
        done = start + width
    counts = torch.ones_like(found, dtype=torch.bool) if counts is None else counts.to(found.device)
    found = torch.where(counts, found, 0.0)
    if bool(found.isnan().any()):
        raise ValueError("the model's logits should be numbers, got NaN")
    return found


def _windows(x: Tensor, starts: Sequence[int], width: int) -> Tensor:
    """Return the windows of every row, one below the other: those of the first row first."""
    return torch.stack([x[:, start : start + width] for start in starts], 1).flatten(0, 1)


def _losses(model: Model, tokens: Tensor, targets: Tensor, options: dict[str, Any]) -> Tensor:
    device = device_of(model) if isinstance(model, nn.Module) else tokens.device
    options = {name: value.to(device) for name, value in options.items()}
    logits = model(tokens.to(device), **options)
    check_shape("the model's logits", logits, "B T V", B=tokens.shape[0], T=tokens.shape[1])
    return token_losses(logits, targets.to(device))


def _check_texts(tokens: Tensor, keep: Tensor | None) -> None:
    length = check_shape("tokens", tokens, "B T")["T"]
    if tokens.is_floating_point() or tokens.dtype == torch.bool:
        raise ValueError(f"tokens should hold whole numbers, got {dtype_name(tokens)}")
    if length < 2 or not len(tokens):
        raise ValueError(
            "tokens should have a row of at least two, as the first is not predicted, got shape "
            f"{tuple(tokens.shape)}"
        )
    if keep is not None:
        check_bool("keep", keep)
        check_shape("keep", keep, "B T", B=len(tokens), T=length)


def score_text(
    model: Model,
    text: str | Iterable[str],
    *,
    encode: Callable[[str], Sequence[int]],
    bos_id: int,
    vocabulary: str,
    decode: Callable[[Sequence[int]], str] | None = None,
    window: int | None = None,
    step: int | None = None,
    batch_size: int = 16,
) -> TextScore:
    """Score texts from their first character to their last.

    Each text is read after a token that begins it, so that its first token is predicted too, and
    the characters that are counted are exactly those that were predicted.

    Parameters
    ----------
    model : callable
        As for :func:`surprises`.
    text : str or iterable of str
        A text, or several that know nothing of each other. Empty ones are left out.
    encode : callable
        From a text to its tokens, without marks.
    bos_id : int
        The token that begins a text.
    vocabulary : str
        The name of the tokens, for whoever reads the perplexity.
    decode : callable, optional
        From tokens to their text. With it, a text that does not come back as it was is refused: a
        tokenizer that forgets characters makes the rest look cheap.
    window, step, batch_size : int, optional
        As for :func:`surprises`; a window's length counts the token that begins a text.

    Returns
    -------
    TextScore
        Of all texts together.

    Raises
    ------
    ValueError
        As :func:`surprises`; or if there is no character, or a text is lost on the way.

    Examples
    --------
    >>> def fair(tokens):
    ...     return torch.zeros(*tokens.shape, 256)
    >>> def encode(text):
    ...     return list(text.encode())
    >>> print(score_text(fair, "né", encode=encode, bos_id=0, vocabulary="bytes"))
    12.000 bits per character (2), 8.000 bits per byte (3); perplexity 256.00 per token of bytes (3)
    """
    check_callable("encode", encode, "from a text to its tokens")
    if decode is not None:
        check_callable("decode", decode, "from tokens to their text")
    bos_id = check_length("bos_id", bos_id)
    texts = [one for one in ([text] if isinstance(text, str) else text) if one]
    if not texts:
        raise ValueError("text should have at least one character, got none")
    nats, number = 0.0, 0
    for one in texts:
        ids = list(encode(one))
        if not ids or (decode is not None and decode(ids) != one):
            raise ValueError(
                f"encode should keep the whole text, got {len(ids)} tokens for {one[:40]!r}… that "
                "decode to something else: what is lost costs no bits"
            )
        found = surprises(
            model,
            torch.tensor([[bos_id, *ids]]),
            window=window,
            step=step,
            batch_size=batch_size,
        )
        nats += float(found.double().sum())
        number += len(ids)
    return TextScore(
        nats=nats,
        tokens=number,
        characters=sum(map(len, texts)),
        bytes=sum(len(one.encode()) for one in texts),
        vocabulary=vocabulary,
    )
