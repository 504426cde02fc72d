"""The matrices of a layer as areas: how many numbers each has, seen at once."""

from dataclasses import dataclass

from txlite._checks import check_divides
from txlite._numbers import check_positive
from txlite.viz.schematic import Box, Column, Frame, Row, Schematic
from txlite.viz.schematic.canvas import Canvas, Pixels, Rect, tint

__all__ = ["block_areas"]

_ACROSS, _GAP = 264.0, 8.0  # CSS pixels of the widest row of matrices, and between two of them


@dataclass(frozen=True)
class _Area:
    """A matrix as a rectangle, true to scale: so many CSS pixels wide and high."""

    wide: Pixels
    high: Pixels
    name: str
    color: str
    says: str

    def size(self, narrow: bool) -> tuple[Pixels, Pixels]:
        """Return width and height."""
        return self.wide, self.high

    def draw(self, canvas: Canvas, x: Pixels, y: Pixels) -> None:
        """Draw the rectangle; nothing stands in it."""
        rect = Rect(x, y, self.wide, self.high)
        canvas.name(self.name, rect)
        canvas.solid.append(rect)
        given = {"x": x, "y": y, "width": self.wide, "height": self.high}
        share = 90 if self.name in canvas.lit else 55
        canvas.shape("rect", given, f"fill: {tint(self.color, share)}")  # no line: it would add


def block_areas(
    d_model: int = 768, d_ff: int = 3072, num_heads: int = 12, num_kv_heads: int | None = None
) -> Schematic:
    """Draw the matrices of a layer as areas, true to scale: a number is as large in all of them.

    Parameters
    ----------
    d_model : int
        Width of the model.
    d_ff : int
        Width of the hidden layer.
    num_heads : int
        How many heads of queries there are; they share the matrices, and change no area.
    num_kv_heads : int, optional
        How many heads of keys and of values; as many as of queries where there is none.

    Returns
    -------
    Schematic
        For the page and for a phone.

    Raises
    ------
    ValueError
        If a size is no positive whole number, or the heads do not divide.
    """
    kv_heads = num_heads if num_kv_heads is None else num_kv_heads
    sizes = {"d_model": d_model, "d_ff": d_ff, "num_heads": num_heads, "num_kv_heads": kv_heads}
    for name, size in sizes.items():
        check_positive(name, size)
    check_divides("num_heads", num_heads, "d_model", d_model)
    check_divides("num_kv_heads", kv_heads, "num_heads", num_heads)
    keys = d_model // num_heads * kv_heads
    # The widest row: four matrices of the attention beside each other, or one of the hidden layer.
    scale = min((_ACROSS - 3 * _GAP) / (2 * d_model + 2 * keys), _ACROSS / d_ff)

    squares = 2 * d_model * (d_model + keys)
    hidden = 2 * d_model * d_ff
    biases = 2 * d_model + 2 * keys + d_ff + d_model
    rest = 4 * d_model + biases
    whole = squares + hidden + rest

    def told(count: int) -> str:
        return f"{count:,} ({100 * count / whole:.1f} %)"

    def area(name: str, columns: int, color: str, words: str, rows: float = d_model) -> Column:
        label = Box(words, name=f"{name} label", look="plain")
        says = told(round(columns * rows))
        return Column(_Area(columns * scale, rows * scale, name, color, says), label, gap=2)

    widths = {"Q": d_model, "K": keys, "V": keys, "O": d_model}
    projections = (area(f"W{n}", wide, "blue", f"W^{n}") for n, wide in widths.items())
    attention = Row(*projections, gap=_GAP, align="start")
    feed_forward = Column(
        area("W1", d_ff, "teal", "W_1"), area("W2", d_ff, "teal", "W_2, turned"), gap=_GAP
    )
    # As wide as the model, and as many rows as that makes: often less than a pixel.
    words = f"norms and biases: {told(rest)}"
    thin = area("rest", d_model, "pink", words, rest / d_model)
    body = Column(
        Frame(attention, "attention", color="blue", note=told(squares)),
        Frame(feed_forward, "feed-forward", color="teal", note=told(hidden)),
        thin,
        gap=10,
    )
    return Schematic(
        body,
        [],
        f"The {whole:,} numbers of a layer as areas, true to scale. The four matrices of the "
        f"attention have {squares:,} of them, the two of the feed-forward layer {hidden:,}, and "
        f"two norms with all biases {rest:,}, a line that is {rest / d_model * scale:.1f} pixels "
        "high. Heads share the matrices and change no area; fewer heads of keys make two of them "
        "narrower.",
    )
