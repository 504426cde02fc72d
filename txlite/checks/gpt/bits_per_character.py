"""Exercise: from the cost of tokens in windows to bits per character.

Sources
    Jelinek, Mercer, Bahl and Baker (1977), "Perplexity, a measure of the difficulty of speech
    recognition tasks". Shannon (1948), sections 7 and 9: what a symbol costs.
"""

import math

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, halves, normal, swapped

__all__ = ["bits_per_character"]


def _once(nats: Tensor, fresh: Tensor) -> Tensor:
    return nats[fresh].sum()


def _all_characters(fresh: Tensor, characters: int) -> int:
    return characters


def _bits_recipe(
    nats: Tensor,
    fresh: Tensor,
    characters: int,
    add: Step = _once,
    per: Step = _all_characters,
    unit: float = math.log(2),
) -> object:
    return float(add(nats, fresh) / per(fresh, characters) / unit)


def _of_means(nats: Tensor, fresh: Tensor) -> Tensor:
    means = (nats * fresh).sum(1) / fresh.sum(1)
    return means.mean() * fresh.sum()


def _of_sums(nats: Tensor, fresh: Tensor) -> Tensor:
    return (nats * fresh).sum(1).mean()


def _perplexity(nats: Tensor, fresh: Tensor, characters: int) -> object:
    return float(nats[fresh].mean().exp())


def _costs(values: Tensor) -> Tensor:
    return values.abs() + 0.5


def _fresh(width: int, *spans: tuple[int, int]) -> Tensor:
    """True from one position to before another one, a pair for each window."""
    at = torch.arange(width, device="cpu")
    return torch.stack([(at >= first) & (at < last) for first, last in spans])


bits_per_character = Exercise(
    name="bits_per_character",
    signature="f(nats: (W, T), fresh: (W, T) bool, characters: int) -> float",
    task=(
        "A text of so many characters was read in W windows, and nats[w, t] is -log p of the "
        "token that window w has predicted at t. It is fresh where no window before has predicted "
        "it and it is no padding. Return the bits that a character of the text costs."
    ),
    inputs=("nats", "fresh", "characters"),
    reference=_bits_recipe,
    cases=(
        (_costs(halves(1, 2, 3)), _fresh(3, (0, 3), (2, 3)), 9),
        (_costs(halves(5, 3, 4)), _fresh(4, (0, 4), (2, 4), (2, 3)), 17),
        (_costs(normal(3, 4, 6)), _fresh(6, (0, 6), (3, 6), (1, 6), (0, 2)), 61),
    ),
    bank=(
        swapped(
            _bits_recipe,
            "windows' means averaged",
            "Each window is averaged, then the windows. A token of a window with few fresh tokens "
            "then counts more than another: add up all tokens, and divide once.",
            add=_of_means,
        ),
        swapped(
            _bits_recipe,
            "windows' sums averaged",
            "This is what a window costs on average, and the characters are those of the whole "
            "text: add the windows up.",
            add=_of_sums,
        ),
        swapped(
            _bits_recipe,
            "counted twice",
            "Every prediction is added, those of padding and those that a window before has made "
            "already. A token of the text is paid for once.",
            add=lambda nats, fresh: nats.sum(),
        ),
        swapped(
            _bits_recipe,
            "mean over all positions",
            "The mean is taken over all positions, also those that are not fresh and add nothing: "
            "the more padding or overlap, the better the model seems.",
            add=lambda nats, fresh: (nats * fresh).mean() * fresh.sum(),
        ),
        swapped(
            _bits_recipe,
            "only what was predicted before",
            "These are the predictions that are not to count.",
            add=lambda nats, fresh: nats[~fresh].sum(),
        ),
        swapped(
            _bits_recipe,
            "the first of each window forgotten",
            "The first prediction of each window is left out, though it may be fresh: its tokens "
            "cost nothing, and their characters count.",
            add=lambda nats, fresh: nats[:, 1:][fresh[:, 1:]].sum(),
        ),
        swapped(
            _bits_recipe,
            "the last window forgotten",
            "The last window is left out, and its characters count.",
            add=lambda nats, fresh: nats[:-1][fresh[:-1]].sum(),
        ),
        swapped(
            _bits_recipe,
            "per token",
            "These are bits per token. They depend on the vocabulary: longer tokens are fewer and "
            "each is harder.",
            per=lambda fresh, characters: fresh.sum(),
        ),
        swapped(
            _bits_recipe,
            "per byte and per bit",
            "They are divided by eight, as if characters were bits. It is bits of the code that "
            "are counted here, and characters of the text.",
            per=lambda fresh, characters: 8 * characters,
        ),
        swapped(
            _bits_recipe,
            "the whole text",
            "This is what the whole text costs, not one character of it.",
            per=lambda fresh, characters: 1,
        ),
        swapped(
            _bits_recipe,
            "nats",
            "These are nats. A bit is log 2 of them, about 0.69: divide by log 2.",
            unit=1.0,
        ),
        swapped(
            _bits_recipe,
            "multiplied by log 2",
            "From nats to bits the number grows: divide by log 2.",
            unit=1 / math.log(2),
        ),
        swapped(
            _bits_recipe,
            "decimal digits",
            "Divided by log 10, nats become decimal digits. For bits divide by log 2.",
            unit=math.log(10),
        ),
        Mistake(
            "perplexity",
            "This is the perplexity of a token. It needs its vocabulary beside it, and does not "
            "compare two models that cut the text in two ways.",
            _perplexity,
        ),
    ),
    praise="Every token counts once, and the characters are those of the text.",
    differentiable=False,
)
