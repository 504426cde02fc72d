"""What stands in a drawing: boxes, sums and cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable
from xml.etree import ElementTree

from txlite.viz.schematic.canvas import (
    COLORS,
    LARGE,
    LINE,
    SMALL,
    Canvas,
    Pixels,
    Rect,
    ink,
    text_width,
    tint,
)

__all__ = ["PAD_X", "Box", "Grid", "Part", "Sum", "check_color", "grouped", "rounded"]

PAD_X, _PAD_Y, _ROUND = 9.0, 6.0, 6.0
_BOLD = 1.08  # bold letters beside others, in width
_LOOKS = ("block", "data", "plain")


@runtime_checkable
class Part(Protocol):
    """Whatever can stand in a drawing: it knows its size, and draws itself at a place."""

    def size(self, narrow: bool) -> tuple[Pixels, Pixels]:
        """Return width and height in CSS pixels, on a page or on a phone."""
        ...

    def draw(self, canvas: Canvas, x: Pixels, y: Pixels) -> None:
        """Draw it with its upper left corner at (x, y)."""
        ...


@dataclass(frozen=True)
class Box:
    """A block of the machine, or a tensor on its way.

    Parameters
    ----------
    words : str
        What it is called; several lines are parted by newlines.
    shape : str
        What stands below in small letters: a tensor's shape, a formula.
    name : str
        By which arrows find it; the words where it is empty.
    color : {"ink", "blue", "rust", "teal", "pink", "violet", "ochre"}
        Its colour. The book has blue for self-attention, rust for attention to the encoder, teal
        for feed-forward, pink for norms, ochre for embeddings, violet for the output.
    look : {"block", "data", "plain"}
        A block computes; data is a tensor, drawn as a pill; plain has no border.
    href : str
        Where a click leads.
    wide : float
        The smallest width in CSS pixels.
    says : str
        What it does, for the drawing in words.

    Raises
    ------
    ValueError
        For a colour or a look that is none.
    """

    words: str
    shape: str = ""
    name: str = ""
    color: str = "ink"
    look: str = "block"
    href: str = ""
    wide: Pixels = 0.0
    says: str = ""

    def __post_init__(self) -> None:
        check_color(self.color)
        if self.look not in _LOOKS:
            raise ValueError(f"look should be one of {', '.join(_LOOKS)}, got {self.look!r}")

    @property
    def called(self) -> str:
        """By which arrows find it."""
        return self.name or self.words.replace("\n", " ")

    def _lines(self) -> list[tuple[str, Pixels]]:
        lines = [(line, LARGE) for line in self.words.split("\n") if line]
        return lines + [(line, SMALL) for line in self.shape.split("\n") if line]

    def size(self, narrow: bool) -> tuple[Pixels, Pixels]:
        """Return what its lines and its padding take."""
        lines = self._lines()
        pad_x, pad_y = (2.0, 2.0) if self.look == "plain" else (PAD_X, _PAD_Y)
        bold = _BOLD if self.look == "block" else 1.0
        sizes = [text_width(line, size) * (bold if size == LARGE else 1.0) for line, size in lines]
        width = max(sizes) + 2 * pad_x
        height = sum(LINE * size for _, size in lines) + 2 * pad_y
        return max(width, self.wide), height

    def draw(self, canvas: Canvas, x: Pixels, y: Pixels) -> None:
        """Draw the box and write its lines, one below the other."""
        width, height = self.size(canvas.narrow)
        rect = Rect(x, y, width, height)
        canvas.name(self.called, rect)
        begin = len(canvas.front)
        lit = self.called in canvas.lit
        if self.look != "plain":
            canvas.solid.append(rect)
            style = f"fill: {tint(self.color, 34 if lit else 11)}; stroke: {ink(self.color)}"
            style += f"; stroke-width: {2.4 if lit else 1.2}px"
            if self.look == "data":
                style += f"; fill: {tint(self.color, 34) if lit else 'var(--tx-paper, Canvas)'}"
            pill = self.look == "data" and height < 40
            canvas.shape("rect", rounded(rect, height / 2 if pill else _ROUND), style)
        lines = self._lines()
        top = y + (height - sum(LINE * size for _, size in lines)) / 2
        for line, size in lines:
            weight = "600" if size == LARGE and self.look == "block" else ""
            canvas.text(line, rect.cx, top + LINE * size / 2, size=size, weight=weight)
            top += LINE * size
        grouped(canvas, begin, self.called, self.href, self.color)


@dataclass(frozen=True)
class Sum:
    """A small circle with the sign of an operation: where two ways meet.

    Parameters
    ----------
    name : str
        By which arrows find it.
    sign : str
        What stands in it.
    color : str
        Its colour.
    says : str
        What it does, for the drawing in words.
    """

    name: str
    sign: str = "+"
    color: str = "ink"
    says: str = ""

    def __post_init__(self) -> None:
        check_color(self.color)

    def size(self, narrow: bool) -> tuple[Pixels, Pixels]:
        """Return the circle's diameter, twice."""
        return 22.0, 22.0

    def draw(self, canvas: Canvas, x: Pixels, y: Pixels) -> None:
        """Draw the circle and its sign."""
        rect = Rect(x, y, 22.0, 22.0)
        canvas.name(self.name, rect)
        canvas.solid.append(rect)
        lit = self.name in canvas.lit
        paper = tint(self.color, 34) if lit else "var(--tx-paper, Canvas)"
        style = f"fill: {paper}; stroke: {ink(self.color)}; stroke-width: {2.4 if lit else 1.2}px"
        begin = len(canvas.front)
        canvas.shape("circle", {"cx": rect.cx, "cy": rect.cy, "r": 11.0}, style)
        canvas.text(self.sign, rect.cx, rect.cy, size=15.0)
        grouped(canvas, begin, self.name, "", self.color)


@dataclass(frozen=True)
class Grid:
    """A matrix as cells, from white to full colour; words may stand at its rows and columns.

    Parameters
    ----------
    cells : sequence of sequence of float
        From 0 (empty) to 1 (full).
    name : str
        By which arrows find it.
    rows, columns : sequence of str
        What stands at its rows, on the left, and at its columns, above.
    color : str
        The colour of a full cell.
    cell : float
        CSS pixels that a cell is wide and high.
    title : str
        What stands below.
    crossed : bool
        Whether an empty cell is crossed out, as in a mask.
    says : str
        What it is, for the drawing in words.

    Raises
    ------
    ValueError
        If rows are of different lengths, words and cells do not fit, or for a colour that is none.
    """

    cells: Sequence[Sequence[float | int]]
    name: str
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    color: str = "blue"
    cell: Pixels = 18.0
    title: str = ""
    crossed: bool = False
    says: str = ""

    def __post_init__(self) -> None:
        check_color(self.color)
        widths = {len(row) for row in self.cells}
        if len(widths) != 1:
            raise ValueError(f"cells should be rows of one length, got lengths {sorted(widths)}")
        for name, words, wanted in (
            ("rows", self.rows, len(self.cells)),
            ("columns", self.columns, widths.pop()),
        ):
            if words and len(words) != wanted:
                raise ValueError(f"{name} should name {wanted}, got {len(words)}")

    def _margins(self) -> tuple[Pixels, Pixels, Pixels]:
        left = max((text_width(word, SMALL) for word in self.rows), default=0.0)
        left += 6.0 if self.rows else 0.0
        return left, 18.0 * bool(self.columns), 18.0 * bool(self.title)

    def size(self, narrow: bool) -> tuple[Pixels, Pixels]:
        """Return what cells and words take."""
        left, top, below = self._margins()
        width = max(left + len(self.cells[0]) * self.cell, text_width(self.title, SMALL))
        return width, top + len(self.cells) * self.cell + below

    def draw(self, canvas: Canvas, x: Pixels, y: Pixels) -> None:
        """Draw the cells, and write the words beside them."""
        left, top, _ = self._margins()
        c, across, down = self.cell, len(self.cells[0]), len(self.cells)
        rect = Rect(x + left, y + top, across * c, down * c)
        _, height = self.size(canvas.narrow)
        canvas.name(self.name, Rect(rect.x, y, rect.width, height))
        canvas.solid.append(rect)
        begin = len(canvas.front)
        for i, row in enumerate(self.cells):
            for j, value in enumerate(row):
                self._cell(canvas, Rect(rect.x + j * c, rect.y + i * c, c, c), value)
        for i, word in enumerate(self.rows):
            canvas.text(word, rect.x - 6, rect.y + (i + 0.5) * c, size=SMALL, anchor="end")
        for j, word in enumerate(self.columns):
            canvas.text(word, rect.x + (j + 0.5) * c, rect.y - 9, size=SMALL)
        if self.title:
            canvas.text(self.title, rect.cx, rect.bottom + 11, size=SMALL)
        grouped(canvas, begin, self.name, "", self.color)

    def _cell(self, canvas: Canvas, place: Rect, value: float | int) -> None:
        line = f"stroke: {tint('ink', 45)}; stroke-width: 0.8px"
        fill = tint(self.color, round(85 * value)) if value else "var(--tx-paper, Canvas)"
        canvas.shape("rect", rounded(place, 0.0), f"fill: {fill}; {line}")
        if self.crossed and not value:
            x, y, step = place.x + 0.3 * self.cell, place.y + 0.3 * self.cell, 0.4 * self.cell
            path = f"M{x:.1f} {y:.1f}l{step:.1f} {step:.1f}m0 {-step:.1f}l{-step:.1f} {step:.1f}"
            canvas.shape("path", {"d": path}, f"fill: none; {line}")


def rounded(rect: Rect, corner: Pixels) -> dict[str, Pixels | str]:
    """Return what SVG calls the sides of a rectangle with round corners."""
    return {"x": rect.x, "y": rect.y, "width": rect.width, "height": rect.height, "rx": corner}


def check_color(color: str) -> None:
    """Raise a ValueError for a colour that the book does not have."""
    if color not in COLORS:
        raise ValueError(f"color should be one of {', '.join(COLORS)}, got {color!r}")


def grouped(
    canvas: Canvas, begin: int, name: str, href: str, color: str, chapters: Sequence[str] = ()
) -> None:
    """Gather what was drawn since ``begin`` into one group that scripts find, or into a link."""
    drawn = canvas.front[begin:]
    own = {} if color == "ink" else {"style": f"--own: {ink(color)}"}
    own |= {"data-chapters": " ".join(chapters)} if chapters else {}
    group = ElementTree.Element("a" if href else "g", {"data-part": name} | own)
    if href:
        group.set("href", href)
    group.extend(drawn)
    canvas.front[begin:] = [group]
