"""The strip above every chapter: the machine in small, and where in it the chapter stands."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from txlite.viz.schematic import Arrow, Column, Either, Frame, Row, Schematic, chain
from txlite.viz.schematic.canvas import SMALL, Canvas, Pixels, Rect, ink, text_width, tint
from txlite.viz.schematic.parts import grouped, rounded

__all__ = ["PARTS", "strip"]


class _Named(NamedTuple):
    """A part of the strip: its colour, what it is, and what the living map opens for it."""

    color: str
    says: str
    opens: str


_FIRST = "encoder.0.attention"
PARTS: dict[str, _Named] = {
    "reach": _Named("ink", "who can reach whom", f"{_FIRST}.head"),
    "head": _Named("blue", "one head", f"{_FIRST}.head.product"),
    "mask": _Named("ink", "what a position may attend to", "decoder.0.attention.head"),
    "heads": _Named("blue", "several heads side by side", _FIRST),
    "layer": _Named("teal", "attention, feed-forward and residual path", "encoder.0"),
    "stack": _Named("pink", "layer upon layer", "encoder.0"),
    "positions": _Named("ochre", "where a token stands", "encoder_positions"),
    "encoder": _Named("blue", "what reads the source", "encoder"),
    "decoder": _Named("rust", "what writes, and attends to the source", "decoder"),
    "output": _Named("violet", "from hidden states to the next token", "output"),
    "loss": _Named("violet", "what is trained", "output"),
    "model": _Named("ink", "all of it together", "model"),
}
"""What a chapter can stand at, in the order in which the book builds it."""

_HIGH, _BARS = 24.0, 6


@dataclass(frozen=True)
class _Stop:
    """A small box in one of three states: here, passed, or still to come."""

    name: str
    state: str
    href: str = ""
    bars: bool = False
    chapters: Sequence[str] = ()

    @property
    def called(self) -> str:
        """By which arrows find it."""
        return self.name

    @property
    def says(self) -> str:
        """What it is, for the drawing in words."""
        here = {"here": "; this chapter", "passed": "; explained before", "later": ""}[self.state]
        return PARTS[self.name].says + here

    def size(self, narrow: bool) -> tuple[Pixels, Pixels]:
        """Return what its word takes, and its bars where it is a stack."""
        return text_width(self.name, SMALL) + 2 * self._pad(narrow), _HIGH + 14.0 * self.bars

    def _pad(self, narrow: bool) -> float:
        return 4.0 if narrow else 6.0

    def draw(self, canvas: Canvas, x: Pixels, y: Pixels) -> None:
        """Draw the box, its word, and the layers of a stack."""
        width, height = self.size(canvas.narrow)
        rect = Rect(x, y, width, height)
        canvas.name(self.name, rect)
        canvas.solid.append(rect)
        begin = len(canvas.front)
        color = PARTS[self.name].color
        line = {"here": 2.6, "passed": 1.2, "later": 1.0}[self.state]
        fill = {"here": 38, "passed": 16, "later": 0}[self.state]
        style = f"fill: {tint(color, fill) if fill else 'var(--tx-paper, Canvas)'}"
        style += f"; stroke: {ink(color)}; stroke-width: {line}px"
        if self.state == "later":
            style += "; stroke-dasharray: 3 3"
        canvas.shape("rect", rounded(rect, 5.0), style)
        weight = "700" if self.state == "here" and not canvas.narrow else ""
        canvas.text(self.name, rect.cx, y + _HIGH / 2, size=SMALL, weight=weight)
        if self.bars:
            pad = self._pad(canvas.narrow)
            step = (width - 2 * pad) / _BARS
            for i in range(_BARS):
                bar = Rect(x + pad + i * step + 1, y + _HIGH - 1, step - 2, 9.0)
                canvas.shape("rect", rounded(bar, 1.5), f"fill: {tint(color, 55)}; stroke: none")
        grouped(canvas, begin, self.name, self.href, color, self.chapters)


def strip(
    here: Collection[str] = (),
    passed: Collection[str] = (),
    *,
    links: Mapping[str, str] | None = None,
    chapters: Mapping[str, Sequence[str]] | None = None,
) -> Schematic:
    """Draw the machine in small: what a chapter explains, what is known, what is to come.

    Parameters
    ----------
    here : collection of str
        Names of ``PARTS`` that the chapter is about; ``"all"`` for every one.
    passed : collection of str
        Those that earlier chapters have explained.
    links : mapping of str to str, optional
        Where a click on a part leads.
    chapters : mapping of str to sequence of str, optional
        Which chapters explain a part, by which a page marks it as read.

    Returns
    -------
    Schematic
        At most 120 CSS pixels high.

    Raises
    ------
    ValueError
        For a name that is none.
    """
    for name, names in (("here", here), ("passed", passed)):
        for one in names:
            if one not in PARTS and (one, name) != ("all", "here"):
                known = ", ".join([*PARTS, "all"])
                raise ValueError(f"{name} should name parts among {known}, got {one!r}")
    lit = set(PARTS) if "all" in here else set(here)
    known_links, explained = links or {}, chapters or {}

    def stop(name: str, bars: bool = False) -> _Stop:
        state = "here" if name in lit else "passed" if name in passed else "later"
        return _Stop(name, state, known_links.get(name, ""), bars, explained.get(name, ()))

    inner = ("reach", "head", "mask", "heads", "layer", "stack")
    outer = ("positions", "encoder", "decoder", "output", "loss")

    def row(names: tuple[str, ...], gap: Pixels) -> Row:
        return Row(*(stop(name, name in ("encoder", "decoder")) for name in names), gap=gap)

    def machine(gap: Pixels, pad: Pixels) -> Frame:
        return Frame(
            row(outer, gap),
            name="model",
            pad=pad,
            href=known_links.get("model", ""),
            note="model",
            says=PARTS["model"].says,
            chapters=explained.get("model", ()),
        )

    wide = Row(row(inner, 10), machine(10, 5), gap=22)
    narrow = Column(machine(6, 3), row(inner, 6), gap=14)
    joined = Arrow("", "", tip=False)
    arrows = [*chain(*inner, like=joined), *chain(*outer, like=joined), Arrow("stack", "model")]
    said = ", ".join(name for name in PARTS if name in lit) or "nothing yet"
    return Schematic(
        Either(wide, narrow),
        arrows,
        f"You are here: {said}. The Transformer in small, from who can reach whom to the loss; "
        "what this chapter explains is lit, what is known is filled, what is to come is outlined.",
        lit=("model",) if "model" in lit else (),
    )
