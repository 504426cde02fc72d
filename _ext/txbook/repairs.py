"""Faults of the theme and of docutils that keep some readers out, mended in the finished pages.

Each repair is a pattern and its replacement, with the rule of axe-core that it satisfies. A repair
whose pattern is gone does nothing, so that an upstream fix needs no change here.
"""

import re
from collections.abc import Callable
from pathlib import Path

from sphinx.application import Sphinx

Replacement = str | Callable[[re.Match[str]], str]


def _signature(match: re.Match[str]) -> str:
    """Turn a list that has descriptions but no terms into plain lines."""
    lines = match[1].replace("<dd>", '<span class="tx-sig-line">').replace("</dd>", "</span>")
    return f'<span class="tx-sig">{lines}</span>'


REPAIRS: list[tuple[str, Replacement]] = [
    # summary-name: the arrow that unfolds a part of the contents says nothing.
    (
        r"(<a [^>]*>)([^<]*(?:<[^a][^<]*)*?)</a><details([^>]*)><summary>",
        lambda m: (
            f"{m[1]}{m[2]}</a><details{m[3]}>"
            f'<summary aria-label="Pages under {re.sub("<[^>]*>", "", m[2]).strip()}">'
        ),
    ),
    # definition-list: Sphinx writes the parameters of a long signature as a list without terms.
    (r"<dl>\n((?:<dd>.*</dd>\n)+)</dl>", _signature),
    # aria-required-children: a list of references has to have list items.
    (r'role="doc-biblioentry"', 'role="listitem"'),
    # region: the book's name stands outside every landmark.
    (
        r'<div([^>]*) class="bd-sidebar-primary',
        r'<div\1 role="complementary" aria-label="The book" class="bd-sidebar-primary',
    ),
]
COMPILED = [(re.compile(pattern), replacement) for pattern, replacement in REPAIRS]


def mend(html: str) -> str:
    """Return the page with every repair made."""
    for pattern, replacement in COMPILED:
        html = pattern.sub(replacement, html)
    return html


def mend_all(app: Sphinx, error: Exception | None) -> None:
    """Mend every page of the finished site."""
    if error or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        mended = mend(html)
        if mended != html:
            page.write_text(mended, encoding="utf-8")
