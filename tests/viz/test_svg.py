import re
from xml.etree import ElementTree

import pytest

from txlite.viz.svg import adapt_svg

DOCUMENT = """<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
 width="72pt" height="36pt" viewBox="0 0 72 36" version="1.1">
<metadata>made on a Monday</metadata>
<defs><style type="text/css">*{stroke-linejoin: round}</style><path id="dot" d="M 0 0
L 1 1" style="stroke: #000000"/></defs>
<g id="never_named"><use xlink:href="#dot" x="1" style="stroke: #000000"/></g>
<path clip-path="url(#frame)" d="M 0 0" style="fill: url(#lines); stroke: #dedede"/>
<clipPath id="frame"><rect width="3" height="3" fill="#ffffff"/></clipPath>
<pattern id="lines"><rect fill="#2685f9"/></pattern>
BODY
</svg>"""


def adapted(body: str = "") -> str:
    return adapt_svg(DOCUMENT.replace("BODY", body))


@pytest.mark.parametrize(
    ("color", "ink"),
    [
        ("#000000", "currentColor"),
        ("#010101", "var(--tx-strong, currentColor)"),
        ("#ffffff", "var(--tx-paper, Canvas)"),
        ("#404040", "color-mix(in srgb, currentColor 75%, var(--tx-paper, Canvas))"),
        ("#b64511", "var(--tx-rust, #b64511)"),
        ("#123456", "#123456"),
    ],
)
def test_inks_follow_the_page_and_other_colors_stay(color, ink):
    assert f"fill: {ink}" in adapted(f'<rect style="fill: {color}; fill-opacity: 0.5"/>')


def test_no_ink_of_paper_is_left():
    svg = adapted()
    assert "#000000" not in svg
    assert "#ffffff" not in svg.replace("#ffffff)", "")
    assert "#dedede" not in svg


def test_what_matplotlib_draws_in_unsaid_black_is_the_page_ink():
    assert re.match(r'<svg [^>]*style="fill: currentColor', adapted())


def test_ids_are_kept_only_where_used_and_every_reference_finds_its_own():
    svg = adapted()
    ids = re.findall(r' id="([^"]+)"', svg)
    assert len(ids) == len(set(ids)) == 3
    assert set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', svg)) == {
        (ids[1], ""), (ids[2], ""), ("", ids[0]),
    }  # fmt: skip
    assert not re.search(r"(?<!tx-)\b(dot|frame|lines|never_named)\b", svg)


def test_ids_of_two_figures_differ_and_those_of_one_figure_do_not():
    assert adapted() == adapted()
    one, other = (set(re.findall(r' id="([^"]+)"', adapted(b))) for b in ("", "<g/>"))
    assert not one & other


def test_nothing_leaks_into_the_page():
    svg = adapted()
    for word in ("<style", "metadata", "Monday", "<?xml", "ns0:", "xlink"):
        assert word not in svg


def test_places_are_kept_to_a_hundredth_of_a_point():
    svg = adapted('<path d="M 1.23456 -7.8999\nL 2 0.5" transform="rotate(-45.678901 3 4)"/>')
    assert 'd="M 1.23 -7.90 L 2 0.5"' in svg
    assert 'transform="rotate(-45.68 3 4)"' in svg


def test_size_is_in_css_pixels():
    assert 'width="96" height="48"' in adapted()


SLANTED = "font-style: italic; font-weight: 700; font-size: 10px"


@pytest.mark.parametrize(
    "style",
    [f"{SLANTED}; font-family: 'DejaVu Sans', 'x'", "font: italic 700 10px 'DejaVu Sans', 'x'"],
    ids=["today", "before 3.11"],
)
def test_the_reader_chooses_the_font_and_the_figure_its_size(style):
    svg = adapted(f'<text style="{style}">我</text>')
    assert f'<text style="{SLANTED}">我</text>' in svg
    assert "DejaVu" not in svg


def test_code_stays_in_a_font_of_even_width():
    assert "monospace" in adapted("<text style=\"font: 10px 'DejaVu Sans Mono'\">x</text>")


@pytest.mark.parametrize(
    ("words", "letter", "index", "lowered"),
    [("d_k", "d", "k", True), ("W^O", "W", "O", False), ("d_model", "d", "model", True)],
)
def test_an_index_is_set_as_mathematics(words, letter, index, lowered):
    text = ElementTree.fromstring(adapted(f"<text>÷ √{words} of</text>"))[-1]
    base, small, rest = text
    assert (text.text, base.text, small.text, rest.text) == ("÷ √", letter, index, " of")
    assert base.get("font-style") == "italic"
    assert (small.get("font-style") == "italic") is (len(index) == 1)
    assert small.get("font-size") == "75%"
    down, back = (float(span.get("dy").removesuffix("em")) for span in (small, rest))
    assert (down > 0) is lowered
    assert down * 0.75 == pytest.approx(-back, abs=0.01)  # what follows stands on the line again


def test_two_formulas_in_one_label_keep_the_words_between_them():
    text = ElementTree.fromstring(adapted("<text>‖∂h_T / ∂x_{t−1}‖</text>"))[-1]
    assert "".join(text.itertext()) == "‖∂hT / ∂xt−1‖"
    assert [span.text for span in text] == ["h", "T", " / ∂", "x", "t−1", "‖"]


@pytest.mark.parametrize("words", ["num_heads", "is_causal", "a_b(c)", "x.y_z", "2^10", "dk"])
def test_code_and_numbers_are_no_formulas(words):
    text = ElementTree.fromstring(adapted(f"<text>{words}</text>"))[-1]
    assert text.text == words
    assert len(text) == 0


def test_a_text_that_is_set_already_is_left_alone():
    assert "<text>d_k<tspan>10</tspan></text>" in adapted("<text>d_k<tspan>10</tspan></text>")


def test_a_reader_of_the_page_hears_the_words_of_the_figure_and_no_letter_of_the_drawing():
    assert ElementTree.fromstring(adapted()).get("aria-hidden") == "true"
