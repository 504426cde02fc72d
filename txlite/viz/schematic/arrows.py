"""Arrows from part to part: straight where the parts face each other, else around a corner."""

import itertools
from dataclasses import dataclass, replace

from txlite.viz.schematic.canvas import COLORS, SMALL, Canvas, Pixels, Rect, ink, tint

__all__ = ["Arrow", "chain"]

Point = tuple[Pixels, Pixels]

_SIDES = ("", "left", "right", "above", "below")
_LOOKS = {
    "flow": "stroke-width: 1.4px",
    "residual": "stroke-width: 3.2px",
    "gate": "stroke-width: 1.4px; stroke-dasharray: 4 3",
}
_TURN = 6.0  # the radius of a corner
_PORT = 14.0  # CSS pixels from a part's corner to where an arrow may arrive
_FACING = 8.0  # CSS pixels that two parts must share to be joined by a straight line


@dataclass(frozen=True)
class Arrow:
    """An arrow from one named part to another.

    Parameters
    ----------
    start, end : str
        Names of the parts.
    words : str
        What stands at its middle.
    look : {"flow", "residual", "gate"}
        The residual path is thick, a gate is dashed.
    color : str
        Its colour.
    side : {"", "left", "right", "above", "below"}
        On which side it goes around what lies between; straight ahead where it is empty.
    phone : {"", "left", "right", "above", "below"}
        The same on a phone; ``side`` where it is empty.
    far : float
        CSS pixels that it goes out to that side, from the outermost part that it passes.
    bend : {"", "first", "last", "none"}
        Around a corner: whether it turns at the start's level or leaves straight and turns at the
        end's; halfway where it is empty; a slanting line where there is none.
    shift : float
        CSS pixels by which a straight arrow, or its ends, move to the right or down.
    tip : bool
        Whether it has a head.
    says : str
        What happens on it, for the drawing in words.

    Raises
    ------
    ValueError
        For a look, colour, side or bend that is none.
    """

    start: str
    end: str
    words: str = ""
    look: str = "flow"
    color: str = "ink"
    side: str = ""
    phone: str = ""
    far: Pixels = 14.0
    bend: str = ""
    shift: Pixels = 0.0
    tip: bool = True
    says: str = ""

    def __post_init__(self) -> None:
        for name, value, known in (
            ("look", self.look, tuple(_LOOKS)),
            ("color", self.color, COLORS),
            ("side", self.side, _SIDES),
            ("phone", self.phone, _SIDES),
            ("bend", self.bend, ("", "first", "last", "none")),
        ):
            if value not in known:
                raise ValueError(f"{name} should be one of {', '.join(known)}, got {value!r}")

    def route(self, canvas: Canvas) -> list[Point]:
        """Return the corners of the way from edge to edge.

        Parameters
        ----------
        canvas : Canvas
            Where the parts stand.

        Returns
        -------
        list of (float, float)
            Two points or more.

        Raises
        ------
        ValueError
            If there is no part of that name.
        """
        for name, value in (("start", self.start), ("end", self.end)):
            if value not in canvas.places:
                raise ValueError(f"{name} should name a part of the drawing, got {value!r}")
        a, b = canvas.places[self.start], canvas.places[self.end]
        side = (canvas.narrow and self.phone) or self.side
        if side in ("left", "right"):
            return self._beside(a, b, side, canvas.solid)
        if side:
            turned = [_turned(rect) for rect in canvas.solid]
            other = {"above": "left", "below": "right"}[side]
            return [(y, x) for x, y in self._beside(_turned(a), _turned(b), other, turned)]
        if self.bend == "none":
            return [(a.cx, _edge_y(a, b)), (b.cx, _edge_y(b, a))]
        across, down = _overlap(a.x, a.right, b.x, b.right), _overlap(a.y, a.bottom, b.y, b.bottom)
        if across > _FACING and down <= 0:
            return self._straight(a, b)
        if down > _FACING and across <= 0:
            return [(x, y) for y, x in self._straight(_turned(a), _turned(b))]
        upright = (canvas.narrow and down <= -_FACING) or across > down
        if self.bend == "first" or (not self.bend and upright):
            return self._corner(a, b)
        return [(x, y) for y, x in self._corner(_turned(a), _turned(b))]

    def _beside(self, a: Rect, b: Rect, side: str, solid: list[Rect]) -> list[Point]:
        """Go out to the left or right, along, and in again."""
        start, end = a.cy + self.shift, b.cy
        upper, lower = min(start, end), max(start, end)
        passed = [r for r in solid if _overlap(upper, lower, r.y, r.bottom) > 0]
        if side == "left":
            x, ends = min(r.x for r in (a, b, *passed)) - self.far, (a.x, b.x)
        else:
            x, ends = max(r.right for r in (a, b, *passed)) + self.far, (a.right, b.right)
        return [(ends[0], start), (x, start), (x, end), (ends[1], end)]

    def _straight(self, a: Rect, b: Rect) -> list[Point]:
        """Go straight up or down."""
        x = _meeting((a.x, a.right), (b.x, b.right)) + self.shift
        return [(x, _edge_y(a, b)), (x, _edge_y(b, a))]

    def _corner(self, a: Rect, b: Rect) -> list[Point]:
        """Arrive from above or below: around one corner, or halfway around two."""
        edge = min(_PORT, b.width / 2)
        x = min(max(a.cx, b.x + edge), b.right - edge) + self.shift
        if self.bend:
            return [(_edge_x(a, b), a.cy), (x, a.cy), (x, _edge_y(b, a))]
        y0, y1 = _edge_y(a, b), _edge_y(b, a)
        middle = (y0 + y1) / 2
        return [(a.cx, y0), (a.cx, middle), (x, middle), (x, y1)]

    def draw(self, canvas: Canvas, tip: str) -> list[Point]:
        """Draw the arrow and its words; return its way.

        Parameters
        ----------
        canvas : Canvas
            Where the parts stand already.
        tip : str
            The id of the arrow's head.

        Returns
        -------
        list of (float, float)
            Its corners.
        """
        way = self.route(canvas)
        lit = f"{self.start}→{self.end}" in canvas.lit
        color = ink(self.color) if self.color != "ink" or lit else tint("ink", 75)
        style = f"fill: none; stroke: {color}; {_LOOKS[self.look]}"
        given = {"d": _path(way), "class": "tx-arrow"}
        if self.tip:
            given["marker-end"] = f"url(#{tip}-{self.color})"
        canvas.shape("path", given, style, behind=True)
        if self.words:
            x, y, vertical = _middle(way)
            if vertical:
                canvas.text(self.words, x + 7, y, size=SMALL, anchor="start", halo=True)
            else:
                canvas.text(self.words, x, y - 9, size=SMALL, halo=True)
        return way


def chain(*names: str, like: Arrow | None = None) -> list[Arrow]:
    """Return the arrows that lead through parts one after another.

    Parameters
    ----------
    *names : str
        The parts in their order.
    like : Arrow, optional
        An arrow whose looks they share.

    Returns
    -------
    list of Arrow
        One fewer than there are names.
    """
    pattern = like or Arrow("", "")
    return [replace(pattern, start=a, end=b) for a, b in itertools.pairwise(names)]


def _turned(rect: Rect) -> Rect:
    """Return the rectangle with x and y exchanged."""
    return Rect(rect.y, rect.x, rect.height, rect.width)


def _overlap(a: Pixels, a_end: Pixels, b: Pixels, b_end: Pixels) -> Pixels:
    return min(a_end, b_end) - max(a, b)


def _meeting(a: tuple[Pixels, Pixels], b: tuple[Pixels, Pixels]) -> Pixels:
    """Return where a line meets both: at the shorter one's middle, if the other reaches there."""
    shorter, other = sorted((a, b), key=lambda ends: ends[1] - ends[0])
    middle = sum(shorter) / 2
    alike = shorter[1] - shorter[0] == other[1] - other[0]
    if other[0] <= middle <= other[1] and not alike:
        return middle
    return (max(a[0], b[0]) + min(a[1], b[1])) / 2


def _edge_y(a: Rect, b: Rect) -> Pixels:
    return a.bottom if a.cy < b.cy else a.y


def _edge_x(a: Rect, b: Rect) -> Pixels:
    return a.right if a.cx < b.cx else a.x


def _middle(way: list[Point]) -> tuple[Pixels, Pixels, bool]:
    """Return the middle of the longest straight piece, and whether that is vertical."""
    pieces = list(itertools.pairwise(way))
    (x0, y0), (x1, y1) = max(pieces, key=lambda p: abs(p[0][0] - p[1][0]) + abs(p[0][1] - p[1][1]))
    return (x0 + x1) / 2, (y0 + y1) / 2, abs(x1 - x0) < abs(y1 - y0)


def _path(way: list[Point]) -> str:
    """Return the way as a path of SVG with round corners."""
    words = [f"M{way[0][0]:.1f} {way[0][1]:.1f}"]
    for before, here, after in zip(way, way[1:], way[2:], strict=False):
        into, out = _towards(here, before), _towards(here, after)
        words.append(f"L{into[0]:.1f} {into[1]:.1f}Q{here[0]:.1f} {here[1]:.1f} ")
        words.append(f"{out[0]:.1f} {out[1]:.1f}")
    words.append(f"L{way[-1][0]:.1f} {way[-1][1]:.1f}")
    return "".join(words)


def _towards(here: Point, there: Point) -> Point:
    dx, dy = there[0] - here[0], there[1] - here[1]
    length = abs(dx) + abs(dy)
    if not length:
        return here
    step = min(_TURN, length / 2) / length
    return here[0] + step * dx, here[1] + step * dy
