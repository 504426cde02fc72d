"""One layer of a Transformer: blocks beside the residual path."""

from typing import NamedTuple

from txlite.viz.schematic import Arrow, Box, Column, Frame, Row, Schematic, Space, Sum
from txlite.viz.schematic.parts import Part

__all__ = ["layer", "layers"]

SUBLAYERS = {
    "attention": ("self-attention", "blue", "every position collects from all that it may see"),
    "cross_attention": ("cross-attention", "rust", "every position collects from the source"),
    "feed_forward": ("feed-forward", "teal", "the same two matrices at every position"),
}
_ROAD, _BRANCH = 64.0, 126.0  # CSS pixels


class _Drawn(NamedTuple):
    """Rows from the bottom up, and the arrows between them."""

    rows: list[Part]
    arrows: list[Arrow]


def _row(road: Part, branch: Part | None = None) -> Part:
    """Return a row with something on the residual path, and something beside it."""
    left = Column(road, Space(_ROAD), gap=0)
    return Row(left, branch or Space(_BRANCH), gap=24)


def _sublayer(part: str, road: str, norm_first: bool, key: str) -> _Drawn:
    """Return the rows of one sublayer; the residual path comes from the part called ``road``."""
    words, color, says = SUBLAYERS[part]
    block = Box(words, name=f"{key}{part}", color=color, wide=_BRANCH, says=says)
    plus = Sum(f"{key}{part}_sum", says=f"what comes in and what {words} adds")
    norm = f"{key}{part}_norm"
    arrows = [Arrow(road, plus.name, look="residual")]
    if norm_first:
        beside = Box("norm", name=norm, color="pink", wide=_BRANCH)
        rows = [_row(Space(), beside), _row(Space(), block), _row(plus)]
        arrows += [Arrow(road, norm, bend="last"), Arrow(norm, block.called)]
    else:
        rows = [_row(Space(), block), _row(plus)]
        rows += [_row(Box("norm", name=norm, color="pink", wide=_ROAD))]
        arrows += [Arrow(road, block.called, bend="last")]
        arrows += [Arrow(plus.name, norm, look="residual")]
    arrows += [Arrow(block.called, plus.name, bend="last")]
    return _Drawn(rows, arrows)


def _layer(parts: tuple[str, ...], norm_first: bool, key: str) -> tuple[Part, list[Arrow]]:
    rows = [_row(Box("x", name=f"{key}x", look="data", wide=40))]
    arrows: list[Arrow] = []
    road = f"{key}x"
    for part in parts:
        drawn = _sublayer(part, road, norm_first, key)
        rows += drawn.rows
        arrows += drawn.arrows
        road = f"{key}{part}_{'sum' if norm_first else 'norm'}"
    rows += [_row(Box("y", name=f"{key}y", look="data", wide=40))]
    arrows += [Arrow(road, f"{key}y", look="residual")]
    return Column(*rows, gap=18, up=True, align="start"), arrows


def layer(*, decoder: bool = False, norm_first: bool = True) -> Schematic:
    """Draw one layer with its residual path.

    Parameters
    ----------
    decoder : bool
        Whether it attends to an encoder as well.
    norm_first : bool
        Whether the norm stands in the branch (pre-norm) or on the residual path (post-norm).

    Returns
    -------
    Schematic
        For the page and for a phone.
    """
    parts = tuple(p for p in SUBLAYERS if decoder or p != "cross_attention")
    body, arrows = _layer(parts, norm_first, "")
    order = "Each block reads the normalised residual" if norm_first else "Each sum is normalised"
    return Schematic(
        body,
        arrows,
        f"A layer of {'a decoder' if decoder else 'an encoder'}. The residual path runs straight "
        f"from x to y; {len(parts)} blocks read from it and add to it. {order}.",
    )


def layers() -> Schematic:
    """Draw an encoder layer with its norms on the residual path, and one with them beside it.

    Returns
    -------
    Schematic
        Side by side on the page, below each other on a phone.
    """
    parts = ("attention", "feed_forward")
    left, a = _layer(parts, False, "post ")
    right, b = _layer(parts, True, "pre ")
    return Schematic(
        Row(Frame(left, "post-norm"), Frame(right, "pre-norm"), gap=40, folds=True, align="end"),
        [*a, *b],
        "The same layer with two orders of the norm. In post-norm, on the left, each norm stands "
        "on the residual path and rescales it. In pre-norm, on the right, that path meets "
        "nothing but two sums; the norms stand in the branches.",
    )
