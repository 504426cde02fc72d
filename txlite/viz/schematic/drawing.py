"""A schematic: parts and arrows as one picture for a page, one for a phone, and a list of words."""

import hashlib
import html
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from xml.etree import ElementTree

from txlite.viz.schematic.arrows import Arrow, Point
from txlite.viz.schematic.canvas import COLORS, Canvas, Pixels, Rect, ink, tint
from txlite.viz.schematic.parts import Part
from txlite.viz.theme import FIGURE_CSS, narrow_css

__all__ = ["COLUMN", "PHONE", "Schematic"]

COLUMN, PHONE = 672, 328  # CSS pixels: the column of a page, and that of a phone
_MARGIN = 3.0


@dataclass(frozen=True)
class Schematic:
    """A drawing of boxes and arrows.

    Jupyter, Colab and the book show the picture; a terminal sees its words.

    Parameters
    ----------
    body : Part
        What stands in it.
    arrows : sequence of Arrow
        What joins the parts.
    alt : str
        What the drawing shows, in a sentence or two, for someone who cannot see it.
    lit : collection of str
        Names of the parts that are emphasised; an arrow is called ``"start→end"``.

    Raises
    ------
    ValueError
        If ``alt`` is empty, an arrow or a lit name is of no part, or the drawing is wider than a
        page or a phone.
    """

    body: Part
    arrows: Sequence[Arrow]
    alt: str
    lit: Collection[str] = ()

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise ValueError(f"alt should say what the drawing shows, got {self.alt!r}")

    def lighting(self, *names: str) -> "Schematic":
        """Return the same drawing with these parts emphasised, and no others.

        Parameters
        ----------
        *names : str
            Names of parts and arrows.

        Returns
        -------
        Schematic
            A new one.
        """
        return replace(self, lit=names)

    def layout(self, *, narrow: bool = False) -> tuple[Canvas, list[list[Point]]]:
        """Place the parts and lead the arrows.

        Parameters
        ----------
        narrow : bool
            Whether for a phone.

        Returns
        -------
        Canvas
            Where the parts stand, and what was drawn.
        list of list of (float, float)
            The way of each arrow.

        Raises
        ------
        ValueError
            If a name is of no part.
        """
        canvas, ways, _ = self._draw(narrow)
        return canvas, ways

    def svg(self, *, narrow: bool = False) -> str:
        """Return the drawing as an ``<svg>`` element for a themed page.

        Parameters
        ----------
        narrow : bool
            Whether for a phone.

        Returns
        -------
        str
            Each part is a group with ``data-part``, which scripts find.

        Raises
        ------
        ValueError
            If it is too wide for the column.
        """
        _, _, (root, _) = self._draw(narrow)
        return ElementTree.tostring(root, encoding="unicode")

    def _draw(
        self, narrow: bool
    ) -> tuple[Canvas, list[list[Point]], tuple[ElementTree.Element, Pixels]]:
        canvas = Canvas(narrow=narrow, lit=frozenset(self.lit))
        self.body.draw(canvas, 0.0, 0.0)
        frames = canvas.behind
        canvas.behind = []
        tip = "tx-tip-" + self._digest(narrow)
        ways = [arrow.draw(canvas, tip) for arrow in self.arrows]
        known = canvas.places.keys() | {f"{a.start}→{a.end}" for a in self.arrows}
        if unknown := sorted(set(self.lit) - known):
            raise ValueError(f"lit should name parts of the drawing, got {unknown[0]!r}")
        bounds = self._bounds(canvas, ways)
        room = PHONE if narrow else COLUMN
        width, height = bounds.width + 2 * _MARGIN, bounds.height + 2 * _MARGIN
        if width > room:
            raise ValueError(
                f"a drawing should be at most {room} pixels wide, got {width:.0f}: {self.alt!r}"
            )
        linked = any(node.tag == "a" for top in canvas.front for node in top.iter())
        role = "group" if linked else "img"  # what is in a picture cannot be reached
        root = ElementTree.Element("svg", self._attributes(bounds, width, height, role))
        root.append(_tips(tip, {arrow.color for arrow in self.arrows if arrow.tip}))
        root.extend([*frames, *canvas.behind, *canvas.front])
        return canvas, ways, (root, width)

    def _bounds(self, canvas: Canvas, ways: list[list[Point]]) -> Rect:
        width, height = self.body.size(canvas.narrow)
        bounds = Rect(0.0, 0.0, width, height)
        for _, rect in canvas.letters:
            bounds = bounds.around(rect)
        for way in ways:
            for x, y in way:
                bounds = bounds.around(Rect(x - 2, y - 2, 4.0, 4.0))
        return bounds

    def _attributes(self, bounds: Rect, width: Pixels, height: Pixels, role: str) -> dict[str, str]:
        x, y = bounds.x - _MARGIN, bounds.y - _MARGIN
        return {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"{x:.1f} {y:.1f} {width:.1f} {height:.1f}",
            "width": f"{width:.0f}",
            "height": f"{height:.0f}",
            "role": role,
            "aria-label": " ".join(self.alt.split()),
            "style": "fill: currentColor; stroke-linejoin: round; font-family: var(--tx-font)",
        }

    def _digest(self, narrow: bool) -> str:
        said = repr((self.alt, self.arrows, sorted(self.lit), narrow))
        return hashlib.sha256(said.encode()).hexdigest()[:8]

    def words(self) -> list[str]:
        """Return the drawing as sentences: what its parts do, and what goes where.

        Returns
        -------
        list of str
            In the order in which parts and arrows were given.
        """
        parts = [
            f"{_plain(getattr(part, 'called', '') or part.name)}: {part.says}"
            for part in _parts(self.body)
        ]
        ways = [
            f"{_plain(arrow.start)} → {_plain(arrow.end)}"
            + (f" ({arrow.words})" if arrow.words else "")
            + (f": {arrow.says}" if arrow.says else "")
            for arrow in self.arrows
        ]
        return [*parts, *ways]

    def picture(self) -> str:
        """Return the drawing without its words, as HTML for a themed page.

        Returns
        -------
        str
            A ``<figure>`` with the page's picture, and the phone's where they differ.
        """
        return f"{self._drawn()}</figure>"

    def _drawn(self) -> str:
        wide, narrow = self.svg(), self.svg(narrow=True)
        width = int(wide.partition(' width="')[2].partition('"')[0])
        css = FIGURE_CSS
        if width <= PHONE:
            drawn = wide
        else:
            kinds = ((wide, f"tx-wide tx-{width}"), (narrow, f"tx-narrow tx-{width}"))
            drawn = "".join(s.replace("<svg ", f'<svg class="{c}" ', 1) for s, c in kinds)
            css += narrow_css(width)
        return f'<figure class="tx-figure tx-schematic"><style>{css}</style>{drawn}'

    def _repr_html_(self) -> str:
        lines = "".join(f"<li>{html.escape(line)}</li>" for line in self.words())
        return (
            f'{self._drawn()}<details class="tx-in-words"><summary>The drawing in words</summary>'
            f"<ul>{lines}</ul></details></figure>"
        )

    def __repr__(self) -> str:
        return " ".join(self.alt.split())


def _tips(name: str, colors: set[str]) -> ElementTree.Element:
    """Return the heads of the arrows, one for each colour."""
    found = ElementTree.Element("defs")
    for color in COLORS:
        if color not in colors:
            continue
        size = {"markerWidth": "9", "markerHeight": "9", "markerUnits": "userSpaceOnUse"}
        given = {"id": f"{name}-{color}", "viewBox": "0 0 8 8", "refX": "7", "refY": "4"}
        marker = ElementTree.SubElement(found, "marker", given | size | {"orient": "auto"})
        fill = tint("ink", 75) if color == "ink" else ink(color)
        ElementTree.SubElement(marker, "path", {"d": "M0 0L8 4L0 8z", "style": f"fill: {fill}"})
    return found


def _parts(part: Any) -> Iterator[Any]:
    """Yield the parts that say what they do, from the outer to the inner ones."""
    if getattr(part, "says", ""):
        yield part
    inner = [getattr(part, name) for name in ("inner", "page") if hasattr(part, name)]
    for below in (*getattr(part, "parts", ()), *inner):
        yield from _parts(below)


def _plain(name: str) -> str:
    return name.replace("\n", " ")
