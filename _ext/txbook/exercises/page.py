"""The script of the exercises goes to the pages that hold something to answer, and to no others."""

from typing import Any

from sphinx.application import Sphinx

SCRIPT = "txlite-exercises.js"
MARKS = ("data-tx-box=", "data-tx-puzzle=", "data-tx-detective=")


def give(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Let a page ask for the script if it needs it."""
    if any(mark in context.get("body", "") for mark in MARKS):
        app.add_js_file(SCRIPT, loading_method="defer")


def connect(app: Sphinx) -> None:
    """Connect it to the event at which Sphinx writes a page: before its scripts are tidied."""
    app.connect("html-page-context", give, priority=900)
