"""From TeX to MathML that browsers draw as TeX would.

latex2mathml reads the TeX. What it writes uses attributes that MathML Core has dropped, and leaves
the spaces around functions to the browser; both are settled here. A long formula is given in
pieces, between which a narrow screen breaks the line.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from xml.etree import ElementTree as ET

from latex2mathml.converter import convert
from latex2mathml.symbols_parser import convert_symbol

NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
RELATIONS = set("=≈≠≤≥<>∈→←↦∝⇒")
BINARY = set("+−-±·×")
SIGNS = set("+−-±")
CLOSING = set(")]}⌋⌉⟩")
OPENING = set("([{|‖⌊⌈⟨")
BARS = set("|‖∥")
TIGHT = BARS | set("/.…⋯")  # TeX sets no spaces around these
SCRIPTED = {"msub", "msup", "msubsup", "munder", "mover", "munderover"}
THIN = "0.167em"
NEGATIVE = {"negativethinmathspace": "-0.167em", "negativemediummathspace": "-0.222em"}
LONG = 12  # leaves: an inline formula of fewer stays in one piece
BOLD_DIGIT = 0x1D7CE
ENVIRONMENT = re.compile(r"\\(begin|end)\{(\w+\*?)\}")


@dataclass(frozen=True)
class Formula:
    """A formula: its pieces as MathML, and the TeX from which it was made."""

    pieces: tuple[str, ...]
    tex: str


def formula(tex: str, *, display: bool) -> Formula:
    """Return TeX as MathML.

    Parameters
    ----------
    tex : str
        What stands between the dollar signs.
    display : bool
        Whether the formula has a line of its own.

    Raises
    ------
    ValueError
        If the TeX holds a command that nothing here can draw.
    """
    tex = tex.strip()
    root = ET.fromstring(_read(_aligned(tex), display=display))
    for element in root.iter():
        element.tag = element.tag.removeprefix(NAMESPACE)
    row = root[0] if len(root) == 1 and root[0].tag == "mrow" else root
    _flatten(row)
    for element in list(root.iter()):
        _settle(element)
    for parent in list(root.iter()):
        _join_upright(parent)
        _space_functions(parent)
        _tighten_scripts(parent)
    unknown = [text for text in root.itertext() if "\\" in text]
    if unknown:
        raise ValueError(f"a formula needs TeX that can be drawn, got {unknown[0]!r} in {tex!r}")
    return Formula(tuple(_pieces(row, tex, display=display)), tex)


def _read(tex: str, *, display: bool) -> str:
    written = convert(tex, display="block" if display else "inline")
    return re.sub(r"&(?!#?\w+;)", "&amp;", written)


def _aligned(tex: str) -> str:
    """Return the TeX with its aligned lines in the environment that latex2mathml reads, split.

    Lines outside every environment are aligned too.
    """
    tex = re.sub(r"\\(begin|end)\{aligned\}", r"\\\1{split}", tex)
    depth, outside = 0, []
    for part in re.split(r"(\\(?:begin|end)\{\w+\*?\})", tex):
        found = ENVIRONMENT.fullmatch(part)
        if found:
            depth += 1 if found[1] == "begin" else -1
        elif not depth:
            outside.append(part)
    lines = any("\\\\" in part for part in outside)
    return rf"\begin{{split}}{tex}\end{{split}}" if lines else tex


def _flatten(row: ET.Element) -> None:
    """Lift rows within the outermost row that only group, so that it can be cut there."""
    while len(row) == 1 and row[0].tag == "mrow":
        row[:] = list(row[0])


def _settle(element: ET.Element) -> None:
    """Say in MathML Core what older attributes said."""
    text = element.text or ""
    if element.tag == "mspace":
        width = element.get("width", "0em")
        width = NEGATIVE.get(width, width)
        if width.startswith("-"):
            element.attrib = {"style": f"margin-left:{width}"}
        else:
            element.attrib = {"width": width}
    elif element.tag == "mo":
        element.text = text = _symbol(text)
        if element.get("minsize"):
            element.set("stretchy", "true")
        elif text in BARS and element.get("fence") != "true":
            element.set("stretchy", "false")
        if text in TIGHT:
            _tighten(element)
        if len(text) > 1 and text.isalpha():
            element.tag, element.attrib = "mi", {"data-function": ""}
    elif element.tag == "mi" and len(text) > 1 and text.isalpha():
        element.set("data-function", "")
    elif element.tag == "mn" and element.attrib.pop("mathvariant", "") == "bold":
        element.text = "".join(chr(BOLD_DIGIT + int(c)) if c.isdecimal() else c for c in text)
    elif element.tag == "mtable":
        _align(element)
    if element.tag == "mi" and text in {"′", "″"}:
        element.tag = "mo"
        element.set("lspace", "0")


def _tighten(sign: ET.Element) -> None:
    sign.set("lspace", "0")
    sign.set("rspace", "0")


def _tighten_scripts(parent: ET.Element) -> None:
    """Take the spaces around signs out of what stands above or below the line."""
    if parent.tag in SCRIPTED:
        for script in parent[1:]:
            for sign in script.iter("mo"):
                _tighten(sign)


def _symbol(text: str) -> str:
    """Return the character of a delimiter that has been left as TeX, a brace or a floor."""
    if not text.startswith("\\"):
        return text
    code = convert_symbol(text)
    return chr(int(code, 16)) if code else text[1:] if len(text) == 2 else text


def _align(table: ET.Element) -> None:
    """Move the sides to which cells are set from attributes into styles."""
    close = table.attrib.pop("columnspacing", "") == "0em"
    table.attrib.pop("rowspacing", None)
    for row in table:
        for index, cell in enumerate(row):
            side = cell.attrib.pop("columnalign", "")
            if close:
                side = "left" if index % 2 else "right"
            if side in {"left", "right"}:
                near = " tx-apart" if index > 1 and index % 2 == 0 else " tx-close"
                cell.set("class", f"tx-{side}{near if close else ''}")


def _join_upright(parent: ET.Element) -> None:
    """Join upright letters that follow each other into one word."""
    kept: list[ET.Element] = []
    for child in parent:
        upright = child.tag == "mi" and child.get("mathvariant") == "normal"
        last = kept[-1] if kept else None
        if upright and last is not None and last.get("mathvariant") == "normal":
            last.text = (last.text or "") + (child.text or "")
        else:
            kept.append(child)
    if parent.tag in {"mrow", "math", "mtd", "mstyle"}:
        parent[:] = kept
    for child in parent:
        if child.tag == "mi" and len(child.text or "") > 1:
            child.attrib.pop("mathvariant", None)  # a word is upright by itself


def _function(element: ET.Element) -> bool:
    """Tell whether an element is a function's name, with or without an index."""
    if element.tag in SCRIPTED:
        element = element[0]
    return element.get("data-function") is not None


def _space_functions(parent: ET.Element) -> None:
    """Put a thin space between a function's name and what is not in brackets."""
    if parent.tag not in {"mrow", "math", "mtd", "mstyle"}:
        return
    kept: list[ET.Element] = []
    for child in parent:
        if kept and _narrows(kept[-1]) and _first(child) in OPENING:
            kept.pop()  # a name stands close to its brackets by itself
        last = kept[-1] if kept else None
        if last is not None and last.tag == "mo" and _is(child, SIGNS) and not _is(last, CLOSING):
            child.set("form", "prefix")
        ordinary = last is not None and (last.tag not in {"mo", "mspace"} or _is(last, CLOSING))
        opens = child.tag == "mspace" or _first(child) in OPENING
        after = last is not None and _function(last) and not opens and child.tag != "mo"
        if after or (_function(child) and ordinary):
            kept.append(ET.Element("mspace", {"width": THIN}))
        kept.append(child)
    parent[:] = kept
    if parent.tag == "mrow" or parent.tag == "math":
        for child in parent.iter():
            if child.tag != "mi":
                child.attrib.pop("data-function", None)


def _narrows(element: ET.Element) -> bool:
    return element.tag == "mspace" and "margin-left" in element.get("style", "")


def _first(element: ET.Element) -> str:
    """Return the first character that an element shows, if that stands by itself."""
    if element.tag == "mo":
        return element.text or ""
    return _first(element[0]) if element.tag == "mrow" and len(element) else ""


def _leaves(row: ET.Element) -> int:
    return sum(1 for element in row.iter() if len(element) == 0 and element.tag != "mspace")


def _pieces(row: ET.Element, tex: str, *, display: bool) -> Iterator[str]:
    """Yield the formula, cut where a line may break: in a display before a relation, else after."""
    cut = _cut_displayed if display else _cut_inline
    parts = [list(row)] if not display and _leaves(row) < LONG else list(cut(list(row)))
    for index, part in enumerate(parts):
        math = ET.Element("math")
        if display:
            math.set("displaystyle", "true")
        if index == 0:
            math.set("alttext", tex)
        math.extend(part)
        _keep_spaces(part, first=index == 0)
        for element in math.iter():
            element.attrib.pop("data-function", None)
            element.tail = None
        yield ET.tostring(math, encoding="unicode")


def _keep_spaces(part: list[ET.Element], *, first: bool) -> None:
    """Let a sign at a cut keep the spaces that it has between two terms."""
    ends = [part[-1]] if first else [part[0], part[-1]]
    for sign in ends:
        if _is(sign, RELATIONS | BINARY | {","}) and (sign is part[-1] or not first):
            sign.set("form", "infix")


def _cut(
    children: list[ET.Element], before: Callable[[ET.Element], bool], least: int
) -> Iterator[list[ET.Element]]:
    part: list[ET.Element] = []
    depth = 0
    for child in children:
        if not depth and before(child) and _size(part) >= least:
            yield part
            part = []
        text = child.text if child.tag == "mo" else ""
        depth += (text in {"(", "[", "{"}) - (text in {")", "]", "}"})
        part.append(child)
    yield part


def _size(part: list[ET.Element]) -> int:
    return sum(map(_leaves, part))


def _is(child: ET.Element, signs: set[str]) -> bool:
    return child.tag == "mo" and (child.text or "") in signs


def _wide(child: ET.Element) -> bool:
    """Tell whether an element is the wide space between two formulas of one line."""
    return child.tag == "mspace" and child.get("width", "") in {"1em", "2em"}


def _cut_displayed(children: list[ET.Element]) -> Iterator[list[ET.Element]]:
    """Cut before relations and sums, and at the wide spaces between formulas."""
    return _cut(children, lambda child: _wide(child) or _is(child, RELATIONS | BINARY), 3)


def _cut_inline(children: list[ET.Element]) -> Iterator[list[ET.Element]]:
    """Cut after relations and after sums."""
    marked = {
        id(after)
        for sign, after in pairwise(children)
        if _is(sign, RELATIONS | BINARY | {","}) and not _wide(after)
    }
    return _cut(children, lambda child: id(child) in marked, 4)
