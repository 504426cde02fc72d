"""Show the stored runs: the pages are written from a chapter's text and the outputs of its run.

Jupyter Book executes nothing (``execute_notebooks: "off"``). When Sphinx reads a chapter, the
outputs of its stored run are put into what was read; no file of the repository changes.
"""

from pathlib import Path
from typing import Any

import nbformat
from sphinx.application import Sphinx
from sphinx.util import logging

from txbook.store import Run, Store, merged

LOGGER = logging.getLogger(__name__)


def prepare(app: Sphinx) -> None:
    """Open the store; the runs are looked up as their pages are read."""
    app.txbook_store = Store(Path(app.srcdir).resolve())
    app.txbook_runs = {}


def run_of(app: Sphinx, docname: str) -> Run | None:
    """Return the run that a page shows, or None."""
    if docname not in app.txbook_runs:
        path = Path(app.env.doc2path(docname))
        notebook = path.suffix == ".ipynb" and path.exists()
        app.txbook_runs[docname] = app.txbook_store.find(path) if notebook else None
    return app.txbook_runs[docname]


def show(app: Sphinx, docname: str, content: list[str]) -> None:
    """Put the outputs of the stored run into a chapter that is read."""
    if not app.env.doc2path(docname).endswith(".ipynb"):
        return
    run = run_of(app, docname)
    if run is None:
        LOGGER.warning(
            "the store holds no run of this chapter as it is now; make book runs it",
            location=docname,
            type="txbook",
            subtype="run",
        )
        return
    notebook: Any = nbformat.reads(content[0], as_version=4)
    content[0] = nbformat.writes(merged(notebook, run))
