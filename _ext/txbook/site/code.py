"""Code on a page: no more elements than it has colours, and a height that is known beforehand.

Two thirds of what the highlighter tells apart, names, brackets and spaces, look as plain text does.
Left bare, they take half the elements off a page. The number of lines stands beside the code, so
that a browser can leave drawing it until a reader comes near, and nothing moves then (txlite.css).
"""

import math
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from pygments.filter import Filter
from pygments.lexer import Lexer
from pygments.styles import get_style_by_name
from pygments.token import Text, _TokenType
from sphinx.application import Sphinx
from sphinx.highlighting import PygmentsBridge

BEGIN = '<div class="highlight">'
MODES = ("light", "dark")
PHONE = 38  # characters, after which a line goes on below


class Bare(Filter):
    """Calls plain text what looks like plain text in each of the styles."""

    def __init__(self, styles: Iterable[str]) -> None:
        super().__init__()
        self.styles = [get_style_by_name(name) for name in styles]
        self.plain = cache(self._plain)

    def _plain(self, kind: _TokenType) -> bool:
        return all(
            style.style_for_token(kind) == style.style_for_token(Text) for style in self.styles
        )

    def filter(
        self, lexer: Lexer | None, stream: Iterable[tuple[_TokenType, str]]
    ) -> Iterator[tuple[_TokenType, str]]:
        """Yield the tokens."""
        for kind, text in stream:
            yield (Text if self.plain(kind) else kind), text


class Bridge(PygmentsBridge):
    """Sphinx's highlighter, for pages in these styles."""

    def __init__(self, styles: Iterable[str]) -> None:
        super().__init__("html")
        self.bare = Bare(styles)

    def get_lexer(self, *args: Any, **options: Any) -> Lexer:
        """Return the lexer, which tells apart only what looks different."""
        lexer = super().get_lexer(*args, **options)
        if self.bare not in lexer.filters:  # Sphinx keeps some of them
            lexer.add_filter(self.bare)
        return lexer

    def highlight_block(self, source: str, *args: Any, **options: Any) -> str:
        """Return the code as HTML, with the number of its lines: on a desk, on a phone."""
        found = super().highlight_block(source, *args, **options)
        lines = source.strip("\n").split("\n")
        folded = sum(max(1, math.ceil(len(line) / PHONE)) for line in lines)
        counted = f'<div class="highlight" style="--tx-lines: {len(lines)}; --tx-folded: {folded}">'
        return counted + found.removeprefix(BEGIN) if found.startswith(BEGIN) else found


def install(app: Sphinx) -> None:
    """Let the pages' code be written by it, in the styles of the book or else of its theme."""
    if app.builder.format == "html":
        options = app.builder.theme.get_options() | app.config.html_theme_options
        styles = [options.get(f"pygments_{mode}_style") for mode in MODES]
        if all(styles):
            app.builder.highlighter = Bridge(styles)
