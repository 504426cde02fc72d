"""How a difference of code stands on a page: signs and colours, and folds over what is the same."""

from collections.abc import Iterable
from html import escape

from txbook.skeleton.wiring import Line, Pair, Piece

TAGS = {"-": ("del", "−"), "+": ("ins", "+"), " ": ("span", " ")}


def difference(pairs: Iterable[Pair], before: str, after: str) -> str:
    """Return the differences of two models' methods as HTML."""
    return "".join(_pair(pair, before, after) for pair in pairs)


def _pair(pair: Pair, before: str, after: str) -> str:
    lines = sum(len(piece.lines) for piece in pair.pieces)
    if not pair.before:
        title = f"<code>{pair.after}</code> is new: {_lines(lines)}"
    elif not pair.after:
        title = f"<code>{pair.before}</code> is not there in {after}: {_lines(lines)}"
    elif not pair.changed:
        title = f"<code>{pair.after}</code> is <code>{pair.before}</code>, line by line"
    else:
        title = (
            f"From <code>{pair.before}</code> (−) to <code>{pair.after}</code> (+): "
            f"{pair.changed} of {_lines(lines)} change"
        )
    shown = "".join(map(_piece, pair.pieces))
    if not (pair.before and pair.after):
        fold = f"<details><summary>{title}</summary>{shown}</details>"
        return f'<div class="tx-diff">{fold}</div>'
    return f'<div class="tx-diff"><p class="tx-diff-title">{title}</p>{shown}</div>'


def _lines(number: int) -> str:
    return f"{number} line" if number == 1 else f"{number} lines"


def _piece(piece: Piece) -> str:
    code = f"<pre><code>{''.join(map(_line, piece.lines))}</code></pre>"
    if not piece.folded:
        return code
    same = f"{_lines(len(piece.lines))} the same"
    return f"<details><summary>{same}</summary>{code}</details>"


def _line(line: Line) -> str:
    """Return a line; where it is too long it goes on below, further in than it began.

    The sign and the spaces stand beside the line, so that none of them is left alone above it.
    """
    tag, sign = TAGS[line.sign]
    text = line.text.lstrip()
    indent = len(line.text) - len(text)
    return f'<{tag} style="--in: {indent}"><b>{sign} {" " * indent}</b>{escape(text)}\n</{tag}>'
