"""Every picture says in words what it shows: a page whose picture does not is a warning."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
SHORTEST = 12  # characters: "A red line." says too little
PATHLIKE = re.compile(r"\.(png|svg|jpe?g|gif|webp)\s*$|^\S*/\S*$", re.IGNORECASE)


def good_alt(text: str | None) -> bool:
    """Tell whether the text describes a picture; a file's name does not, nor do two words."""
    return bool(text) and len(text.strip()) >= SHORTEST and not PATHLIKE.search(text.strip())


class Pictures(HTMLParser):
    """Collects, for each picture in a piece of HTML, the text that a screen reader would say."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str | None] = []
        self._inside: list[str] = []  # the figure or svg that speaks for what it holds

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an img, an svg or a figure with a role; inside a described one all is quiet."""
        given = dict(attrs)
        if tag == "img" and not self._inside:
            self.texts.append(given.get("alt"))
        if tag not in {"svg", "figure"}:
            return
        hidden = given.get("aria-hidden") == "true"
        speaks = given.get("role") == "img" or tag == "svg"
        if speaks and not hidden and not self._inside:
            self.texts.append(given.get("aria-label"))
        if speaks or hidden:
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Leave the picture."""
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()


def described(html: str) -> list[str | None]:
    """Return the descriptions of the pictures in ``html``, None for one that has none."""
    parser = Pictures()
    parser.feed(html)
    return parser.texts


def pictures(doctree: nodes.document) -> Iterator[tuple[nodes.Node, str | None]]:
    """Yield every picture of a page with its description."""
    for image in doctree.findall(nodes.image):
        yield image, image.get("alt")
    for raw in doctree.findall(nodes.raw):
        if "html" in raw.get("format", "").split():
            for text in described(raw.astext()):
                yield raw, text


def check(app: Sphinx, doctree: nodes.document) -> None:
    """Warn of every picture without a real description."""
    for node, text in pictures(doctree):
        if not good_alt(text):
            LOGGER.warning(
                "a picture needs an alt text that says what it shows, got %r",
                text,
                location=node,
                type="txbook",
                subtype="alt",
            )
