"""Exercise: which tokens may come next where a text is written with times.

Sources
    Radford et al. (2023), "Robust Speech Recognition via Large-Scale Weak Supervision", section
    4.5; the rules are those of the authors' code, ``ApplyTimestampRules`` in
    ``whisper/decoding.py``.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, swapped

__all__ = ["allowed_next"]


class Kinds(NamedTuple):
    """What each token of the vocabulary is."""

    text: Tensor
    end: Tensor
    none: Tensor
    time: Tensor
    ids: Tensor


def _kinds(size: int, end: int, none: int) -> Kinds:
    ids = torch.arange(size, device="cpu")
    return Kinds(ids < end, ids == end, ids == none, ids > none, ids)


def _a_time(kinds: Kinds) -> Tensor:
    return kinds.time


def _text_or_end(kinds: Kinds) -> Tensor:
    return kinds.text | kinds.end


def _time_or_end(kinds: Kinds) -> Tensor:
    return kinds.time | kinds.end


def _not_none(kinds: Kinds) -> Tensor:
    return ~kinds.none


def _not_before(times: list[int], between: bool, kinds: Kinds) -> Tensor:
    """Later than the last time, or the same where a piece has just ended."""
    first = times[-1] if between else times[-1] + 1
    return ~kinds.time | (kinds.ids >= first)


def _sum_of_times(chances: Tensor, allowed: Tensor, kinds: Kinds) -> Tensor:
    return chances[allowed & kinds.time].sum()


def _best_other(chances: Tensor, allowed: Tensor, kinds: Kinds) -> Tensor:
    return (chances * (allowed & ~kinds.time)).amax()


def _more(mass: Tensor, other: Tensor) -> bool:
    return bool(mass > other)


def _only_times(kinds: Kinds) -> Tensor:
    return kinds.time


def _next_recipe(
    logits: Tensor,
    new: Tensor,
    end: int,
    none: int,
    first: Step = _a_time,
    begun: Step = _text_or_end,
    ended: Step = _time_or_end,
    inside: Step = _not_none,
    order: Step = _not_before,
    mass: Step = _sum_of_times,
    other: Step = _best_other,
    more: Step = _more,
    left: Step = _only_times,
) -> Tensor:
    kinds = _kinds(len(logits), end, none)
    written = new.tolist()
    times = [token for token in written if token > none]
    between = len(written) > 1 and written[-2] < none < written[-1]  # a piece has just ended
    if not written:
        allowed = first(kinds)
    elif between:
        allowed = ended(kinds)
    elif written[-1] > none:
        allowed = begun(kinds)
    else:
        allowed = inside(kinds)
    if times:
        allowed = allowed & order(times, between, kinds)
    chances = logits.softmax(-1)
    if more(mass(chances, allowed, kinds), other(chances, allowed, kinds)):
        allowed = allowed & left(kinds)
    return allowed  # type: ignore[no-any-return]


def _case(new: list[int], end: int, none: int, *chances: float) -> tuple[object, ...]:
    logits = torch.tensor(chances, device="cpu").log()
    return logits, torch.tensor(new, dtype=torch.long, device="cpu"), end, none


_EVEN = (0.25, 0.1, 0.05, 0.1, 0.1, 0.02, 0.08, 0.09, 0.07, 0.08, 0.06)
_MASS = (0.3, 0.1, 0.05, 0.05, 0.1, 1e-6, 0.1, 0.1, 0.1, 0.05, 0.05)
_TEXT = (0.5, 0.2, 0.1, 0.05, 0.05, 0.01, 0.02, 0.02, 0.02, 0.02, 0.01)
_SURE = (0.2, 0.1, 0.05, 0.05, 0.05, 0.01, 0.01, 0.45, 0.02, 0.03, 0.03)
_PAST = (0.2, 0.02, 0.02, 0.02, 0.02, 0.3, 0.2, 0.1, 0.02, 0.05, 0.05)
_END = (0.05, 0.05, 0.1, 0.4, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05)
_NONE = (0.12, 0.05, 0.05, 0.05, 0.4, 0.05, 0.05, 0.1, 0.05, 0.05, 0.05)
_STRONG = (0.6, 0.05, 0.05, 0.02, 0.03, 0.05, 0.05, 0.04, 0.04, 0.03, 0.04)

allowed_next = Exercise(
    name="allowed_next",
    signature="f(logits: (V,), new: (N,) int, end: int, none: int) -> (V,) bool",
    task=(
        "A text is written in pieces, each between the time at which it begins and that at which "
        "it ends. Tokens below end are text, those above none are times. Return which tokens may "
        "come after the new ones. (1) The very first is a time. (2) After the time that begins a "
        "piece comes text or end, after the one that ends it a time or end. (3) A time is later "
        "than the last one; only a beginning may be the time at which the piece before it has "
        "ended. (4) none never comes. (5) Where all times that may come are together more "
        "probable than every other token that may come, only they may come."
    ),
    inputs=("logits", "new", "end", "none"),
    reference=_next_recipe,
    cases=(
        _case([], 1, 2, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1),
        _case([3, 0], 1, 2, 0.27, 0.1, 0.1, 0.1, 0.2, 0.23),
        _case([5], 3, 4, *_MASS),
        _case([5, 0], 3, 4, *_MASS),
        _case([5, 0], 3, 4, *_TEXT),
        _case([5, 0], 3, 4, *_SURE),
        _case([5, 1, 8], 3, 4, *_EVEN),
        _case([5, 1, 7], 3, 4, *_END),
        _case([5, 1, 8, 8, 2], 3, 4, *_STRONG),
        _case([5, 1, 8, 8, 2], 3, 4, *_PAST),
        _case([6, 1, 2], 3, 4, *_END),
        _case([6, 1, 2], 3, 4, *_NONE),
        _case([6, 1, 2], 3, 4, *_EVEN),
        _case([5, 1, 7, 7], 3, 4, *_EVEN),
    ),
    bank=(
        swapped(
            _next_recipe,
            "no rule of mass",
            "Times are never weighed together. Each of many neighbouring times has little of the "
            "probability, and one token of text comes before all of them.",
            more=lambda mass, other: False,
        ),
        swapped(
            _next_recipe,
            "the best time alone",
            "The most probable time is compared and not all times together: the model may be sure "
            "that a time comes and unsure which.",
            mass=lambda chances, allowed, kinds: (chances * (allowed & kinds.time)).amax(),
        ),
        swapped(
            _next_recipe,
            "times that may not come",
            "Times that may not come any more are added too. They are ruled out first, and what "
            "is left is weighed.",
            mass=lambda chances, allowed, kinds: chances[kinds.time].sum() * allowed.any(),
        ),
        swapped(
            _next_recipe,
            "all others together",
            "The times are compared with all other tokens together. One of these will be written: "
            "it is the most probable one that counts.",
            other=lambda chances, allowed, kinds: chances[allowed & ~kinds.time].sum(),
        ),
        swapped(
            _next_recipe,
            "the text alone",
            "The times are compared with the text, and the end token is forgotten: where it is "
            "the most probable one, the text could not end.",
            other=lambda chances, allowed, kinds: (chances * (allowed & kinds.text)).amax(),
        ),
        swapped(
            _next_recipe,
            "tokens that may not come",
            "The times are compared with tokens that may not come.",
            other=lambda chances, allowed, kinds: (chances * ~kinds.time).amax(),
        ),
        swapped(
            _next_recipe,
            "the end stays",
            "Where times have more weight only the text is ruled out. The end token goes too.",
            left=lambda kinds: kinds.time | kinds.end,
        ),
        swapped(
            _next_recipe,
            "times run backwards",
            "A time may lie before an earlier one. A text that goes back may go back again and "
            "again, and never ends.",
            order=lambda times, between, kinds: ~kinds.none | kinds.none,
        ),
        swapped(
            _next_recipe,
            "always later",
            "A piece may not begin when the one before it has ended. Speech without a pause has "
            "two times that are the same.",
            order=lambda times, between, kinds: ~kinds.time | (kinds.ids > times[-1]),
        ),
        swapped(
            _next_recipe,
            "a piece of no length",
            "A piece may end when it begins. It takes some time to say a text: the end is later.",
            order=lambda times, between, kinds: ~kinds.time | (kinds.ids >= times[-1]),
        ),
        swapped(
            _next_recipe,
            "from the first time on",
            "Times are compared with the first one that was written. It is the last one that "
            "counts.",
            order=lambda times, between, kinds: _not_before(times[:1], between, kinds),
        ),
        swapped(
            _next_recipe,
            "text first",
            "The first token may be text. Without a time at its beginning no later one has a pair.",
            first=_not_none,
        ),
        swapped(
            _next_recipe,
            "a beginning after a beginning",
            "After the time that begins a piece another one may come. Its text comes first.",
            begun=_not_none,
        ),
        swapped(
            _next_recipe,
            "text after an end",
            "After the time that ends a piece text may come at once. A piece begins with a time.",
            ended=_not_none,
        ),
        swapped(
            _next_recipe,
            "no end after a piece",
            "After the time that ends a piece only another time may come, so that the text never "
            "ends.",
            ended=_a_time,
        ),
        swapped(
            _next_recipe,
            "none may come",
            "The token that says that there are no times may come in the middle of a text.",
            inside=lambda kinds: kinds.ids >= 0,
        ),
    ),
    praise="Times come in pairs, never run backwards, and are weighed together.",
    differentiable=False,
)
