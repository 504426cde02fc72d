"""Where the parts of a drawing have come to stand, and the SVG that has been drawn so far."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.etree import ElementTree

from txlite.viz.svg import set_mathematics

__all__ = ["COLORS", "LARGE", "SMALL", "Canvas", "Pixels", "Rect", "ink", "text_width", "tint"]

LARGE, SMALL = 13.0, 12.0  # CSS pixels: words, and what stands beside them
LINE = 1.3  # of the letters' size, from line to line
Pixels = float | int  # CSS pixels
COLORS = ("ink", "blue", "rust", "teal", "pink", "violet", "ochre")

_NARROW = set("iljtfrI.,:;'’|!()[]{}·1 ")
_BROAD = set("mwMWQOGDHNU@%→←↑↓×≤≥√∞＝−")


class Rect(NamedTuple):
    """Where a part stands, in CSS pixels from the upper left."""

    x: Pixels
    y: Pixels
    width: Pixels
    height: Pixels

    @property
    def right(self) -> Pixels:
        """The right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> Pixels:
        """The lower edge."""
        return self.y + self.height

    @property
    def cx(self) -> Pixels:
        """The middle, across."""
        return self.x + self.width / 2

    @property
    def cy(self) -> Pixels:
        """The middle, down."""
        return self.y + self.height / 2

    def around(self, other: "Rect") -> "Rect":
        """Return the smallest rectangle that holds both."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        right, bottom = max(self.right, other.right), max(self.bottom, other.bottom)
        return Rect(x, y, right - x, bottom - y)


def text_width(words: str, size: Pixels) -> Pixels:
    """Estimate how wide a line is in the fonts of the page, rather too wide than too narrow.

    Parameters
    ----------
    words : str
        One line.
    size : float
        The letters' size in CSS pixels.

    Returns
    -------
    float
        CSS pixels.
    """
    return size * sum(map(_share, words))


def _share(letter: str) -> float:
    if unicodedata.combining(letter):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.0
    if letter in _NARROW:
        return 0.34
    return 0.86 if letter in _BROAD else 0.66 if letter.isupper() else 0.57


def ink(color: str) -> str:
    """Return the CSS colour of lines and words."""
    return "currentColor" if color == "ink" else f"var(--tx-{color})"


def tint(color: str, share: int) -> str:
    """Return the CSS colour of a surface: so many per cent of the colour on the page's paper."""
    return f"color-mix(in srgb, {ink(color)} {share}%, var(--tx-paper, Canvas))"


@dataclass
class Canvas:
    """A drawing in the making.

    Parameters
    ----------
    narrow : bool
        Whether it is drawn for a phone.
    lit : frozenset of str
        Names of the parts that are emphasised.
    """

    narrow: bool = False
    lit: frozenset[str] = frozenset()
    places: dict[str, Rect] = field(default_factory=dict)
    behind: list[ElementTree.Element] = field(default_factory=list)
    front: list[ElementTree.Element] = field(default_factory=list)
    letters: list[tuple[str, Rect]] = field(default_factory=list)
    solid: list[Rect] = field(default_factory=list)

    def name(self, name: str, rect: Rect) -> None:
        """Note where a part stands, by the name that arrows call it."""
        if not name:
            return
        if name in self.places:
            raise ValueError(f"name should be unique in a drawing, got {name!r} twice")
        self.places[name] = rect

    def text(
        self,
        words: str,
        x: Pixels,
        y: Pixels,
        *,
        size: Pixels = LARGE,
        anchor: str = "middle",
        color: str = "",
        weight: str = "",
        halo: bool = False,
        into: list[ElementTree.Element] | None = None,
    ) -> None:
        """Write one line whose middle, left or right end is at a point."""
        given = {"x": _px(x), "y": _px(y), "font-size": _px(size), "text-anchor": anchor}
        given["dominant-baseline"] = "central"
        style = f"fill: {color or 'currentColor'}"
        if weight:
            style += f"; font-weight: {weight}"
        if halo:
            style += "; paint-order: stroke; stroke: var(--tx-paper, Canvas); stroke-width: 4px"
        node = ElementTree.Element("text", given | {"style": style})
        node.text = words
        set_mathematics(node)
        (self.front if into is None else into).append(node)
        width = text_width(words, size)
        left = {"middle": x - width / 2, "start": x, "end": x - width}[anchor]
        self.letters.append((words, Rect(left, y - size / 2, width, size)))

    def shape(
        self, kind: str, given: Mapping[str, Pixels | str], style: str, *, behind: bool = False
    ) -> None:
        """Draw a shape of SVG; numbers become CSS pixels."""
        named = {n: v if isinstance(v, str) else _px(v) for n, v in given.items()}
        node = ElementTree.Element(kind, named | {"style": style})
        (self.behind if behind else self.front).append(node)


def _px(value: Pixels) -> str:
    return f"{value:.1f}".removesuffix(".0")
