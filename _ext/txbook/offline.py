"""A page asks no other machine for anything, and opens from a disk as from a server."""

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

from txbook.site.moved import leads_to

THEBE, THEBE_STYLE = "sphinx_thebe", "sphinx-thebe.css"


def write_entrance(app: Sphinx, error: Exception | None) -> None:
    """Write index.html, which leads to the first page of the book: from a disk as from a server."""
    root = app.config.root_doc
    if error or app.builder.name != "html" or root == "index":
        return
    target = app.builder.get_target_uri(root)
    page = leads_to(
        target,
        title=app.config.html_title,
        words="Open the book",
        canonical=app.config.html_baseurl + target,
        language=app.config.language,
    )
    Path(app.outdir, "index.html").write_text(page, encoding="utf-8")


def leave_out_thebe(app: Sphinx, config: Config) -> None:
    """Disconnect Thebe, whose scripts would be fetched from the network.

    Jupyter Book loads its extension whatever the launch buttons are.
    """
    ours = [
        listener
        for listeners in app.events.listeners.values()
        for listener in listeners
        if listener.handler.__module__ == THEBE
    ]
    for listener in ours:
        app.disconnect(listener.id)
    styles = app.registry.css_files
    styles[:] = [(name, options) for name, options in styles if name != THEBE_STYLE]
