"""Room for Chinese: a font of blank squares, so that matplotlib needs no Chinese font.

A figure leaves here as SVG whose text stays text and is drawn by the *reader's* fonts. Matplotlib
only has to know how much room the text takes, and every Chinese, Japanese or Korean character
takes one square. This module writes a font that says just that, a few hundred bytes long, and
registers it as the fallback behind matplotlib's own DejaVu Sans.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
from matplotlib import font_manager

from txlite._atomic import whole

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont

__all__ = ["CSS_FONTS", "SQUARES", "font_families"]

SQUARES = "txlite squares"

# First and last code point of the scripts that are written in squares, then of pictographs.
_RANGES = [
    (0x1100, 0x11FF),  # Hangul letters
    (0x2E80, 0xA4CF),  # radicals, punctuation, kana, extension A, unified ideographs, Yi
    (0xAC00, 0xD7AF),  # Hangul syllables
    (0xF900, 0xFAFF),  # compatibility ideographs
    (0xFE30, 0xFE4F),  # compatibility punctuation
    (0xFF00, 0xFFEF),  # full-width forms
    (0x1F300, 0x1FAFF),  # pictographs
    (0x20000, 0x3FFFF),  # extensions B and later
]

# In thousandths of the font's size.
_WIDTH, _ASCENT, _DESCENT = 1000, 880, 120

# The page's own font where it names one, then what the reader's system has.
CSS_FONTS = (
    "var(--pst-font-family-base, var(--jp-ui-font-family, system-ui)), "
    '-apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, Ubuntu, Cantarell, '
    '"DejaVu Sans", "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "PingFang SC", '
    '"Hiragino Sans GB", "Microsoft YaHei", "WenQuanYi Micro Hei", sans-serif'
)


def font_families() -> list[str]:
    """Name the fonts for matplotlib's ``font.family``: DejaVu Sans, then blank squares.

    Returns
    -------
    list of str
        Two families, both registered with matplotlib, whatever fonts the machine has.
    """
    _register()
    return ["DejaVu Sans", SQUARES]


@cache
def _register() -> None:
    font_manager.fontManager.addfont(_font_file())


def _font_file() -> Path:
    folder = Path(matplotlib.get_cachedir())
    key = hashlib.sha256(repr((_RANGES, _WIDTH, _ASCENT, _DESCENT)).encode()).hexdigest()[:8]
    path = folder / f"txlite-squares-{key}.ttf"
    if not path.exists():
        with whole(path) as draft:  # whoever else is writing it
            _write_font(draft)
    return path


def _write_font(path: Path) -> None:
    from fontTools.fontBuilder import FontBuilder  # slow to load, and needed only once
    from fontTools.ttLib.tables._g_l_y_f import Glyph

    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap({0x4E00: "square"})
    builder.setupGlyf({".notdef": Glyph(), "square": Glyph()})
    builder.setupHorizontalMetrics({".notdef": (600, 0), "square": (_WIDTH, 0)})
    builder.setupHorizontalHeader(ascent=_ASCENT, descent=-_DESCENT)
    builder.setupNameTable({"familyName": SQUARES, "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=_ASCENT, usWinAscent=_ASCENT, usWinDescent=_DESCENT)
    builder.setupPost()
    _map_ranges(builder.font)
    builder.save(path)


def _map_ranges(font: "TTFont") -> None:
    from fontTools.ttLib.tables._c_m_a_p import CmapSubtable

    table = CmapSubtable.newSubtable(13)  # format 13: whole ranges share one glyph
    table.platformID, table.platEncID, table.language = 3, 10, 0
    table.format, table.reserved, table.length, table.nGroups = 13, 0, 0, 0
    table.cmap = {c: "square" for first, last in _RANGES for c in range(first, last + 1)}
    font["cmap"].tables.append(table)
