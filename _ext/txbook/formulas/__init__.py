"""Formulas as MathML, written while the book is built: a page needs no script to show them.

`markup` makes a formula of TeX, `renderer` writes it where a page has one, `font` cuts the font
that draws it down to the characters that the book uses.
"""

from typing import Any

from txbook.formulas import font, renderer

__all__ = ["connect"]


def connect(app: Any) -> None:
    """Connect the renderer and the font to Sphinx."""
    renderer.connect(app)
    app.connect("build-finished", font.write)
