"""From an outcome to sentences: what differs, and the smallest input that shows it."""

import traceback

import torch
from torch import Tensor

from txlite.checks.framework._outcome import TOLERANCE, Answer, Case, Outcome, as_tensor, as_texts
from txlite.checks.framework._show import LARGEST, show_call, show_value

__all__ = ["SMALLEST", "counterexample", "difference"]

SMALLEST = "The smallest input that shows it:"


def counterexample(
    names: tuple[str, ...], case: Case, wanted: Outcome, got: Outcome, answer: Answer
) -> str:
    """Show the call: its inputs, what was wanted, and what the answer gave."""
    x, y = as_tensor(wanted.result), as_tensor(got.result)
    if got.error is not None:
        texts = show_value(wanted.result), _raised(got.error, answer)
    elif x is not None and y is not None and x.shape == y.shape and x.numel() > LARGEST:
        texts = _worst_entry(x, y)
    else:
        texts = show_value(wanted.result), show_value(got.result)
    return f"{SMALLEST}\n\n" + show_call(names, case, *texts)


def _worst_entry(wanted: Tensor, got: Tensor) -> tuple[str, str]:
    at = _where_worst(wanted, got)
    place = f" at {list(at)}, in a tensor of shape {tuple(wanted.shape)}"
    return show_value(wanted[at].item()) + place, show_value(got[at].item()) + place


def _where_worst(wanted: Tensor, got: Tensor) -> tuple[int, ...]:
    gap = (wanted.to(torch.float64) - got.to(torch.float64)).abs()
    gap = gap.nan_to_num(nan=float("inf"))
    gap[wanted == got] = 0.0  # inf − inf
    return tuple(int(i) for i in torch.unravel_index(gap.argmax(), gap.shape))


def _raised(error: Exception, answer: Answer) -> str:
    text = " ".join(str(error).split())
    text = text if len(text) <= 92 else text[:89] + "..."
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    line = _line_of(error, answer)
    return what + (f"\nin the line: {line}" if line else "")


def _line_of(error: Exception, answer: Answer) -> str:
    """Return the source line of the answer in which the error arose, where it is known."""
    file = getattr(getattr(answer, "__code__", None), "co_filename", None)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    return (frames[-1].line or "") if frames else ""


def difference(wanted: Outcome, got: Outcome) -> str:
    """Say in a sentence how an outcome differs from the one that was wanted."""
    if got.error is not None:
        return f"Your function raised {_article(type(got.error).__name__)} on this input."
    if isinstance(as_texts(wanted.result), list) and isinstance(as_texts(got.result), list):
        return "Your function returned other texts."
    x, y = as_tensor(wanted.result), as_tensor(got.result)
    if x is None or y is None:
        return f"Your function returned {_kind(got.result)}, not {_kind(wanted.result)}."
    if x.shape != y.shape:
        return f"Your result has shape {tuple(y.shape)}; wanted is {tuple(x.shape)}."
    if x.dtype != y.dtype:
        return f"Your result holds {_contents(y)}; wanted are {_contents(x)}."
    return _values(x, y)


def _values(wanted: Tensor, got: Tensor) -> str:
    """Describe a difference between two tensors of equal shape and kind."""
    for name, test, hint in (
        ("NaN", torch.isnan, "0/0 or ∞ − ∞"),
        ("infinite", torch.isinf, "1/0"),
    ):
        bad = int((test(got) & ~test(wanted)).sum())
        if bad:
            return f"{_how_many(bad, got, 'is', 'are')} {name}: look for {hint}."
    close = torch.isclose(wanted, got, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    wrong = _how_many(int((~close).sum()), got, "differs", "differ")
    if got.dtype == torch.bool:
        return f"{wrong}."
    at = _where_worst(wanted, got)
    where = f", the one at {list(at)} most," if got.numel() > 1 else ""
    return f"{wrong}{where} by {abs(wanted[at] - got[at]).item():.2g}."


def _how_many(n: int, x: Tensor, singular: str, plural: str) -> str:
    if x.numel() == 1:
        return f"The number {singular}"
    return f"{n} of {x.numel()} entries {singular if n == 1 else plural}"


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'AEIOU' else 'a'} {noun}"


def _contents(x: Tensor) -> str:
    return "True and False" if x.dtype == torch.bool else "numbers"


def _kind(result: object) -> str:
    if isinstance(result, Tensor):
        return "a tensor"
    if (texts := as_texts(result)) is not None:
        return "a text" if isinstance(texts, str) else f"a {type(result).__name__} of texts"
    if isinstance(result, tuple):
        return f"a tuple of {len(result)}"
    if isinstance(result, bool | int | float | list):
        return _article(type(result).__name__)
    return "nothing (None)" if result is None else f"an object of type {type(result).__name__}"
