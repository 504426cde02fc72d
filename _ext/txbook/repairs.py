"""Faults of the theme and of docutils that keep some readers out, mended where the HTML is made.

Each repair satisfies a rule of WCAG or of axe-core: in the translator that writes the nodes, in the
table of contents that the theme asks for, and in the template of its side column.
"""

import re
import types
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config

TEMPLATES = Path(__file__).parent / "templates"
LISTS = (addnodes.desc_parameterlist, addnodes.desc_type_parameter_list)
LINES = {"dl": "tx-sig", "dd": "tx-sig-line"}
CHINESE = re.compile(
    r"[\u3400-\u4dbf\u4e00-\u9fff]+(?:[，、。！？：；]+[\u3400-\u4dbf\u4e00-\u9fff]+)*"
)
IN_CHINESE = r'<span lang="zh-Hans">\g<0></span>'
TEXT = (nodes.TextElement,)  # and not what is written as code, which comes by another way
ENDS = {"</dl>\n\n": "</span>\n\n", "</dd>\n": "</span>\n"}


class Accessible:
    """A mixin for the translator of the pages.

    definition-list: Sphinx writes the parameters of a long signature as a list without terms; here
    they are plain lines. aria-required-children: a list of references has to have list items.
    """

    body: list[str]

    def visit_Text(self, node: nodes.Text) -> None:
        """Say of Chinese words that they are Chinese: a voice that reads aloud has to know."""
        begin = len(self.body)
        super().visit_Text(node)
        if isinstance(node.parent, TEXT):
            self.body[begin:] = [CHINESE.sub(IN_CHINESE, piece) for piece in self.body[begin:]]

    def starttag(
        self, node: nodes.Element, tagname: str, suffix: str = "\n", *args: Any, **attributes: Any
    ) -> str:
        """Write lines for a signature's list, and a list's item for a reference."""
        if isinstance(node, nodes.citation) and attributes.get("role") == "doc-biblioentry":
            attributes["role"] = "listitem"
        if tagname in LINES and self._in_signature(node):
            attributes["CLASS"] = LINES[tagname]
            tagname, suffix = "span", ""
        start: str = super().starttag(node, tagname, suffix, *args, **attributes)
        return start

    def _in_signature(self, node: nodes.Element | None) -> bool:
        while node is not None and not isinstance(node, (*LISTS, addnodes.desc)):
            node = node.parent
        return isinstance(node, LISTS)

    def _visit_sig_parameter_list(self, *args: Any) -> None:
        self._signature = len(self.body)
        super()._visit_sig_parameter_list(*args)

    def _depart_sig_parameter_list(self, node: nodes.Element) -> None:
        super()._depart_sig_parameter_list(node)
        written = self.body[self._signature :]
        self.body[self._signature :] = [ENDS.get(piece, piece) for piece in written]


def use_translator(app: Sphinx) -> None:
    """Put the mixin before the translator that the theme and the extensions have agreed on."""
    if app.builder.format == "html":
        base = app.registry.get_translator_class(app.builder)
        mixed = types.new_class("AccessibleTranslator", (Accessible, base))
        app.set_translator(app.builder.name, mixed, override=True)


def use_templates(app: Sphinx, config: Config) -> None:
    """Let the templates of this folder stand before the theme's."""
    config.templates_path = [str(TEMPLATES), *config.templates_path]


def name_arrows(contents: BeautifulSoup) -> BeautifulSoup:
    """Name the arrows that unfold a part of the contents (summary-name): they say nothing.

    Parameters
    ----------
    contents : BeautifulSoup
        A table of contents as the theme makes it: a link, and beside it ``details`` with an arrow.
    """
    for summary in contents.select("li > a + details > summary"):
        link = summary.parent.find_previous_sibling("a")
        summary["aria-label"] = f"Pages under {' '.join(link.get_text().split())}"
    return contents


def mend_contents(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Name the arrows in what the theme's template asks for."""
    made = context.get("generate_toctree_html")
    if made is None:
        return

    def generate_toctree_html(*args: Any, **kwargs: Any) -> Any:
        contents = made(*args, **kwargs)
        return name_arrows(contents) if isinstance(contents, BeautifulSoup) else contents

    context["generate_toctree_html"] = generate_toctree_html


def connect(app: Sphinx) -> None:
    """Connect the repairs to the events at which Sphinx makes the pages."""
    app.connect("config-inited", use_templates, priority=900)
    app.connect("builder-inited", use_translator, priority=900)
    app.connect("html-page-context", mend_contents, priority=900)
