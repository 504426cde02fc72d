"""From matplotlib's SVG to one that belongs to the page: its inks, its fonts, its ids.

Matplotlib writes a document for paper: black on white, its own fonts, ids that any second figure
repeats. Inside a page the text colour should be the page's (so that a dark theme needs no second
picture), the fonts the reader's, and every id unique. That is a change of attributes, nothing
else: no shape moves.
"""

import hashlib
import re
from xml.etree import ElementTree

from txlite.viz import palette

__all__ = ["FORMULA", "adapt_svg", "set_mathematics"]

# A letter with an index or an exponent: d_k, W^O, x_{t−1}. Not a name of code such as num_heads.
FORMULA = re.compile(
    r"(?<![A-Za-z0-9_.])([A-Za-z])([_^])(\{[^{}]+\}|[A-Za-z0-9]+)(?![A-Za-z0-9_(])"
)
_SMALL = 0.75  # the size of an index
_COLOR = re.compile(r"#[0-9a-f]{6}\b")
_DECIMALS = re.compile(r"-?\d+\.\d{3,}")  # finer than a hundredth of a point is not seen
_NUMBERS = {"d", "x", "y", "width", "height", "transform", "points"}
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_SERIES = {color: f"var(--tx-{name}, {color})" for name, color in palette.PALETTE.items()} | {
    palette.ACCENT: f"var(--tx-accent, {palette.ACCENT})",
    palette.OPPOSITE: f"var(--tx-opposite, {palette.OPPOSITE})",
    palette.STRONG: "var(--tx-strong, currentColor)",
    palette.INK: "currentColor",
    palette.PAPER: "var(--tx-paper, Canvas)",
}


def adapt_svg(document: str, prefix: str = "tx") -> str:
    """Rewrite an SVG document by matplotlib into an inline ``<svg>`` element for a themed page.

    Black becomes ``currentColor``, white the page's paper, a grey the mixture of both that it is;
    the palette's colours become CSS variables with themselves as the default; other colours stay.

    Parameters
    ----------
    document : str
        What ``savefig(..., format="svg")`` wrote with ``svg.fonttype`` set to ``none``.
    prefix : str
        The beginning of every id in the result. A digest of the document follows it, so that two
        different figures never share an id.

    Returns
    -------
    str
        One ``<svg>`` element, without prologue, metadata, or style sheet.
    """
    root = ElementTree.fromstring(document)
    _drop_prologue(root)
    for element in root.iter():
        _localise(element)
        _recolor(element)
        if element.tag == "text":
            set_mathematics(element)
    digest = hashlib.sha256(ElementTree.tostring(root)).hexdigest()[:8]
    _rename_ids(root, f"{prefix}-{digest}")
    _size(root)
    return ElementTree.tostring(root, encoding="unicode")


def _drop_prologue(root: ElementTree.Element) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}style")):
                parent.remove(child)
        parent.text = parent.text.strip() if parent.text and len(parent) else parent.text
        parent.tail = None


def _localise(element: ElementTree.Element) -> None:
    element.tag = element.tag.rpartition("}")[2]
    for name in [n for n in element.attrib if n.startswith("{")]:
        element.set(name.rpartition("}")[2], element.attrib.pop(name))
    for name in _NUMBERS & element.attrib.keys():
        shorter = _DECIMALS.sub(lambda match: f"{float(match[0]):.2f}", element.attrib[name])
        element.set(name, " ".join(shorter.split()))
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]


def set_mathematics(text: ElementTree.Element) -> None:
    """Set ``d_k`` and ``W^O`` in an SVG text as mathematics: slanted, raised, lowered.

    Parameters
    ----------
    text : xml.etree.ElementTree.Element
        A ``<text>`` that holds nothing but characters; any other is left alone.
    """
    words = text.text or ""
    found = list(FORMULA.finditer(words))
    if len(text) or not found:
        return
    text.text = words[: found[0].start()]
    ends = [*(match.start() for match in found[1:]), len(words)]
    for match, end in zip(found, ends, strict=True):
        letter, sign, index = match.groups()
        shift = 0.3 if sign == "_" else -0.45  # of the letter's size, downwards
        _span(text, letter, {"font-style": "italic"})
        name = index.strip("{}")
        slant = {"font-style": "italic"} if len(name) == 1 and name.isalpha() else {}
        size = {"font-size": f"{_SMALL:.0%}", "dy": f"{shift / _SMALL:.2f}em"}
        _span(text, name, slant | size)
        if match.end() < end:
            _span(text, words[match.end() : end], {"dy": f"{-shift:.2f}em"})


def _span(parent: ElementTree.Element, words: str, look: dict[str, str]) -> None:
    ElementTree.SubElement(parent, "tspan", look).text = words


def _recolor(element: ElementTree.Element) -> None:
    style = dict(_declarations(element.get("style", "")))
    for name in ("fill", "stroke"):  # a pattern's background is an attribute, not a style
        if name in element.attrib:
            style.setdefault(name, element.attrib.pop(name))
    if style:
        element.set("style", "; ".join(f"{k}: {_COLOR.sub(_ink, v)}" for k, v in style.items()))


def _declarations(style: str) -> list[tuple[str, str]]:
    pairs = [item.partition(":")[::2] for item in style.split(";") if item.strip()]
    stripped = [(name.strip(), value.strip()) for name, value in pairs]
    return [d for name, value in stripped for d in _font(name, value)]


def _font(name: str, value: str) -> list[tuple[str, str]]:
    if name == "font":  # before 3.11 matplotlib wrote the shorthand: style weight size families
        *rest, size = value.partition("px")[0].split()
        weights = [("font-weight", w) for w in rest if w.isdigit() or w == "bold"]
        slants = [("font-style", s) for s in rest if s in ("italic", "oblique")]
        family = _font("font-family", value.partition("px")[2])
        return [*slants, *weights, ("font-size", f"{size}px"), *family]
    if name == "font-family":
        return [(name, "var(--tx-mono, ui-monospace, monospace)")] if "Mono" in value else []
    return [(name, value)]


def _ink(match: re.Match[str]) -> str:
    color = match[0]
    if color in _SERIES:
        return _SERIES[color]
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    if not red == green == blue:
        return color
    share = round(100 * (1 - red / 255))
    return f"color-mix(in srgb, currentColor {share}%, var(--tx-paper, Canvas))"


def _rename_ids(root: ElementTree.Element, prefix: str) -> None:
    used = {name for e in root.iter() for name in _references(e)}
    new = {name: f"{prefix}-{i}" for i, name in enumerate(sorted(used))}
    for element in root.iter():
        if "id" in element.attrib:
            old = element.attrib.pop("id")
            if old in new:
                element.set("id", new[old])
        for name in ("href", "style", "clip-path", "mask", "filter"):
            if name in element.attrib:
                element.set(name, _renamed(element.attrib[name], new))


def _references(element: ElementTree.Element) -> list[str]:
    found = [name for value in element.attrib.values() for name in _REFERENCE.findall(value)]
    href = element.get("href", "")
    return [*found, href[1:]] if href.startswith("#") else found


def _renamed(value: str, new: dict[str, str]) -> str:
    if value.startswith("#"):
        return "#" + new[value[1:]]
    return _REFERENCE.sub(lambda match: f"url(#{new[match[1]]})", value)


def _size(root: ElementTree.Element) -> None:
    width, height = (float(v) for v in root.attrib["viewBox"].split()[2:])
    root.set("xmlns", "http://www.w3.org/2000/svg")
    root.set("width", f"{width * 96 / 72:.0f}")  # points to CSS pixels
    root.set("height", f"{height * 96 / 72:.0f}")
    root.set("aria-hidden", "true")  # the figure around it carries the words
    root.set("style", "fill: currentColor; stroke-linejoin: round; stroke-linecap: butt")
    root.attrib.pop("version", None)
