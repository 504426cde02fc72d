"""What the cells of a chapter have glued, for a directive that needs it while it is read."""

import ast
from typing import Any

from sphinx.util.docutils import SphinxDirective

from txbook.overlay import run_of
from txbook.spread import PREFIX, number


def texts(notebook: Any) -> dict[str, str]:
    """Return every glued text of an executed notebook by its name."""
    found = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            about = output.get("metadata", {})
            if "scrapbook" in about:
                found[about["scrapbook"]["name"]] = output["data"].get(f"{PREFIX}text/plain", "")
    return found


def text(directive: SphinxDirective, name: str) -> str:
    """Return what a cell of this chapter has glued by this name.

    Raises
    ------
    DirectiveError
        If the chapter has no run, or no cell of it glues the name.
    """
    env = directive.env
    run = run_of(env.app, env.docname)
    known = {} if run is None else texts(run.notebook)
    if name not in known:
        raise directive.error(f"{directive.name} {name}: no cell that was run glues this name")
    return known[name]


def value(directive: SphinxDirective, name: str) -> float:
    """Return a glued number."""
    found = number(text(directive, name))
    if found is None:
        raise directive.error(f"{directive.name} {name}: should be a number, got a text")
    return found


def table(directive: SphinxDirective, name: str) -> list[list[int]]:
    """Return a glued table: a list of rows, which are lists of whole numbers or of truth values."""
    try:
        rows = ast.literal_eval(text(directive, name))
        whole = [[int(entry) for entry in row] for row in rows]
    except (TypeError, ValueError, SyntaxError):
        whole = []
    if not whole or not whole[0] or len({len(row) for row in whole}) != 1:
        raise directive.error(f"{directive.name} {name}: should be a list of rows of one length")
    return whole
