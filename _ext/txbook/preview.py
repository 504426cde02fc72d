"""A site that was built in the smallest budget says so on every page."""

import os

from sphinx.application import Sphinx
from sphinx.config import Config

NOTICE = (
    "A preview: every chapter was run in the smallest budget, in seconds. "
    "Its models are hardly trained, and its numbers mean nothing."
)


def install(app: Sphinx, config: Config) -> None:
    """Put the notice above the pages, if this is a preview."""
    if os.environ.get("TXLITE_BUDGET") == "smoke":
        config.html_theme_options = {**config.html_theme_options, "announcement": NOTICE}
