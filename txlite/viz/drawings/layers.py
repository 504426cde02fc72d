"""One layer of a Transformer: blocks beside the residual path."""

from typing import NamedTuple

from txlite.viz.drawings.lanes import ROAD, lane
from txlite.viz.drawings.sizes import Sizes, shape
from txlite.viz.schematic import Arrow, Box, Column, Frame, Row, Schematic, Space, Sum
from txlite.viz.schematic.parts import Part

__all__ = ["layer", "layers"]

SUBLAYERS = {
    "attention": ("self-attention", "blue", "every position collects from all that it may see"),
    "cross_attention": ("cross-attention", "rust", "every position collects from the source"),
    "feed_forward": ("feed-forward", "teal", "the same two matrices at every position"),
}
_BRANCH = 122.0  # CSS pixels


class _Drawn(NamedTuple):
    """Rows from the bottom up, and the arrows between them."""

    rows: list[Part]
    arrows: list[Arrow]


class _Look(NamedTuple):
    """What all sublayers of a layer have in common."""

    norm_first: bool
    key: str = ""
    length: str = "T"
    sizes: Sizes | None = None


def _row(road: Part, branch: Part | None = None) -> Part:
    return lane(road, branch or Space(_BRANCH))


def _sublayer(part: str, road: str, look: _Look) -> _Drawn:
    """Return the rows of one sublayer; the residual path comes from the part called ``road``."""
    words, color, says = SUBLAYERS[part]
    key = look.key
    block = Box(words, name=f"{key}{part}", color=color, wide=_BRANCH, says=says)
    plus = Sum(f"{key}{part}_sum", says=f"what comes in and what {words} adds")
    norm = f"{key}{part}_norm"
    branch: Part = block
    arrows = [Arrow(road, plus.name, look="residual")]
    if part == "cross_attention":
        memory = Box(
            "memory",
            shape("S D", look.sizes, fold=True),
            name=f"{key}memory",
            color="rust",
            look="data",
            says="what the encoder has made of the source",
        )
        branch = Row(block, memory, gap=20)
        arrows += [Arrow(memory.called, block.called, color="rust")]
    rescales = "each row gets mean 0 and spread 1, then a learned scale and shift"
    if look.norm_first:
        beside = Box("norm", name=norm, color="pink", wide=_BRANCH, says=rescales)
        rows = [_row(Space(), beside), _row(Space(), branch), _row(plus)]
        arrows += [Arrow(road, norm, bend="last"), Arrow(norm, block.called)]
    else:
        on = Box("norm", name=norm, color="pink", wide=ROAD, says=rescales)
        rows = [_row(Space(), branch), _row(plus), _row(on)]
        arrows += [Arrow(road, block.called, bend="last")]
        arrows += [Arrow(plus.name, norm, look="residual")]
    arrows += [Arrow(block.called, plus.name, bend="last")]
    return _Drawn(rows, arrows)


def _layer(parts: tuple[str, ...], look: _Look) -> tuple[Part, list[Arrow]]:
    def end(words: str) -> Part:
        """Return x or y on the residual path, and beside it the shape of its states."""
        states = Box(
            shape(f"{look.length} D", look.sizes), name=f"{look.key}{words}s", look="plain"
        )
        return _row(Box(words, name=f"{look.key}{words}", look="data", wide=40), states)

    rows = [end("x")]
    arrows: list[Arrow] = []
    road = f"{look.key}x"
    for part in parts:
        drawn = _sublayer(part, road, look)
        rows += drawn.rows
        arrows += drawn.arrows
        road = f"{look.key}{part}_{'sum' if look.norm_first else 'norm'}"
    rows += [end("y")]
    arrows += [Arrow(road, f"{look.key}y", look="residual")]
    return Column(*rows, gap=18, up=True, align="start"), arrows


def layer(
    *, decoder: bool = False, norm_first: bool = True, sizes: Sizes | None = None
) -> Schematic:
    """Draw one layer with its residual path.

    Parameters
    ----------
    decoder : bool
        Whether it attends to an encoder as well.
    norm_first : bool
        Whether the norm stands in the branch (pre-norm) or on the residual path (post-norm).
    sizes : mapping of str to int, optional
        What S, T and D stand for; the rows of an encoder are S, those of a decoder T.

    Returns
    -------
    Schematic
        For the page and for a phone.
    """
    parts = tuple(p for p in SUBLAYERS if decoder or p != "cross_attention")
    body, arrows = _layer(parts, _Look(norm_first, "", "T" if decoder else "S", sizes))
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
    left, a = _layer(parts, _Look(False, "post "))
    right, b = _layer(parts, _Look(True, "pre "))
    return Schematic(
        Row(Frame(left, "post-norm"), Frame(right, "pre-norm"), gap=40, folds=True, align="end"),
        [*a, *b],
        "The same layer with two orders of the norm. In post-norm, on the left, each norm stands "
        "on the residual path and rescales it. In pre-norm, on the right, that path meets "
        "nothing but two sums; the norms stand in the branches.",
    )
