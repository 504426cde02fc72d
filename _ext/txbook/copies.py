"""Copies of the chapters for Colab, Binder and download: the same code, prose in plain Markdown.

What reads a chapter elsewhere knows no MyST: it would show ``{glue:text}`` where a number stands.
The copies are written from the resolved pages while the book is built, into ``notebooks/`` of the
site: numbers, references and exercises are what they are on the page, links lead to the site, live
figures come when their cell is run. A workflow puts that folder on a branch, which Colab and Binder
open.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import nbformat
import yaml
from docutils import nodes
from sphinx.application import Sphinx

from txbook.markdown import Places, Writer, pieces
from txbook.overlay import run_of
from txbook.repository import BRANCH, FOLDER, address
from txbook.store import merged, write_whole

VIEW = "application/vnd.jupyter.widget-view+json"
KEPT = ("text/html", "text/plain")  # of what a cell displays
COMPARED = "nbval-check-output"
OWN = ("--constraint", "--editable")  # lines of environment.yml that need a checkout


def base(config: Any) -> str:
    """Return the address of the site, with a slash at its end."""
    if config.html_baseurl:
        return str(config.html_baseurl).rstrip("/") + "/"
    owner, name = address(config)[0].rsplit("/", 2)[1:]
    return f"https://{owner.lower()}.github.io/{name}/"


def places(app: Sphinx, docname: str) -> Places:
    """Return how a page's copy links and numbers."""
    page = urljoin(base(app.config), app.builder.get_target_uri(docname))
    numbers = app.env.toc_fignumbers.get(docname, {})

    def link(node: nodes.Element) -> str:
        if isinstance(node, nodes.image):
            name = app.builder.images.get(node["uri"], node["uri"])
            return urljoin(base(app.config), f"_images/{name}")
        return urljoin(page, node.get("refuri") or f"#{node.get('refid', '')}")

    def number(node: nodes.Element) -> str:
        for kind in numbers.values():
            for name in node.get("ids", ()):
                if name in kind:
                    return ".".join(map(str, kind[name]))
        return str(node.get("number") or "")

    return Places(link, number)


def displayed(outputs: list[Any]) -> Iterator[Any]:
    """Yield what a cell's outputs show without a page around them: no live figure, no glue."""
    for output in outputs:
        if output.output_type == "stream":
            if output.name == "stdout":
                yield output
        elif "data" in output and VIEW not in output.data:
            data = {kind: text for kind, text in output.data.items() if kind in KEPT}
            if data:
                output.data, output.metadata = data, {}
                yield output


def code_cell(cell: Any) -> Any:
    """Return a cell as it goes into a copy; what is folded on the page is folded there."""
    tags = set(cell.metadata.get("tags", ()))
    copied = nbformat.v4.new_code_cell(
        cell.source, id=cell.id, execution_count=cell.execution_count
    )
    copied.outputs = list(displayed(nbformat.from_dict(cell.outputs)))
    if tags & {"hide-input", "remove-cell", "remove-input", "hide-cell"}:
        copied.metadata["jupyter"] = {"source_hidden": True}
    if COMPARED in tags:
        copied.metadata["tags"] = [COMPARED]
    return copied


def render(chapter: Any, parts: Iterator[str | int], page: str) -> Any:
    """Return the copy of a chapter.

    Parameters
    ----------
    chapter : nbformat.NotebookNode
        The chapter with the outputs of its run.
    parts : iterator of str and int
        The page in reading order, see :func:`txbook.markdown.pieces`.
    page : str
        The address of the page, to which the copy refers.
    """
    cells: list[Any] = []
    waiting = [i for i, cell in enumerate(chapter.cells) if cell.cell_type == "code"]
    install = code_cell(chapter.cells[waiting.pop(0)])

    def until(last: int) -> None:
        while waiting and waiting[0] <= last:  # a page leaves out some cells; a copy runs them
            cells.append(code_cell(chapter.cells[waiting.pop(0)]))

    for part in parts:
        if isinstance(part, int):
            until(part)
        else:
            name = f"text-{sum(c.cell_type == 'markdown' for c in cells)}"
            cells.append(nbformat.v4.new_markdown_cell(part, id=name))
    until(len(chapter.cells))
    if cells and cells[0].cell_type == "markdown":
        cells[0].source += f"\n\n*A copy to run and to change. The page itself: <{page}>.*"
    copy = nbformat.v4.new_notebook(cells=[install, *cells])
    copy.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return copy


def write(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Write the copy of a chapter, as its page is written."""
    if app.builder.format != "html" or (run := run_of(app, docname)) is None:
        return
    chapter = merged(nbformat.read(app.env.doc2path(docname), as_version=4), run)
    page = urljoin(base(app.config), app.builder.get_target_uri(docname))
    copy = render(chapter, pieces(Writer(places(app, docname)), doctree), page)
    nbformat.validate(copy)
    file = Path(app.outdir) / FOLDER / f"{docname}.ipynb"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, nbformat.writes(copy) + "\n")


def environment(text: str, package: str) -> str:
    """Return the environment of the copies: the book's, with the package from its repository.

    Parameters
    ----------
    text : str
        What environment.yml of the repository says.
    package : str
        What pip installs in place of the checkout.
    """
    whole = yaml.safe_load(text)
    [pip] = [part["pip"] for part in whole["dependencies"] if isinstance(part, dict)]
    pip[:] = [*(line for line in pip if not line.startswith(OWN)), package]
    return yaml.safe_dump(whole, sort_keys=False)


def finish(app: Sphinx, error: Exception | None) -> None:
    """Write beside the copies what Binder needs."""
    folder = Path(app.outdir) / FOLDER
    if error is not None or not folder.exists():
        return
    source = Path(app.config.txbook_root) / "environment.yml"
    package = f"txlite[notebook] @ git+{address(app.config)[0]}"
    if source.exists():
        text = environment(source.read_text(encoding="utf-8"), package)
        write_whole(folder / "environment.yml", text)


def retarget(app: Sphinx, pagename: str, template: str, context: dict[str, Any], _: Any) -> None:
    """Let the theme's buttons open and download the copy."""
    branch = address(app.config)[1]
    sources = re.compile(rf"_sources/({re.escape(pagename)}\.ipynb)$")

    def visit(button: Any) -> None:
        for inner in button.get("buttons", ()):
            visit(inner)
        url = button.get("url")
        if not isinstance(url, str) or f"{pagename}.ipynb" not in url:
            return
        url = sources.sub(rf"{FOLDER}/\1", url)
        if "colab." in url or "mybinder." in url:
            url = url.replace(f"/blob/{branch}/", f"/blob/{BRANCH}/")
            url = url.replace(f"/{branch}?urlpath", f"/{BRANCH}?urlpath")
        button["url"] = url

    for button in context.get("header_buttons", ()):
        visit(button)


def connect(app: Sphinx) -> None:
    """Connect the copies to Sphinx: after all that resolves something."""
    app.connect("doctree-resolved", write, priority=950)
    app.connect("html-page-context", retarget, priority=950)
    app.connect("build-finished", finish)
