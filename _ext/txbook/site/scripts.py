"""The scripts of a page: each once, and none stops the page from being drawn."""

import json
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

OPTIONS = "documentation_options.js"
THEME = Path("_static", "scripts", "pydata-sphinx-theme.js")
# The theme's last words: once a page is loaded, and after each change in it, it measures every box
# of it, which lays all of them out. Ours are measured when they are seen (assets/txlite-page.js).
MEASURING = re.compile(
    r',"complete"===document\.readyState\?(\w+)\(\):window\.addEventListener\("load",\1\)'
)
SEARCH = ("searchtools.js", "language_data.js", "searchindex.js")  # ours stands in txbook.search


def tidy(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Drop what comes twice, and let every script that is a file wait until the page is read.

    Jupyter Book adds its extensions once more after Sphinx has set them up; of scripts that are
    files Sphinx drops the second, but not of those that have a body only, where a second ``let`` of
    the same name is an error on every page.
    """
    seen, kept = set(), []
    for script in context.get("script_files", []):
        attributes = dict(getattr(script, "attributes", {}))
        body = attributes.get("body")
        name = str(getattr(script, "filename", "") or "").rpartition("/")[2]
        if name in SEARCH or (body is not None and body in seen):
            continue
        seen.add(body)
        if name == OPTIONS:
            kept.append(type(script)("", priority=0, body=options(app)))
        elif body is None and "async" not in attributes:
            attributes["defer"] = "defer"
            kept.append(type(script)(script.filename, priority=script.priority, **attributes))
        else:
            kept.append(script)
    context["script_files"] = kept


def options(app: Sphinx) -> str:
    """Return what Sphinx's scripts want to know, as a script: it is too short for a file."""
    config = app.config
    known = {
        "VERSION": config.release,
        "LANGUAGE": config.language or "en",
        "COLLAPSE_INDEX": False,
        "BUILDER": app.builder.name,
        "FILE_SUFFIX": ".html",
        "LINK_SUFFIX": ".html",
        "HAS_SOURCE": config.html_copy_source,
        "SOURCELINK_SUFFIX": config.html_sourcelink_suffix,
        "NAVIGATION_WITH_KEYS": False,
        "SHOW_SEARCH_SUMMARY": False,
        "ENABLE_SEARCH_SHORTCUTS": False,
    }
    return f"const DOCUMENTATION_OPTIONS = {json.dumps(known)};"


def quicken(app: Sphinx, error: Exception | None) -> None:
    """Take out of the theme's script what lays out the whole page."""
    if error or app.builder.format != "html":
        return
    file = Path(app.outdir, THEME)
    if file.exists():  # themes that tests build with have none
        file.write_text(without_measuring(file.read_text(encoding="utf-8")), encoding="utf-8")


def without_measuring(script: str) -> str:
    """Return the theme's script without the statement that measures every box.

    Raises
    ------
    ValueError
        If it stands there not just once: the theme is another one then.
    """
    found, count = MEASURING.subn("", script)
    if count != 1:
        raise ValueError(f"{THEME.name} should measure its page in one place, got {count}")
    return found
