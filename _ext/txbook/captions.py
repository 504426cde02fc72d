"""``{caption}``: the number and the words below the figure of the cell before.

::

    ```{caption} fig-odometer
    Each row is a wheel; the places run to the right. The label is for ``{numref}`fig-odometer```.
    ```

A caption is text and runs nothing anew: it stands in the prose, right after the cell that draws,
and may hold formulas and references. The build puts figure and caption together and numbers them.
"""

from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

LOGGER = logging.getLogger(__name__)
CLASS = "tx-numbered"


class Caption(SphinxDirective):
    """A figure that still lacks its picture."""

    required_arguments = 1  # the label
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the figure; its picture comes when the page is whole."""
        self.assert_has_content()
        words = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, words)
        first, *others = words.children
        if not isinstance(first, nodes.paragraph):
            raise self.error("a caption begins with a paragraph")
        figure = nodes.figure(classes=[CLASS])
        figure += nodes.caption(first.rawsource, "", *first.children)
        if others:
            figure += nodes.legend("", *others)
        figure["names"].append(nodes.fully_normalize_name(self.arguments[0]))
        self.set_source_info(figure)
        self.state.document.note_explicit_target(figure, figure)
        return [figure]


def pictures(cell: nodes.Node) -> Iterator[nodes.Element]:
    """Yield the outputs of a cell that are a figure of ``viz.show``."""
    for output in cell.findall(nodes.container):
        if output.get("nb_element") != "mime_bundle":
            continue
        if any("tx-figure" in raw.astext() for raw in output.findall(nodes.raw)):
            yield output


def cell_before(node: nodes.Element) -> nodes.Node | None:
    """Return the code cell right before a node, or None."""
    place = node.parent.index(node)
    before = node.parent[place - 1] if place else None
    found = isinstance(before, nodes.container) and before.get("nb_element") == "cell_code"
    return before if found else None


def unite(app: Sphinx, doctree: nodes.document) -> None:
    """Move the picture of the cell before into each caption's figure."""
    for figure in list(doctree.findall(nodes.figure)):
        if CLASS not in figure["classes"]:
            continue
        cell = cell_before(figure)
        found = list(pictures(cell)) if cell is not None else []
        if not found:
            LOGGER.warning(
                "a caption stands right after the cell that draws its figure",
                location=figure,
                type="txbook",
                subtype="caption",
            )
            continue
        picture = found[-1]
        outputs = picture.parent
        outputs.remove(picture)
        figure.insert(0, picture)
        if not outputs.children:
            outputs.parent.remove(outputs)


def name_figures(app: Sphinx, config: Any) -> None:
    """Let captions begin with “Figure 5.1”."""
    config.numfig_format = {**config.numfig_format, "figure": "Figure %s"}


def connect(app: Any) -> None:
    """Connect the captions to Sphinx."""
    app.add_directive("caption", Caption)
    app.connect("config-inited", name_figures, priority=900)
    app.connect("doctree-read", unite)
