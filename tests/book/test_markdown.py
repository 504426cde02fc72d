"""Each kind of node as plain Markdown, read back by a parser."""

from typing import Any

import browsing  # noqa: F401 (puts _ext on the path)
import pytest
from docutils import nodes
from markdown_it import MarkdownIt
from txbook.markdown import Places, UnknownNode, Writer, escape, pieces

PLACES = Places(lambda node: f"https://there/{node['refuri']}", lambda node: node.get("no", ""))


def write(*children: nodes.Node) -> str:
    document = nodes.Element("", *children)
    return Writer(PLACES).blocks(document.children)


def paragraph(*children: nodes.Node | str) -> nodes.paragraph:
    parts = [nodes.Text(child) if isinstance(child, str) else child for child in children]
    return nodes.paragraph("", "", *parts)


def html(markdown: str) -> str:
    return MarkdownIt("commonmark").enable("table").render(markdown).strip()


class solution_node(nodes.Admonition, nodes.Element):
    """Stands for sphinx-exercise's."""


class exercise_enumerable_node(nodes.Admonition, nodes.Element):
    """Stands for sphinx-exercise's."""


class proof_node(nodes.Admonition, nodes.Element):
    """Stands for sphinx-proof's."""


@pytest.mark.parametrize(
    "text",
    [
        "a * b * c",
        "_x_ and [y](z)",
        "5 < 6 > 4",
        "`tick`",
        "$1 and $2",
        "back\\slash",
        "# no title",
    ],
)
def test_plain_text_stays_plain(text: str) -> None:
    tokens = MarkdownIt("commonmark").parse(write(paragraph(text)))
    assert [t.type for t in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert {child.type for child in tokens[1].children} <= {"text", "text_special"}
    assert "".join(child.content for child in tokens[1].children) == text
    assert "$" not in escape(text).replace("\\$", "")


@pytest.mark.parametrize("text", ["- no list", "+ no list", "3. no list", "4) no list"])
def test_a_line_that_looks_like_a_list_is_none(text: str) -> None:
    assert html(write(paragraph(text))) == f"<p>{text}</p>"


def test_signs_stand_at_the_words_and_not_at_white_space() -> None:
    text = write(paragraph("a ", nodes.emphasis("", " b "), nodes.strong("", "c"), "d"))
    assert html(text) == "<p>a  <em>b</em> <strong>c</strong>d</p>"


def test_code_may_hold_ticks() -> None:
    for code in ("x", "a`b", "`a"):
        assert html(write(paragraph(nodes.literal("", code)))) == f"<p><code>{code}</code></p>"


def test_formulas_keep_their_signs_and_numbers() -> None:
    inline = paragraph("let ", nodes.math("", "a_1 * b_1"))
    assert write(inline) == "let $a_1 * b_1$"
    bound = nodes.math("", "e = 0")
    bound["tx-before"], bound["tx-after"] = "(", ")."
    assert write(paragraph("so ", bound, " Next")) == "so ($e = 0$). Next"
    block = nodes.math_block("", "x = 1", no="5.1")
    assert write(block) == "$$\nx = 1 \\tag{5.1}\n$$"
    assert write(nodes.math_block("", "x = 1")) == "$$\nx = 1\n$$"


def test_links_lead_to_the_site() -> None:
    link = nodes.reference("", "chapter 4", refuri="04.html")
    assert html(write(paragraph(link))) == '<p><a href="https://there/04.html">chapter 4</a></p>'


def test_lists_nest() -> None:
    inner = nodes.bullet_list("", nodes.list_item("", paragraph("deep")))
    outer = nodes.enumerated_list(
        "", nodes.list_item("", paragraph("one"), inner), nodes.list_item("", paragraph("two"))
    )
    outer["start"] = 3
    page = html(write(outer))
    assert '<ol start="3">' in page
    assert page.count("<li>") == 3
    assert page.index("<ul>") < page.index("deep") < page.index("</ul>") < page.index("two")


def test_a_card_is_a_list_of_what_it_says() -> None:
    item = nodes.definition_list_item(
        "", nodes.term("", "You will build"), nodes.definition("", paragraph("a clock"))
    )
    assert write(nodes.definition_list("", item)) == "- **You will build**: a clock"


def test_tables_are_tables() -> None:
    def row(*texts: str) -> nodes.row:
        return nodes.row("", *(nodes.entry("", paragraph(text)) for text in texts))

    group = nodes.tgroup("", nodes.thead("", row("a", "b")), nodes.tbody("", row("1|2", "3")))
    page = html(write(nodes.table("", nodes.title("", "Numbers"), group)))
    assert "<strong>Numbers</strong>" in page
    assert "<th>a</th>" in page
    assert "<td>1|2</td>" in page


def test_a_figure_of_a_cell_keeps_its_number_and_words() -> None:
    picture = nodes.container(nb_element="mime_bundle")
    picture += nodes.raw("", "<svg/>", format="html")
    figure = nodes.figure("", picture, nodes.caption("", "", nodes.Text("A wheel.")), no="5.1")
    assert write(figure) == "**Figure 5.1.** A wheel."


def test_an_exercise_has_its_number() -> None:
    box = nodes.section("", paragraph("Write it."))
    for title, wanted in ((nodes.title(), "Exercise 5.1"), (nodes.title("", " (Why?)"), "(Why?)")):
        text = write(exercise_enumerable_node("", title, box.deepcopy(), no="5.1"))
        assert text.startswith("> **Exercise 5.1")
        assert wanted in text
        assert "<blockquote>" in html(text)
        assert text.endswith("> Write it.")


def test_a_solution_is_folded_and_its_heading_is_no_markdown() -> None:
    link = nodes.reference("", "Exercise 5.1", refuri="x.html")
    solution = solution_node(
        "", nodes.title("", "", nodes.Text("Solution to "), link), paragraph("So."),
        classes=["dropdown"],
    )  # fmt: skip
    assert write(solution) == (
        "<details>\n<summary>Solution to Exercise 5.1</summary>\n\nSo.\n\n</details>"
    )


def test_a_note_says_its_title_and_a_proof_has_none() -> None:
    note = nodes.admonition("", nodes.title("", "Mind"), paragraph("this"))
    assert write(note) == "> **Mind**\n>\n> this"
    proof = proof_node("", nodes.admonition("", paragraph("Proof. Easily.")))
    assert write(proof) == "> Proof. Easily."


def test_what_nobody_has_described_is_refused() -> None:
    with pytest.raises(UnknownNode, match="no Markdown for the node <line_block>: 'verse'"):
        write(nodes.line_block("", nodes.line("", "verse")))
    with pytest.raises(UnknownNode, match="no Markdown for the node <problematic> in a line"):
        write(paragraph(nodes.problematic("", "{role}")))


def test_buttons_and_comments_are_left_out() -> None:
    raw = nodes.raw("", "<p>button</p>", format="html")
    assert write(raw, nodes.comment("", "hidden"), paragraph("shown")) == "shown"


def test_pieces_follow_the_page() -> None:
    def cell(number: int) -> nodes.container:
        return nodes.container(nb_element="cell_code", cell_index=number)

    inner = nodes.section("", nodes.title("", "Part"), paragraph("c"), cell(5), paragraph("d"))
    outer = nodes.section("", nodes.title("", "Whole"), paragraph("a"), cell(1), cell(3), inner)
    found: list[Any] = list(pieces(Writer(PLACES), nodes.Element("", outer)))
    assert found == ["# Whole\n\na", 1, 3, "## Part\n\nc", 5, "d"]
