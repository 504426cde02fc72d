"""How parts stand together: in rows, columns and frames; one on a page, another on a phone."""

from collections.abc import Sequence
from dataclasses import dataclass

from txlite.viz.schematic.canvas import LARGE, Canvas, Pixels, Rect, ink, text_width, tint
from txlite.viz.schematic.parts import PAD_X, Box, Part, check_color, grouped, rounded

__all__ = ["Column", "Either", "Frame", "Row", "Space", "Tokens"]


@dataclass(frozen=True)
class Space:
    """Room that stays empty.

    Parameters
    ----------
    width, height : float
        CSS pixels.
    """

    width: Pixels = 0.0
    height: Pixels = 0.0

    def size(self, narrow: bool) -> tuple[Pixels, Pixels]:
        """Return what it was given."""
        return self.width, self.height

    def draw(self, canvas: Canvas, x: Pixels, y: Pixels) -> None:
        """Draw nothing."""


class _Line:
    """Parts in a row or a column."""

    def __init__(self, *parts: Part, gap: Pixels = 26.0, align: str = "middle") -> None:
        if align not in ("start", "middle", "end"):
            raise ValueError(f"align should be start, middle or end, got {align!r}")
        self.parts, self.gap, self.align = parts, gap, align

    def _shift(self, room: Pixels, own: Pixels) -> Pixels:
        return {"start": 0.0, "middle": (room - own) / 2, "end": room - own}[self.align]


class Row(_Line):
    """Parts side by side, from left to right.

    Parameters
    ----------
    *parts : Part
        What stands in it.
    gap : float
        CSS pixels between two parts.
    align : {"middle", "start", "end"}
        How parts of different heights stand: by their middles, tops or bottoms.
    folds : bool
        Whether a phone gets them as a column, from top to bottom.

    Raises
    ------
    ValueError
        For an alignment that is none.
    """

    def __init__(
        self, *parts: Part, gap: Pixels = 26.0, align: str = "middle", folds: bool = False
    ) -> None:
        super().__init__(*parts, gap=gap, align=align)
        self.folded = Column(*parts, gap=gap) if folds else None

    def size(self, narrow: bool) -> tuple[Pixels, Pixels]:
        """Return the sum of widths and the greatest height."""
        if narrow and self.folded:
            return self.folded.size(narrow)
        sizes = [part.size(narrow) for part in self.parts]
        width = sum(width for width, _ in sizes) + self.gap * (len(sizes) - 1)
        return width, max((height for _, height in sizes), default=0.0)

    def draw(self, canvas: Canvas, x: Pixels, y: Pixels) -> None:
        """Draw the parts from left to right."""
        if canvas.narrow and self.folded:
            self.folded.draw(canvas, x, y)
            return
        _, room = self.size(canvas.narrow)
        for part in self.parts:
            width, height = part.size(canvas.narrow)
            part.draw(canvas, x, y + self._shift(room, height))
            x += width + self.gap


class Column(_Line):
    """Parts below each other, from top to bottom.

    Parameters
    ----------
    *parts : Part
        What stands in it.
    gap : float
        CSS pixels between two parts.
    align : {"middle", "start", "end"}
        How parts of different widths stand: by their middles, left or right edges.
    up : bool
        Whether the first part stands at the bottom, as the layers of a stack do.

    Raises
    ------
    ValueError
        For an alignment that is none.
    """

    def __init__(
        self, *parts: Part, gap: Pixels = 26.0, align: str = "middle", up: bool = False
    ) -> None:
        super().__init__(*(parts[::-1] if up else parts), gap=gap, align=align)

    def size(self, narrow: bool) -> tuple[Pixels, Pixels]:
        """Return the greatest width and the sum of heights."""
        sizes = [part.size(narrow) for part in self.parts]
        height = sum(height for _, height in sizes) + self.gap * (len(sizes) - 1)
        return max((width for width, _ in sizes), default=0.0), height

    def draw(self, canvas: Canvas, x: Pixels, y: Pixels) -> None:
        """Draw the parts from top to bottom."""
        room, _ = self.size(canvas.narrow)
        for part in self.parts:
            width, height = part.size(canvas.narrow)
            part.draw(canvas, x + self._shift(room, width), y)
            y += height + self.gap


@dataclass(frozen=True)
class Tokens:
    """Tokens side by side, each in a small pill that arrows find as ``name[i]``.

    Parameters
    ----------
    tokens : sequence of str
        What they are.
    name : str
        By which arrows find all of them together.
    color : str
        Their colour.
    apart : float
        CSS pixels between two of them.
    even : bool
        Whether all are as wide as the widest.
    down : bool
        Whether they stand below each other.
    says : str
        What they are, for the drawing in words.

    Raises
    ------
    ValueError
        If there is none, or for a colour that is none.
    """

    tokens: Sequence[str]
    name: str
    color: str = "ink"
    apart: Pixels = 5.0
    even: bool = False
    down: bool = False
    says: str = ""

    def __post_init__(self) -> None:
        check_color(self.color)
        if not self.tokens:
            raise ValueError("tokens should hold at least one token, got none")

    def _line(self) -> "Row | Column":
        widths = [text_width(token, LARGE) + 2 * PAD_X for token in self.tokens]
        wide = max(widths) if self.even else 0.0
        boxes = [
            Box(token, name=f"{self.name}[{i}]", color=self.color, look="data", wide=wide)
            for i, token in enumerate(self.tokens)
        ]
        return Column(*boxes, gap=self.apart) if self.down else Row(*boxes, gap=self.apart)

    def size(self, narrow: bool) -> tuple[Pixels, Pixels]:
        """Return what they take together."""
        return self._line().size(narrow)

    def draw(self, canvas: Canvas, x: Pixels, y: Pixels) -> None:
        """Draw them side by side, or below each other."""
        width, height = self.size(canvas.narrow)
        canvas.name(self.name, Rect(x, y, width, height))
        self._line().draw(canvas, x, y)


@dataclass(frozen=True)
class Frame:
    """A frame around a part, with a title: a layer, a stack, a head.

    Parameters
    ----------
    inner : Part
        What stands in it.
    title : str
        What is written at its upper left.
    name : str
        By which arrows find it; the title where it is empty.
    color : str
        Its colour.
    pad : float
        CSS pixels between the frame and what it holds.
    note : str
        What is written at its upper right, such as ``"× 6"``.
    href : str
        Where a click on the title leads.
    says : str
        What it does, for the drawing in words.
    chapters : sequence of str
        The chapters that explain it, which a page marks when they have been read.

    Raises
    ------
    ValueError
        For a colour that is none.
    """

    inner: Part
    title: str = ""
    name: str = ""
    color: str = "ink"
    pad: Pixels = 14.0
    note: str = ""
    href: str = ""
    says: str = ""
    chapters: Sequence[str] = ()

    def __post_init__(self) -> None:
        check_color(self.color)

    @property
    def called(self) -> str:
        """By which arrows find it."""
        return self.name or self.title

    def size(self, narrow: bool) -> tuple[Pixels, Pixels]:
        """Return what it holds, its padding and its title take."""
        width, height = self.inner.size(narrow)
        head = text_width(self.title, LARGE) + text_width(self.note, LARGE) + 24
        return max(width + 2 * self.pad, head), height + 2 * self.pad + self._head()

    def _head(self) -> Pixels:
        return 16.0 if self.title or self.note else 0.0

    def draw(self, canvas: Canvas, x: Pixels, y: Pixels) -> None:
        """Draw the frame behind everything, then what it holds."""
        width, height = self.size(canvas.narrow)
        rect = Rect(x, y, width, height)
        canvas.name(self.called, rect)
        lit = self.called in canvas.lit
        style = f"fill: {tint(self.color, 12 if lit else 4)}; stroke: {tint(self.color, 60)}"
        style += f"; stroke-width: {2.4 if lit else 1.2}px"
        style += f"; --own: {ink(self.color)}"
        given = rounded(rect, 10.0) | {"data-frame": self.called}
        canvas.shape("rect", given, style, behind=True)
        begin = len(canvas.front)
        if self.title:
            canvas.text(self.title, x + 10, y + 15, anchor="start", weight="600")
        if self.note:
            canvas.text(self.note, rect.right - 10, y + 15, anchor="end", weight="600")
        grouped(canvas, begin, self.called, self.href, self.color, self.chapters)
        inner, _ = self.inner.size(canvas.narrow)
        self.inner.draw(canvas, x + (width - inner) / 2, y + self.pad + self._head())


@dataclass(frozen=True)
class Either:
    """One part on a page and another on a phone.

    Parameters
    ----------
    page, phone : Part
        What is drawn where.
    """

    page: Part
    phone: Part

    def size(self, narrow: bool) -> tuple[Pixels, Pixels]:
        """Return what the one that is drawn takes."""
        return (self.phone if narrow else self.page).size(narrow)

    def draw(self, canvas: Canvas, x: Pixels, y: Pixels) -> None:
        """Draw the one that belongs here."""
        (self.phone if canvas.narrow else self.page).draw(canvas, x, y)
