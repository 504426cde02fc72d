"""A caption finds the picture of the cell before it, and says so where there is none."""

from typing import Any

import browsing  # noqa: F401 (puts _ext on the path)
import pytest
from docutils import nodes
from txbook import captions


def output(html: str) -> nodes.container:
    bundle = nodes.container(nb_element="mime_bundle")
    bundle += nodes.container("", nodes.raw("", html, format="html"), mime_type="text/html")
    return bundle


def cell(*htmls: str) -> nodes.container:
    outputs = nodes.container("", *map(output, htmls), nb_element="cell_code_output")
    source = nodes.container(nb_element="cell_code_source")
    return nodes.container("", source, outputs, nb_element="cell_code", cell_index=1)


def figure() -> nodes.figure:
    return nodes.figure("", nodes.caption("", "Words."), classes=[captions.CLASS])


def united(*children: nodes.Node) -> nodes.Element:
    page = nodes.section("", *children)
    captions.unite(None, page)
    return page


DRAWN, TABLE = '<figure class="tx-figure">1</figure>', '<div class="tx-table">2</div>'


def test_the_picture_moves_into_the_figure_above_its_caption() -> None:
    drawing = cell(DRAWN)
    page = united(drawing, figure())
    picture, caption = page[1].children
    assert picture.get("nb_element") == "mime_bundle"
    assert picture.astext() == DRAWN
    assert isinstance(caption, nodes.caption)
    assert len(drawing) == 1, "an empty box for outputs is left"


def test_what_else_the_cell_has_put_out_stays() -> None:
    drawing = cell(TABLE, DRAWN, TABLE)
    page = united(drawing, figure())
    assert [part.astext() for part in drawing[1]] == [TABLE, TABLE]
    assert page[1][0].astext() == DRAWN


@pytest.mark.parametrize(
    "before",
    [[], [nodes.paragraph("", "words")], [cell(TABLE)], [cell(DRAWN), nodes.paragraph("", "w")]],
    ids=["nothing", "words", "a table", "too far"],
)
def test_a_caption_without_a_picture_is_a_warning(
    before: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(captions.LOGGER, "warning", lambda text, **_: said.append(text))
    page = united(*(node.deepcopy() for node in before), figure())
    assert said == ["a caption stands right after the cell that draws its figure"]
    assert len(page[-1]) == 1


def test_figures_of_others_are_left_alone() -> None:
    drawing = cell(DRAWN)
    page = united(drawing, nodes.figure("", nodes.caption("", "Words.")))
    assert len(page[1]) == 1
    assert len(drawing) == 2
