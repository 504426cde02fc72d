"""A page asks no other machine for anything, and opens from a disk as from a server."""

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

THEBE, THEBE_STYLE = "sphinx_thebe", "sphinx-thebe.css"


def write_entrance(app: Sphinx, error: Exception | None) -> None:
    """Write index.html, which leads to the first page of the book: from a disk as from a server."""
    root = app.config.root_doc
    if error or app.builder.name != "html" or root == "index":
        return
    title, target = app.config.html_title, app.builder.get_target_uri(root)
    Path(app.outdir, "index.html").write_text(
        f'<!doctype html>\n<html lang="{app.config.language}">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{title}</title>\n"
        f'<meta http-equiv="refresh" content="0; url={target}">\n</head>\n'
        f'<body><main><h1>{title}</h1><p><a href="{target}">Open the book</a></p></main></body>\n'
        "</html>\n",
        encoding="utf-8",
    )


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
