"""Exercise: a long text, cut into what a language model reads and what it is to predict.

Sources
    Radford et al. (2018), "Improving Language Understanding by Generative Pre-Training", equation 1
    and section 4.1: the next token, in contiguous sequences of one length.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from txlite.checks.framework import Exercise, Mistake, Step, counting, swapped

__all__ = ["next_token_windows"]


def _whole(length: int, window: int) -> int:
    return (length - 1) // window  # the last token is predicted and not read


def _from(stream: Tensor, start: int, count: int, window: int) -> Tensor:
    return stream[start : start + count * window].view(count, window)


def _read(stream: Tensor, count: int, window: int) -> Tensor:
    return _from(stream, 0, count, window)


def _following(stream: Tensor, count: int, window: int) -> Tensor:
    return _from(stream, 1, count, window)


def _windows_recipe(
    stream: Tensor,
    window: int,
    count: Step = _whole,
    read: Step = _read,
    target: Step = _following,
) -> object:
    many = count(len(stream), window)
    return torch.stack([read(stream, many, window), target(stream, many, window)])


def _cut_then_shifted(stream: Tensor, window: int) -> object:
    rows = _read(stream, len(stream) // window, window)
    return torch.stack([rows[:, :-1], rows[:, 1:]])


def _cut_with_one_more(stream: Tensor, window: int) -> object:
    rows = _read(stream, len(stream) // (window + 1), window + 1)
    return torch.stack([rows[:, :-1], rows[:, 1:]])


def _rolled_round(stream: Tensor, window: int) -> object:
    many = len(stream) // window
    return torch.stack([_read(x, many, window) for x in (stream, stream.roll(-1))])


def _filled_up(stream: Tensor, window: int) -> object:
    return _windows_recipe(pad(stream, (0, window - 1)), window)


def _rolled_rows(stream: Tensor, window: int) -> object:
    rows = _read(stream, len(stream) // window, window)
    return torch.stack([rows, rows.roll(-1, 1)])


def _side_by_side(stream: Tensor, window: int) -> object:
    return _windows_recipe(stream, window).transpose(0, 1)  # type: ignore[attr-defined]


def _every_start(stream: Tensor, window: int) -> object:
    return torch.stack([stream[:-1].unfold(0, window, 1), stream[1:].unfold(0, window, 1)])


def _case(seed: int, length: int, window: int) -> tuple[object, ...]:
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(1, 60, (length,), generator=draw, device="cpu"), window


next_token_windows = Exercise(
    name="next_token_windows",
    signature="f(stream: (S,) int, window: int) -> (2, N, window) int",
    task=(
        "Cut a long text into windows. The first half of the result is what the model reads, the "
        "second what it is to predict at each position: the token that comes next in the text. "
        "The windows follow one another without a gap, and no token is read twice. What does not "
        "fill a window is left out."
    ),
    inputs=("stream", "window"),
    reference=_windows_recipe,
    cases=(
        (counting(8).long(), 3),
        (3 + counting(9).long(), 4),
        (5 + counting(8).long(), 2),
        _case(1, 23, 5),
        _case(2, 24, 6),
    ),
    bank=(
        swapped(
            _windows_recipe,
            "no shift",
            "The targets are what the model reads. To copy its input is then enough, and the loss "
            "falls to zero although nothing is predicted.",
            target=_read,
        ),
        swapped(
            _windows_recipe,
            "shifted twice",
            "The targets are two tokens ahead: one token of the text is skipped each time.",
            target=lambda stream, count, window: _from(stream, 2, count, window),
        ),
        Mistake(
            "read and predicted exchanged",
            "The model reads the later token and is to predict the earlier one: a model of the "
            "text backwards, in which each window still runs forwards.",
            lambda stream, window: _windows_recipe(stream, window).flip(0),  # type: ignore[attr-defined]
        ),
        swapped(
            _windows_recipe,
            "rolled inside the window",
            "The last target of each window is the window's own first token, which comes round. "
            "The token that follows is in the text: cut the targets from it, one position later.",
            target=lambda stream, count, window: _read(stream, count, window).roll(-1, 1),
        ),
        Mistake(
            "as many windows as fit, rolled inside",
            "The last target of each window is the window's own first token, which comes round, "
            "the last window's too, after which nothing may follow. Cut the targets from the "
            "text, one position later.",
            _rolled_rows,
        ),
        Mistake(
            "window by window",
            "What is read and what is predicted stand together, window by window. What is read "
            "comes first, all windows of it: stack along axis 0.",
            _side_by_side,
        ),
        Mistake(
            "rolled round the text",
            "Where the windows fill the text, the very last target is the first token of the "
            "text, which has come round. The last token of a text has nothing to predict.",
            _rolled_round,
        ),
        Mistake(
            "cut, then shifted",
            "Each window is cut first and shifted inside, which costs it a token: the step from "
            "each window to the next one is never predicted. Shift the text, then cut it.",
            _cut_then_shifted,
        ),
        Mistake(
            "a gap between windows",
            "Windows of one token more follow one another without an overlap. The last token of "
            "each is predicted and never read, nor is the first of the next one predicted.",
            _cut_with_one_more,
        ),
        Mistake(
            "every start",
            "A window begins at every token, so that each token is read in many windows.",
            _every_start,
        ),
        Mistake(
            "filled up",
            "The last window is filled with token 0, which is no token of the text. What does not "
            "fill a window is left out here.",
            _filled_up,
        ),
        swapped(
            _windows_recipe,
            "a window too few",
            "A whole window more would fit into the text. The tokens that are read are one fewer "
            "than the text has: (S - 1) // window of them are full.",
            count=lambda length, window: (length - 1) // window - 1,
        ),
        swapped(
            _windows_recipe,
            "every other token",
            "The windows run across the text: each holds tokens that are far apart. What "
            "follows in a window has to follow in the text.",
            read=lambda stream, count, window: _from(stream, 0, window, count).T,
            target=lambda stream, count, window: _from(stream, 1, window, count).T,
        ),
        Mistake(
            "the first token left out",
            "The text's first token is neither read nor predicted.",
            lambda stream, window: _windows_recipe(stream[1:], window),
        ),
    ),
    praise="Every token but the first is predicted once, the first of each window too.",
    differentiable=False,
)
