"""The font of the formulas: STIX Two Math, cut down to what the pages show.

Browsers draw MathML well only with a font that has a MATH table, which many systems lack. The font
comes with the package ziamath (SIL Open Font License); its whole is 1.5 MB, what a book uses of it
some 40 KB.
"""

import importlib.util
import logging
import re
from html import unescape
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx

logging.getLogger("fontTools").setLevel(logging.WARNING)  # its progress interests nobody

FAMILY = "TX Math"
FILE = "tx-math.woff"
MATH = re.compile(r"<math\b.*?</math>", re.DOTALL)
TAG = re.compile(r"<(/?)(\w+)([^>]*)>")
ALWAYS = "()[]{}|‖⌊⌋⌈⌉⟨⟩√⏞⏟−′…·"
FEATURES = ["ssty", "dtls", "flac", "kern", "ccmp", "locl", "mark", "mkmk"]
ITALIC_LATIN, ITALIC_GREEK = {"A": 0x1D434, "a": 0x1D44E}, {"Α": 0x1D6E2, "α": 0x1D6FC}
ITALIC = {"h": "ℎ", "∂": "𝜕", "ϵ": "𝜖", "ϑ": "𝜗", "ϕ": "𝜙", "ϱ": "𝜚", "ϖ": "𝜛"}


def source() -> Path:
    """Return the file of the whole font."""
    spec = importlib.util.find_spec("ziamath")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("ziamath is not installed: pip install '.[book]'")
    return Path(spec.origin).parent / "fonts" / "STIXTwoMath-Regular.ttf"


def italic(letter: str) -> str:
    """Return the mathematical italic of a letter: what a browser draws for a lone ``mi``."""
    if letter in ITALIC:
        return ITALIC[letter]
    for bases, count in ((ITALIC_LATIN, 26), (ITALIC_GREEK, 25)):
        for first, start in bases.items():
            if 0 <= ord(letter) - ord(first) < count:
                return chr(start + ord(letter) - ord(first))
    return letter


def characters(html: str) -> set[str]:
    """Return the characters that the formulas of a page ask of the font."""
    found: set[str] = set()
    for math in MATH.findall(html):
        for tag, text in re.findall(r"<(\w+)[^>]*>([^<]+)", math):
            shown = unescape(text)
            found.update(shown)
            if tag == "mi" and len(shown) == 1:
                found.add(italic(shown))
    return found


def cut(file: Path, wanted: set[str], target: Path) -> None:
    """Write the part of a font that draws ``wanted``, with all that its letters stretch to."""
    font = TTFont(file)
    options = subset.Options(hinting=False, layout_features=FEATURES, name_IDs=[0, 13, 14])
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[ord(letter) for letter in wanted | set(ALWAYS)])
    subsetter.subset(font)
    font.flavor = "woff"
    font.save(target)


def write(app: Sphinx, error: Exception | None) -> None:
    """Cut the font for the pages that have been written."""
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    wanted: set[str] = set()
    for page in out.rglob("*.html"):
        wanted |= characters(page.read_text(encoding="utf-8"))
    cut(source(), wanted, out / "_static" / FILE)
