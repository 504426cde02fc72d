"""The card at the top of a chapter, and the table of what all chapters cost.

A chapter opens with::

    ```{chapter-card}
    :build: what the reader will have built at the end
    :needs: what the reader needs first
    :part: the parts of the machine that it explains, as txlite.viz.drawings.strip names them
    ```

The build adds a strip with the machine in small, in which these parts are lit; where the chapter
stands, how long it reads, how long its exercises take (the sum of what they say), the measured
seconds and memory, the machine they were measured on, and the buttons.
"""

import importlib
from html import escape
from pathlib import Path
from typing import Any, ClassVar

import nbformat
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from txbook import parts
from txbook.exercises import source
from txbook.grids import grid, row
from txbook.measure import Cost, cost
from txbook.progress import duration
from txbook.reading import minutes, place, spoken
from txbook.repository import FOLDER, binder, colab


class cost_line(nodes.General, nodes.Element):
    """Stands where the measurement goes until all chapters have been executed."""


class cost_table(nodes.General, nodes.Element):
    """Stands where the table of all measurements goes."""


class ChapterCard(SphinxDirective):
    """``{chapter-card}``: what will be built, what is needed, what it takes, where to run it."""

    has_content = True
    option_spec: ClassVar = {
        "build": directives.unchanged_required,
        "needs": directives.unchanged_required,
        "question": directives.unchanged_required,  # these two are for txbook.tables
        "road": directives.unchanged_required,
        "part": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """Return the card; ``:build:``, ``:needs:`` and ``:part:`` are required."""
        for name in ("build", "needs", "part"):
            if name not in self.options:
                raise self.error(f"a chapter-card needs the option :{name}:")
        card = nodes.container(classes=["tx-card"], is_div=True)
        rows = nodes.definition_list(classes=["tx-card-rows"])
        rows += self._row("You will build", self.options["build"])
        rows += self._row("You need first", self.options["needs"])
        rows += _entry("Time", [cost_line(docname=self.env.docname)])
        card += where(Path(self.config.txbook_root), self.env.docname)
        card += self._strip()
        card += rows
        if self.content:
            self.state.nested_parse(self.content, self.content_offset, card)
        card += nodes.raw("", buttons(self.config, self.env.docname), format="html")
        return [card]

    def _strip(self) -> nodes.Node:
        """Return the machine in small, with this chapter's parts lit."""
        root, line = Path(self.config.txbook_root), self.options["part"]
        try:
            return nodes.raw("", strip(root, self.env.docname, line), format="html")
        except ValueError as error:
            raise self.error(f"part: {error}") from error

    def _row(self, label: str, text: str) -> nodes.definition_list_item:
        children, messages = self.state.inline_text(text, self.lineno)
        return _entry(label, [*children, *messages])


class ChapterCosts(SphinxDirective):
    """``{chapter-costs}``: one row for each chapter, written by the build."""

    def run(self) -> list[nodes.Node]:
        """Return the placeholder of the table."""
        return [cost_table()]


def _entry(label: str, children: list[nodes.Node]) -> nodes.definition_list_item:
    definition = nodes.definition("", nodes.paragraph("", "", *children))
    return nodes.definition_list_item("", nodes.term(text=label), definition)


def strip(root: Path, docname: str, line: str) -> str:
    """Return the machine in small as HTML: the parts that a card's line names are lit.

    Raises
    ------
    ValueError
        If the line names a part that the strip does not have, or none.
    """
    drawings = importlib.import_module("txlite.viz.drawings.strip")
    up = "../" * docname.count("/")
    links = {
        name: f"{up}{parts.MAP}.html#{parts.ANCHOR}?part={part.opens}"
        for name, part in drawings.PARTS.items()
    }
    here, known = parts.named(line), parts.chapters(root)
    if not here:
        raise ValueError(f"the line should name a part, got {line!r}")
    drawing = drawings.strip(
        here,
        parts.place(root, docname).passed,
        links=links,
        chapters={name: [one.stem for one in explain] for name, explain in known.items()},
    )
    label = "Where you are in the machine"
    return f'<nav class="tx-here" aria-label="{label}">{drawing.picture()}</nav>'


def buttons(config: Any, docname: str) -> str:
    """Return the links that open or download the notebook behind a page, as HTML."""
    path = f"{docname}.ipynb"
    source = "../" * docname.count("/") + f"{FOLDER}/{path}"
    links = (
        (colab(config, path), "Run in Colab", ""),
        (binder(config, path), "Run in Binder", ""),
        (source, "Download the notebook", " download"),
    )
    return (
        '<p class="tx-buttons">'
        + " ".join(
            f'<a class="tx-button" href="{escape(url)}"{extra}>{label}</a>'
            for url, label, extra in links
        )
        + "</p>"
    )


def memory(cost: Cost) -> str:
    """Return the peak memory: of the process, and of the accelerator where there is one."""
    if cost.memory_mib is None:
        return "not measured"
    own = f"{cost.memory_mib:,.0f} MiB"
    return own if cost.device_mib is None else f"{own}, and {cost.device_mib:,.0f} MiB on the GPU"


def machine(cost: Cost) -> str:
    """Return what the measurement was made on."""
    torch = f", torch {cost.torch}" if cost.torch else ""
    system = f", {cost.system}" if cost.system else ""
    return f"{cost.device}{system}, Python {cost.python}{torch}, budget “{cost.budget}”"


def where(root: Path, docname: str) -> list[nodes.Node]:
    """Return the line above the card: the part, the chapter's number, how many there are."""
    found = place(root, docname)
    if found is None:
        return []
    part, number, count = found
    line = nodes.paragraph("", f"Part {part} · chapter {number} of {count}", classes=["tx-where"])
    return [line]


def times(read: float | None, cost: Cost | None, practice: int | None = None) -> str:
    """Return how long the chapter reads, how long its exercises take and how long it runs."""
    parts = [] if read is None else [f"Read ≈ {spoken(read)}"]
    parts += [] if practice is None else [f"exercises {practice} min"]
    parts.append("run: not measured in this build" if cost is None else _run(cost))
    return " · ".join(parts)


def _run(cost: Cost) -> str:
    return f"run {duration(cost.seconds)}"


def detail(cost: Cost | None) -> str:
    """Return what the run needed, and on what it was measured; nothing if it was not."""
    if cost is None or not cost.device:
        return ""
    return f"The run held {memory(cost)} at its peak, measured on {machine(cost)}."


def chapters(app: Sphinx) -> list[str]:
    """Return the notebooks of the book in reading order."""
    order = app.config.external_site_map
    return [name for name in order if app.env.doc2path(name).endswith(".ipynb")]


def table(app: Sphinx, docname: str) -> nodes.table:
    """Return the table of all chapters: time, memory, machine."""
    heads = ("Chapter", "Time", "Peak memory", "Measured on")
    rows = []
    for chapter in chapters(app):
        found = cost(app, chapter)
        uri = app.builder.get_relative_uri(docname, chapter)
        title = nodes.reference("", app.env.titles[chapter].astext(), refuri=uri, internal=True)
        texts = ("not measured", "", "")
        if found:
            texts = (duration(found.seconds), memory(found), machine(found))
        rows.append(row([title, *map(nodes.Text, texts)]))
    return grid(heads, (34, 12, 18, 36), rows, ["tx-costs"])


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the measurements where the cards and the table wait for them."""
    for node in list(doctree.findall(cost_line)):
        found = cost(app, node["docname"])
        path = Path(app.env.doc2path(node["docname"]))
        read = practice = None
        if path.suffix == ".ipynb":
            notebook = nbformat.read(path, as_version=4)
            read, practice = minutes(notebook), source.minutes(notebook)
        paragraph = node.parent
        paragraph.replace(node, nodes.strong("", times(read, found, practice)))
        if text := detail(found):
            paragraph.parent += nodes.paragraph("", text, classes=["tx-small"])
    for node in list(doctree.findall(cost_table)):
        node.replace_self(table(app, docname))
