"""What is done to the pages as a whole: their scripts, styles and icons, how they are shared, kept.

`connect` names the order: a page's code and head are set while it is written; once all pages are
there, the theme's script loses what is slow, the styles and icons are cut down to what the pages
use, old addresses lead to new ones, and the worker learns what the site holds.
"""

from typing import Any

from txbook.site import code, moved, scripts, share, styles, worker

__all__ = ["connect"]


def connect(app: Any) -> None:
    """Connect the steps to Sphinx."""
    app.connect("builder-inited", code.install)
    app.connect("html-page-context", scripts.tidy, priority=950)
    app.connect("html-page-context", share.describe, priority=950)
    app.connect("build-finished", scripts.quicken, priority=908)
    app.connect("build-finished", share.write, priority=908)
    app.connect("build-finished", styles.write, priority=910)
    app.connect("build-finished", moved.write, priority=980)
    app.connect("build-finished", worker.write, priority=999)
