"""Everything a page needs lies beside it: MathJax from its pip package, nothing from a CDN."""

import importlib.util
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

# Of the package's 20 MB: the typesetter, its fonts, the extensions that TeX may ask for, and the
# reader for people who do not see the formulas, in English.
KEEP = (
    "tex-chtml.js",
    "output/chtml/fonts/woff-v2",
    "input/tex/extensions",
    "a11y",
    "sre/mathmaps/base.json",
    "sre/mathmaps/en.json",
)


THEBE, THEBE_STYLE = "sphinx_thebe", "sphinx-thebe.css"


def mathjax_folder() -> Path:
    """Return the folder of MathJax 3 that sphinx-mathjax-offline installed."""
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("sphinx-mathjax-offline is not installed: pip install '.[book]'")
    return Path(spec.origin).parent / "static" / "mathjax"


def install(app: Sphinx, config: Config) -> None:
    """Point the pages at the local MathJax."""
    config.mathjax_path = "mathjax/tex-chtml.js"


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    """Copy what is needed of MathJax into the site."""
    if error or app.builder.format != "html":
        return
    source, target = mathjax_folder(), Path(app.outdir) / "_static" / "mathjax"
    for name in KEEP:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, dirs_exist_ok=True)
        else:
            shutil.copy(source / name, target / name)


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


def tidy_scripts(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Drop scripts that come twice: Sphinx 7.4 so repeats those that have a body only.

    A second ``let`` of the same name is an error on every page.
    """
    seen, kept = set(), []
    for script in context.get("script_files", []):
        body = getattr(script, "attributes", {}).get("body")
        if body is None or body not in seen:
            kept.append(script)
        seen.add(body)
    context["script_files"] = kept
