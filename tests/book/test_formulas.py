"""Formulas: the MathML that TeX becomes, where it may be broken, and the font that draws it."""

import re
from pathlib import Path

import browsing  # noqa: F401 (puts _ext on the path)
import pytest
from fontTools.ttLib import TTFont
from txbook.formulas import font
from txbook.formulas.markup import formula
from txbook.formulas.renderer import AFTER, BEFORE


def written(tex: str, *, display: bool = False) -> str:
    """Return the formula without the TeX beside it."""
    pieces = formula(tex, display=display).pieces
    return re.sub(r' (alttext|displaystyle)="[^"]*"', "", "".join(pieces))


@pytest.mark.parametrize(
    ("tex", "part"),
    [
        ("x_t", "<msub><mi>x</mi><mi>t</mi></msub>"),
        (r"\mathrm{PE}", "<mi>PE</mi>"),  # one word, not two letters
        (r"\operatorname{softmax}(x)", "<mi>softmax</mi><mo"),  # close to its brackets
        (r"\log x", '<mi>log</mi><mspace width="0.167em" /><mi>x</mi>'),
        (r"p(y)\log q", '<mo stretchy="false">)</mo><mspace width="0.167em" /><mi>log</mi>'),
        (r"\operatorname{softmax}\!\left(x\right)", '<mi>softmax</mi><mrow><mo stretchy="true"'),
        ("(-x)", '<mo form="prefix">−</mo><mi>x</mi>'),
        ("1/D", '<mo lspace="0" rspace="0">/</mo>'),
        ("x^{t-1}", '<mo lspace="0" rspace="0">−</mo>'),  # no spaces in an index
        (r"\lVert q\rVert", '<mo stretchy="false" lspace="0" rspace="0">‖</mo>'),
        (r"\big\{x\big\}", 'stretchy="true">{</mo>'),
        (r"\Bigl\lfloor x \Bigr\rfloor", ">⌊</mo>"),
        (r"\mathbf{1}", "<mn>𝟏</mn>"),
        (r"a\!b", '<mspace style="margin-left:-0.167em" />'),
    ],
)
def test_what_tex_becomes(tex: str, part: str) -> None:
    assert part in written(tex)


def test_lines_are_aligned_at_their_signs() -> None:
    for tex in (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", r"a &= b \\ c &= d"):
        table = written(tex, display=True)
        assert table.count("<mtr>") == 2
        assert table.count('class="tx-right tx-close"') == 2
        assert table.count('class="tx-left tx-close"') == 2
        assert "&amp;" not in table


def test_a_matrix_is_not_aligned() -> None:
    assert "tx-" not in written(r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}", display=True)


def test_a_displayed_formula_is_cut_before_relations_and_keeps_their_spaces() -> None:
    made = formula(r"s_{jk} = q_a k_b = c_d \qquad z = 2", display=True)
    begins = [re.sub(r"^<math[^>]*>", "", piece)[:23] for piece in made.pieces[1:]]
    assert begins == ['<mo form="infix">=</mo>'] * 2 + ['<mspace width="2em" /><']
    assert made.pieces[0].count("alttext") == 1
    assert all("alttext" not in piece for piece in made.pieces[1:])


def test_an_inline_formula_is_cut_only_if_it_is_long() -> None:
    assert len(formula("a = b + c", display=False).pieces) == 1
    long = formula("a + b + c = d + e + f + g = h + i + j", display=False)
    assert len(long.pieces) > 1
    assert all(not piece.startswith("<math><mo>=") for piece in long.pieces[1:])


def test_no_cut_falls_within_brackets() -> None:
    for piece in formula(r"(a + b + c + d + e + f + g + h) = (i + j)", display=False).pieces:
        assert piece.count(">(<") == piece.count(">)<")


def test_what_cannot_be_drawn_is_named() -> None:
    with pytest.raises(ValueError, match=r"TeX that can be drawn, got .*\\unheardof"):
        formula(r"x + \unheardof", display=False)


@pytest.mark.parametrize(
    ("text", "kept"),
    [(", and", ","), (").", ")."), (" so", ""), ("-dimensional x", "-dimensional")],
)
def test_punctuation_stays_with_its_formula(text: str, kept: str) -> None:
    found = AFTER.match(text)
    assert (found[0] if found else "") == kept


def test_an_opening_bracket_stays_with_its_formula() -> None:
    assert BEFORE.search("so (")[0] == "("
    assert BEFORE.search("so ") is None


@pytest.mark.parametrize(
    ("letter", "italic"), [("x", "𝑥"), ("A", "𝐴"), ("h", "ℎ"), ("β", "𝛽"), ("1", "1")]
)
def test_a_lone_letter_is_drawn_in_italics(letter: str, italic: str) -> None:
    assert font.italic(letter) == italic


def test_the_font_holds_what_the_pages_ask_for_and_little_else(tmp_path: Path) -> None:
    html = "<math><mi>x</mi><mo>≤</mo><mi>softmax</mi></math> and <p>Ж</p>"
    wanted = font.characters(html)
    assert wanted == {"x", "𝑥", "≤", *"softmax"}
    font.cut(font.source(), wanted, tmp_path / "cut.woff")
    cut = TTFont(tmp_path / "cut.woff")
    assert {ord(c) for c in wanted} <= set(cut.getBestCmap())
    assert ord("Ж") not in cut.getBestCmap()
    assert "MATH" in cut
    assert (tmp_path / "cut.woff").stat().st_size < font.source().stat().st_size / 20
