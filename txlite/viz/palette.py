"""The book's colours: few, calm, and legible on white and on dark paper alike.

Every colour here keeps a contrast of at least 3:1 against both white and the dark page, and every
pair of series colours stays apart under the three common kinds of colour blindness; a test
computes both. Nothing here knows matplotlib: colours are hexadecimal strings.

Sources
    WCAG 2.2, "relative luminance" and "contrast ratio".
    Ottosson (2020), "A perceptual color space for image processing" (OKLab).
"""

__all__ = [
    "ACCENT",
    "DARK_PAPER",
    "FAINT",
    "INK",
    "LIGHT_PAPER",
    "MUTED",
    "OPPOSITE",
    "PALETTE",
    "PALETTE_ON_DARK",
    "PAPER",
    "STRONG",
    "contrast",
    "luminance",
]

PALETTE = {
    "blue": "#2685f9",
    "rust": "#b64511",
    "teal": "#147d68",
    "pink": "#cf6db5",
    "violet": "#7d52b5",
    "ochre": "#a2903a",
}

# What the same six names mean where the page is known to be dark: brighter, so that lines glow.
PALETTE_ON_DARK = {
    "blue": "#4e96fb",
    "rust": "#e46109",
    "teal": "#5dd4a3",
    "pink": "#ca74a9",
    "violet": "#beb3f6",
    "ochre": "#fbb42c",
}

# The end of the sequential map. Its luminance, 0.18, is where black and white letters read
# equally well (4.5:1 each), so that numbers may stand on a full cell in either theme.
ACCENT = "#2f72dc"
OPPOSITE = "#c5511b"  # the other end of the diverging map, of the same luminance

# Greys are shares of the reader's own text colour; the page decides what they become.
INK = "#000000"
STRONG = "#010101"  # the most legible ink: pure black on light pages, pure white on dark ones
MUTED = "#404040"
FAINT = "#dedede"
PAPER = "#ffffff"

LIGHT_PAPER = "#ffffff"
DARK_PAPER = "#14181e"


def luminance(color: str) -> float:
    """Relative luminance of a colour, from 0 (black) to 1 (white).

    Parameters
    ----------
    color : str
        ``"#rrggbb"``.

    Returns
    -------
    float
        As WCAG 2.2 defines it.

    Raises
    ------
    ValueError
        If ``color`` is not of that form.
    """
    if len(color) != 7 or color[0] != "#":
        raise ValueError(f"color should look like '#rrggbb', got {color!r}")
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, from 1 (alike) to 21 (black on white).

    Parameters
    ----------
    one, other : str
        ``"#rrggbb"``.

    Returns
    -------
    float
        As WCAG 2.2 defines it. Text wants 4.5, lines and shapes want 3.

    Examples
    --------
    >>> contrast("#000000", "#ffffff")
    21.0
    """
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)
