"""Writes the formulas of a page, and keeps a comma at the end of the line with its formula."""

import re
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

from txbook.formulas.markup import Formula, formula

LOGGER = logging.getLogger(__name__)
NAME = "mathml"
BEFORE = re.compile(r"[(\[“‘]$")
AFTER = re.compile(r"^(?:['’]s\b|[.,;:!?)\]”’…%]|-\w+)+")


def made(node: nodes.Element, *, display: bool) -> Formula:
    """Return the formula of a node; one that cannot be drawn is a warning and stays TeX."""
    tex = node.astext()
    try:
        return formula(tex, display=display)
    except Exception as error:  # whatever the TeX reader stumbles over
        LOGGER.warning("%s", error, location=node, type="txbook", subtype="formula")
        return Formula((f"<code>{escape(tex)}</code>",), tex)


def visit_inline(self: Any, node: nodes.math) -> None:
    """Write a formula in running text."""
    pieces = list(made(node, display=False).pieces)
    before, after = (escape(node.get(f"tx-{side}", "")) for side in ("before", "after"))
    if before:
        pieces[0] = f'<span class="tx-nobr">{before}{pieces[0]}</span>'
    if after:
        pieces[-1] = f'<span class="tx-nobr">{pieces[-1]}{after}</span>'
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    self.body.append("".join(pieces) + "</span>")
    raise nodes.SkipNode


def visit_displayed(self: Any, node: nodes.math_block) -> None:
    """Write a formula on a line of its own, with its number."""
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node.get("number"):
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    pieces = "".join(made(node, display=True).pieces)
    self.body.append(f'<div class="tx-formula">{pieces}</div></div>\n')
    raise nodes.SkipNode


def bind(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Give each formula the punctuation around it: a line may not break between them."""
    for node in list(doctree.findall(nodes.math)):
        place = node.parent.index(node)
        siblings = node.parent.children
        if place + 1 < len(siblings) and isinstance(siblings[place + 1], nodes.Text):
            text = str(siblings[place + 1])
            if found := AFTER.match(text):
                node["tx-after"] = found[0]
                node.parent[place + 1] = nodes.Text(text[found.end() :])
        if place and isinstance(siblings[place - 1], nodes.Text):
            text = str(siblings[place - 1])
            if found := BEFORE.search(text):
                node["tx-before"] = found[0]
                node.parent[place - 1] = nodes.Text(text[: found.start()])


def choose(app: Sphinx, config: Config) -> None:
    """Make this the renderer of the pages."""
    config.html_math_renderer = NAME


def connect(app: Sphinx) -> None:
    """Register the renderer."""
    app.add_html_math_renderer(NAME, (visit_inline, None), (visit_displayed, None))
    app.connect("config-inited", choose, priority=900)
    app.connect("doctree-resolved", bind, priority=900)
