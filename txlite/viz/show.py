"""The one way a chapter displays a figure: inline SVG that reads in every theme and font.

Text stays text, so 我爱中国 is drawn by the reader's own fonts and can be searched and copied;
black is the page's own text colour, so one picture serves light and dark; and the alternative
text is not optional.
"""

import html
import io
from dataclasses import dataclass

import matplotlib
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.text import Text

from txlite.viz.fonts import SQUARES
from txlite.viz.narrow import PHONE, SMALLEST, Changes, fit_width, narrowed
from txlite.viz.output import emit
from txlite.viz.style import style
from txlite.viz.svg import adapt_svg
from txlite.viz.theme import FIGURE_CSS, narrow_css

__all__ = ["Picture", "picture", "show"]

_COLUMN = 672  # CSS pixels: a chapter's column; a wider picture would be shrunk, letters and all


@dataclass(frozen=True)
class Picture:
    """A figure ready for the page, and the words that stand for it.

    Jupyter, Colab and the book show the SVG; a terminal and a comparison of outputs see the words.

    Parameters
    ----------
    markup : str
        The figure as HTML.
    alt : str
        What it shows.
    """

    markup: str
    alt: str

    def _repr_html_(self) -> str:
        return self.markup

    def __repr__(self) -> str:
        return self.alt


def show(fig: Figure, *, alt: str, label: str | None = None) -> None:
    """Display a matplotlib figure as inline SVG, and close it.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        The finished figure.
    alt : str
        What the figure shows, in a sentence or two, for a reader who cannot see it: the finding
        first, then what is drawn. Not a file name, not "a plot".
    label : str, optional
        The figure's id on the page, so that ``#label`` leads to it.

    Raises
    ------
    ValueError
        If ``alt`` is empty.

    Notes
    -----
    Formulas in a figure are plain characters, ``"√d_k"`` or ``"softmax(QKᵀ)"``, and ``d_k`` and
    ``W^O`` are set as mathematics: matplotlib's own asks for fonts that a reader may not have.

    The page gets the figure twice: as it is, and stacked for a phone (:mod:`txlite.viz.narrow`).
    """
    emit(picture(fig, alt=alt, label=label))
    plt.close(fig)


def picture(fig: Figure, *, alt: str, label: str | None = None) -> Picture:
    """Turn a matplotlib figure into the picture that :func:`show` displays; the figure stays open.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        The finished figure.
    alt : str
        What the figure shows, for a reader who cannot see it.
    label : str, optional
        The figure's id on the page.

    Returns
    -------
    Picture
        The same figure gives the same markup every time.

    Raises
    ------
    ValueError
        If ``alt`` is empty.
    """
    if not alt.strip():
        raise ValueError(f"alt should say what the figure shows, got {alt!r}")
    words = " ".join(alt.split())
    attributes = ['class="tx-figure"', 'role="img"', f'aria-label="{html.escape(words)}"']
    if label:
        attributes.append(f'id="{html.escape(label)}"')
    drawn, css = _drawings(fig)
    return Picture(
        f"<figure {' '.join(attributes)}><style>{FIGURE_CSS}{css}</style>{drawn}</figure>", words
    )


def _drawings(fig: Figure) -> tuple[str, str]:
    """Return the figure as SVG, for a page and for a phone, and the rules that choose between them.

    The phone's stands where the column is too narrow for the page's, whatever is around it.
    """
    changes = Changes()
    _make_legible(fig)
    try:
        fit_width(fig, _COLUMN, changes)
        wide = adapt_svg(_svg(fig))
    finally:
        changes.take_back()
    width = int(wide.partition(' width="')[2].partition('"')[0])
    if width <= PHONE:
        return wide, ""
    with narrowed(fig):
        narrow = adapt_svg(_svg(fig))
    kinds = f"tx-wide tx-{width}", f"tx-narrow tx-{width}"
    both = [
        svg.replace("<svg ", f'<svg class="{kind}" ', 1)
        for svg, kind in zip((wide, narrow), kinds, strict=True)
    ]
    return "".join(both), narrow_css(width)


def _make_legible(fig: Figure) -> None:
    for text in fig.findobj(Text):
        families = text.get_fontfamily()
        if SQUARES not in families:
            text.set_fontfamily([*families, SQUARES])
        text.set_fontsize(max(text.get_fontsize(), SMALLEST))


def _svg(fig: Figure) -> str:
    buffer = io.StringIO()
    with style(), matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "txlite"}):
        fig.savefig(
            buffer,
            format="svg",
            transparent=True,
            bbox_inches="tight",
            pad_inches=0.05,
        )
    return buffer.getvalue()
