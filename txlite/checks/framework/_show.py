"""Small tensors and short lists as a person would write them on paper."""

import math
import textwrap

from torch import Tensor

from txlite.checks.framework._outcome import Case, as_tensor

__all__ = ["WIDTH", "fill", "show_call", "show_value"]

WIDTH = 76  # characters of a line: as many as the page's column holds
LARGEST = 32  # entries; a larger tensor is described by its shape
LONGEST = 60  # characters; a longer list of lists is described by its length


def show_value(value: object) -> str:
    """Write a value: what is small in full with four decimals, large tensors by their shape."""
    if not isinstance(value, Tensor | list | tuple):
        return _number(value) if isinstance(value, float) else repr(value)
    x = as_tensor(value)
    if x is None:
        text = _in_a_line(value)
        if text is None or len(text) > LONGEST:
            return f"a {type(value).__name__} of {len(value)}"
        return text
    if x.numel() > LARGEST or x.numel() == 0:
        return f"a tensor of shape {tuple(x.shape)}"
    return _rows(x)


def _in_a_line(value: object) -> str | None:
    """Write lists of lists of numbers or texts in one line; None if they hold anything else."""
    if not isinstance(value, list | tuple):
        if isinstance(value, str):
            return repr(value)
        return _number(value) if isinstance(value, int | float) else None
    texts = [text for text in map(_in_a_line, value) if text is not None]
    if len(texts) < len(value):
        return None
    inner = ", ".join(texts)
    return f"[{inner}]" if isinstance(value, list) else f"({inner})"


def _rows(x: Tensor) -> str:
    width = max(len(_number(v)) for v in x.flatten().tolist())
    return _nested(x.tolist(), width, "")


def _nested(x: object, width: int, indent: str) -> str:
    if not isinstance(x, list):
        return _number(x).rjust(width)
    inner = [_nested(row, width, indent + " ") for row in x]
    flat = not any(isinstance(row, list) for row in x)
    return "[" + (", " if flat else ",\n" + indent + " ").join(inner) + "]"


def _number(v: object) -> str:
    if not isinstance(v, float) or not math.isfinite(v):
        return str(v)
    if v != 0 and not 1e-4 <= abs(v) < 1e6:
        return f"{v:.1e}"
    return f"{v:.4f}".rstrip("0").rstrip(".")


def show_call(names: tuple[str, ...], case: Case, wanted: str, got: str) -> str:
    """Lay out the arguments of a call, what was wanted and what came, one under the other."""
    rows = [*zip(names, map(show_value, case), strict=True), ("wanted", wanted), ("got", got)]
    width = max(len(name) for name, _ in rows)
    return "\n".join(_row(name, text, width) for name, text in rows)


def _row(name: str, text: str, width: int) -> str:
    margin = " " * (width + 6)
    lines = [fill(line, WIDTH - len(margin), hang=" ") for line in text.split("\n")]
    return f"    {name.ljust(width)}  " + textwrap.indent("\n".join(lines), margin).lstrip()


def fill(text: str, width: int = WIDTH, hang: str = "") -> str:
    """Break a line at spaces, so that it is no wider; what begins further in stays further in."""
    within = " " * (len(text) - len(text.lstrip()))
    return textwrap.fill(
        text,
        width,
        subsequent_indent=within + hang,
        break_long_words=False,
        break_on_hyphens=False,
    )
