"""Exercise: what Whisper's decoder reads in training, and what it is asked for.

Sources
    Radford et al. (2023), "Robust Speech Recognition via Large-Scale Weak Supervision", section
    2.3 and figure 1: the tokens before the text say what is to be written. That padding and end are
    one token is a choice of Hugging Face's tokenizer for Whisper.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, swapped

__all__ = ["decoder_pairs"]

_UNASKED = -100


def _rows(prompt: Tensor, text: Tensor, end: int) -> Tensor:
    """Put together prompt, text and an end token behind it, which a longer row's padding hides."""
    given = prompt.expand(len(text), -1)
    return torch.cat([given, text, torch.full_like(text[:, :1], end)], 1)


def _next(rows: Tensor) -> Tensor:
    return rows[:, 1:]


def _the_prompt(at: Tensor, size: int) -> Tensor:
    return at < size - 1


def _after_the_end(read: Tensor, target: Tensor, end: int) -> Tensor:
    return read == end


def _pairs_recipe(
    prompt: Tensor,
    text: Tensor,
    end: int,
    shift: Step = _next,
    given: Step = _the_prompt,
    padding: Step = _after_the_end,
    unasked: int = _UNASKED,
) -> Tensor:
    rows = _rows(prompt, text, end)
    read, target = rows[:, :-1], shift(rows)
    at = torch.arange(read.shape[1], device="cpu").expand_as(read)
    hidden = given(at, len(prompt)) | padding(read, target, end)
    return torch.stack([read, target.masked_fill(hidden, unasked)])


def _end_of_the_row(prompt: Tensor, text: Tensor, end: int) -> Tensor:
    pairs = _pairs_recipe(prompt, text, end)
    asked = pairs[1].masked_fill(pairs[1] == end, _UNASKED)
    asked[:, -1] = end
    return torch.stack([pairs[0], asked])


def _read_what_is_asked(prompt: Tensor, text: Tensor, end: int) -> Tensor:
    pairs = _pairs_recipe(prompt, text, end)
    hidden = pairs[0] == end
    return torch.stack([pairs[0].masked_fill(hidden, _UNASKED), pairs[1]])


def _without_the_prompt(prompt: Tensor, text: Tensor, end: int) -> Tensor:
    return _pairs_recipe(prompt[-1:], text, end)


def _exchanged(prompt: Tensor, text: Tensor, end: int) -> Tensor:
    return _pairs_recipe(prompt, text, end).flip(0)


def _no_end(prompt: Tensor, text: Tensor, end: int) -> Tensor:
    return _pairs_recipe(prompt, text, end)[:, :, :-1]


def _first_row(read: Tensor, target: Tensor, end: int) -> Tensor:
    return (read[:1] == end).expand_as(read)


def _twice(rows: Tensor) -> Tensor:
    return torch.cat([rows[:, 2:], rows[:, -1:]], 1)


def _case(prompt: list[int], text: list[list[int]], end: int) -> tuple[object, ...]:
    return torch.tensor(prompt, device="cpu"), torch.tensor(text, device="cpu"), end


decoder_pairs = Exercise(
    name="decoder_pairs",
    signature="f(prompt: (P,) int, text: (B, T) int, end: int) -> (2, B, P + T) int",
    task=(
        "A decoder is given the prompt, and is to write the text and then the end token. Shorter "
        "texts are padded on the right, with that same token. The first half of the result is "
        "what it reads: prompt and text, as they are. The second half is what it is asked for at "
        "each position: the token that comes next. It is -100 where the next token belongs to "
        "the prompt, and behind the first end token."
    ),
    inputs=("prompt", "text", "end"),
    reference=_pairs_recipe,
    cases=(
        _case([8], [[3, 4]], 9),
        _case([7, 8], [[3, 4, 5], [6, 9, 9]], 9),
        _case([6, 7, 8], [[3, 9, 9], [4, 5, 1], [2, 4, 9]], 9),
        _case([25, 26, 27, 28], [[30, 6, 7, 35, 24], [9, 9, 2, 1, 3]], 24),  # 30 and 35: times
    ),
    bank=(
        swapped(
            _pairs_recipe,
            "the end hidden with the padding",
            "Every end token is taken for padding, the first one too. The decoder is never asked "
            "to end, and will write on until it may write no more.",
            padding=lambda read, target, end: target == end,
        ),
        swapped(
            _pairs_recipe,
            "padding asked for",
            "The decoder is asked for padding. After its end there is nothing to learn, and in a "
            "batch with one long text most of the loss is about that.",
            padding=lambda read, target, end: target != target,
        ),
        swapped(
            _pairs_recipe,
            "the first row's padding",
            "All texts are hidden where the first one is.",
            padding=_first_row,
        ),
        Mistake(
            "the end at the end of the row",
            "The end token is asked for at the end of the row, behind the padding. It comes right "
            "after each text.",
            _end_of_the_row,
        ),
        Mistake(
            "no end",
            "The last token of the longest text is read by no position, and its end asked for by "
            "none.",
            _no_end,
        ),
        swapped(
            _pairs_recipe,
            "not shifted",
            "The decoder is asked for the token that it reads. To copy it is enough, and a loss "
            "of zero says nothing about the sound.",
            shift=lambda rows: rows[:, :-1],
        ),
        swapped(
            _pairs_recipe,
            "shifted twice",
            "The targets are two tokens ahead. It happens when both the batch and the loss shift: "
            "every other token of the text is never written.",
            shift=_twice,
        ),
        swapped(
            _pairs_recipe,
            "rolled round the row",
            "Where a text fills its row, the prompt's first token comes round as what follows it. "
            "What follows is the end.",
            shift=lambda rows: rows[:, :-1].roll(-1, 1),
        ),
        swapped(
            _pairs_recipe,
            "the prompt asked for",
            "The decoder is asked for the prompt, which is given to it here.",
            given=lambda at, size: at < 0,
        ),
        swapped(
            _pairs_recipe,
            "the text's first token not asked for",
            "One position too many is hidden. The prompt's last token is the one that is read "
            "where the text's first one is asked for.",
            given=lambda at, size: at < size,
        ),
        swapped(
            _pairs_recipe,
            "0 for what is not asked",
            "What is not asked for is 0, which is a token of the text like any other.",
            unasked=0,
        ),
        Mistake(
            "-100 read",
            "What is not asked for stands in what is read, too. There is no token -100, and its "
            "embedding is an error.",
            _read_what_is_asked,
        ),
        Mistake(
            "the prompt cut to one token",
            "Only the last token of the prompt is read. The others say in which language, and "
            "whether with times.",
            _without_the_prompt,
        ),
        Mistake(
            "read and asked for exchanged",
            "What is read comes first, and then what is asked for.",
            _exchanged,
        ),
    ),
    praise="Each position is asked for the next token, each text's end is asked for once.",
    differentiable=False,
)
