"""Code as a page shows it: its text, its colours, and how high it will be."""

from typing import Any

import browsing  # noqa: F401 (puts _ext on the path)
import pytest
from lxml import html
from pygments.lexers import PythonLexer
from pygments.styles import get_style_by_name
from pygments.token import STANDARD_TYPES
from sphinx.highlighting import PygmentsBridge, lexers
from txbook.site import code, scripts

STYLES = ("a11y-high-contrast-light", "a11y-high-contrast-dark")
CODE = '''

def double(x: int) -> int:
    """Twice."""
    return 2 * x  # a line of more than thirty-eight characters

'''
THEME = 'x(),"complete"===document.readyState?I():window.addEventListener("load",I)})();'


def looks(block: Any, styles: tuple[str, ...]) -> list[tuple[str, Any]]:
    """Return each letter of a block of code, and how it looks in each style."""
    known = [get_style_by_name(name) for name in styles]
    kinds = {short: [style.style_for_token(kind) for style in known]
             for kind, short in STANDARD_TYPES.items()}  # fmt: skip
    found = []
    for text in block.xpath(".//pre//text()"):
        inside = text.getparent() if text.is_text else text.getparent().getparent()
        found += [(letter, kinds[inside.get("class", "")]) for letter in text]
    return found


def test_code_keeps_its_text_and_its_colours() -> None:
    (after,) = html.fragments_fromstring(code.Bridge(STYLES).highlight_block(CODE, "python"))
    (before,) = html.fragments_fromstring(PygmentsBridge("html").highlight_block(CODE, "python"))
    assert after.text_content() == before.text_content()
    assert looks(after, STYLES) == looks(before, STYLES)
    kinds = {span.get("class") for span in after.iter("span")} - {None}
    assert kinds == {"k", "nf", "nb", "o", "sd", "mi", "c1"}  # no names, brackets, spaces


def test_what_differs_in_one_of_the_styles_is_told_apart() -> None:
    name = '<span class="n">'
    assert name not in code.Bridge(STYLES).highlight_block("x", "python")
    assert name in code.Bridge((*STYLES, "tango")).highlight_block("x", "python")


@pytest.mark.parametrize(
    ("language", "text", "lines", "folded"),
    [
        ("python", CODE, 3, 4),
        ("none", "one", 1, 1),
        ("none", f"{'x' * 38}\n\n{'x' * 77}", 3, 5),
        ("pycon", ">>> 1\n1\n", 2, 2),
    ],
)
def test_code_says_how_many_lines_it_has_on_a_desk_and_on_a_phone(
    language: str, text: str, lines: int, folded: int
) -> None:
    begin = code.Bridge(STYLES).highlight_block(text, language).partition(">")[0]
    assert f"--tx-lines: {lines}; --tx-folded: {folded}" in begin


def test_a_lexer_that_sphinx_keeps_is_filtered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, bridge = PythonLexer(), code.Bridge(STYLES)
    monkeypatch.setitem(lexers, "kept", kept)
    for _ in range(2):
        assert "--tx-lines: 1" in bridge.highlight_block("x = 1", "kept")
    assert kept.filters == [bridge.bare]


def test_the_theme_no_longer_measures_a_whole_page() -> None:
    assert scripts.without_measuring(THEME) == "x()})();"


@pytest.mark.parametrize("script", ["x()})();", THEME + THEME])
def test_a_theme_that_measures_elsewhere_stops_the_build(script: str) -> None:
    with pytest.raises(ValueError, match=r"should measure its page in one place, got [02]"):
        scripts.without_measuring(script)
