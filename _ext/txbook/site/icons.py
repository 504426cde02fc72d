"""The theme's icons in the style sheet: what the pages show of them, and no script.

The theme names an icon by a class, ``fa-bars``. Its style sheet says which character that is in
Font Awesome's fonts, and the fonts how it is drawn: as a picture, which no voice reads aloud. Where
a style sheet itself writes such a character, before the title of a note, it finds it in a font of
just those.
"""

import base64
import io
import re
from pathlib import Path
from urllib.parse import quote

from fontTools import subset
from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.ttLib import TTFont

FAMILIES = {
    "fa-solid-900.ttf": ("fa-solid", "fas", "fa"),
    "fa-regular-400.ttf": ("fa-regular", "far"),
    "fa-brands-400.ttf": ("fa-brands", "fab"),
}
RULE = re.compile(r'((?:\.fa-[\w-]+::?before,?)+)\{content:"\\([0-9a-f]+)"\}')
NAME = re.compile(r"\.(fa-[\w-]+)::?before")
WRITTEN = re.compile(r'"\\(f[0-9a-f]{3})"')
USED = re.compile(r'class="([^"]*\bfa-[^"]*)"')
BASE = """
:is(.fa-solid, .fas, .fa-regular, .far, .fa-brands, .fab)[class*="fa-"]::before {
  background-color: currentColor; content: ""; display: inline-block; height: 1em;
  mask: var(--tx-icon) center / contain no-repeat; vertical-align: -.125em; width: 1em;
}
@media (forced-colors: active) { [class*="fa-"]::before { forced-color-adjust: none; } }
"""


def characters(css: str) -> dict[str, int]:
    """Return, for each name of an icon, the character that draws it."""
    return {
        name: int(code, 16) for names, code in RULE.findall(css) for name in NAME.findall(names)
    }


def wanted(pages: list[str], known: dict[str, int]) -> set[tuple[str, str]]:
    """Return (font file, name) of every icon that the pages show."""
    found = set()
    for page in pages:
        for classes in USED.findall(page):
            words = classes.split()
            fonts = [file for file, family in FAMILIES.items() if set(family) & set(words)]
            found |= {(font, word) for word in words if word in known for font in fonts[:1]}
    return found


def picture(font: TTFont, character: int) -> str | None:
    """Return the address of an SVG of one character, itself in the address."""
    glyph = font.getBestCmap().get(character)
    if glyph is None:
        return None
    glyphs = font.getGlyphSet()
    pen = SVGPathPen(glyphs, ntos=lambda number: f"{number:.0f}")
    glyphs[glyph].draw(pen)
    top, width = font["hhea"].ascent, glyphs[glyph].width
    height = top - font["hhea"].descent
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 {-top} {width} {height}">'
        f'<path transform="scale(1 -1)" d="{pen.getCommands()}"/></svg>'
    )
    return f"data:image/svg+xml,{quote(svg, safe='/:=<> ')}".replace("<", "%3C").replace(">", "%3E")


def rules(css: str, pages: list[str], folder: Path) -> str:
    """Return the style sheet that draws the icons of the pages.

    Parameters
    ----------
    css : str
        The theme's style sheet.
    pages : list of str
        The pages' HTML.
    folder : Path
        Where the theme's fonts lie.
    """
    known = characters(css)
    fonts: dict[str, TTFont] = {}
    lines = []
    for file, name in sorted(wanted(pages, known)):
        font = fonts.setdefault(file, TTFont(folder / file))
        if address := picture(font, known[name]):
            which = ", ".join(f".{family}" for family in FAMILIES[file])
            lines.append(f':is({which}).{name} {{ --tx-icon: url("{address}"); }}')
    return BASE + "\n".join(lines) + "\n"


def face(css: str, folder: Path) -> str:
    """Return the font of the characters that a style sheet itself writes; nothing if none.

    Parameters
    ----------
    css : str
        The style sheets, without the rules of icons that are classes.
    folder : Path
        Where the theme's fonts lie.
    """
    wanted = [int(code, 16) for code in sorted(set(WRITTEN.findall(css)))]
    if not wanted:
        return ""
    font = TTFont(folder / "fa-solid-900.ttf")
    subsetter = subset.Subsetter(subset.Options(hinting=False, layout_features=[]))
    subsetter.populate(unicodes=wanted)
    subsetter.subset(font)
    font.flavor = "woff"
    file = io.BytesIO()
    font.save(file)
    data = base64.b64encode(file.getvalue()).decode()
    return (
        '@font-face { font-family: "Font Awesome 6 Free"; font-weight: 900; '
        f'src: url("data:font/woff;base64,{data}") format("woff"); }}\n'
    )
