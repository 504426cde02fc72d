"""A number of the prose shows how far it moves with the seeds; the chapter ends with all of them.

Each number that a cell has glued leads to its row in the section at the end of the page, and says
its range where the pointer or the focus is. The section also says when, where and with what the
page was made. Nobody types any of it: the numbers come from the stored run and ``book/spread``.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.ext.glue.roles import PasteTextRole
from sphinx.application import Sphinx
from sphinx.util import logging

from txbook.costs import machine
from txbook.grids import grid, row
from txbook.key import Conditions
from txbook.measure import Cost
from txbook.overlay import run_of
from txbook.progress import duration
from txbook.seeds import versions
from txbook.spread import Spread, glued, load, said, summary
from txbook.store import Run

LOGGER = logging.getLogger(__name__)
SECTION = "seeds"
FIXED = "tx-fixed"  # a cost, or a word: no seed moves it
MEASURED = "laptop"  # the budget in which spreads are measured


class glued_number(nodes.inline):
    """A number that a cell gave to the prose."""


class GluedNumber(PasteTextRole):
    """``{glue:text}``, which remembers what it quotes and how."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the number, in a node of its own if it is one of this page."""
        found, messages = super().run()
        name, _, form = self.text.partition(":")
        if len(found) == 1 and "::" not in self.text:
            (pasted,) = found
            own = glued_number("", pasted.astext(), classes=["tx-number"], glued=name)
            own["form"] = form or "s"
            own.source, own.line = pasted.source, pasted.line
            return [own], messages
        return found, messages


def range_in_words(spread: Spread, name: str, form: str) -> str:
    """Return from where to where a number goes over the seeds, as the prose would quote it."""
    low, _, high = (said(value, form) for value in summary(spread.values[name]))
    count = len(spread.seeds)
    if low == high:
        return f"the same with all {count} seeds"
    return f"{low} to {high} over {count} seeds"


def place(app: Sphinx, doctree: nodes.document) -> None:
    """Give the numbers of a chapter their ranges, and the chapter its last section."""
    docname = app.env.docname
    run = run_of(app, docname)
    if run is None or not doctree.children or not docname.startswith("chapters/"):
        return
    quoted = list(doctree.findall(glued_number))
    kind = Conditions.here(Path(app.srcdir)).kind
    spreads = load(Path(app.config.txbook_root), run.chapter)
    spread = spreads.get(kind) if run.cost.get("budget") == MEASURED else None
    stale: list[str] = []
    found = glued(run.notebook)
    for node in quoted:
        if node["glued"] not in found:
            node["classes"].append(FIXED)
    if spread is not None:
        stale = _check(found, spread, quoted, docname)
        for node in quoted:
            name, form = node["glued"], node["form"]
            if name in spread.values and name not in stale:
                node["range"] = range_in_words(spread, name, form)
    top = next(doctree.findall(nodes.section), None)
    if top is not None:
        top += _section(run, spreads, spread, quoted, stale)


def _check(
    found: dict[str, float], spread: Spread, quoted: list[glued_number], docname: str
) -> list[str]:
    """Return the numbers whose spread is of an earlier page; complain of those out of range."""
    formats = defaultdict(list)
    for node in quoted:
        formats[node["glued"]].append(node["form"])
    far = [n for n, value in found.items() if n in spread.values and spread.outside(n, value)]
    if not spread.here(machine(), versions()):
        if far:
            LOGGER.info("%s: outside the spread of another machine: %s", docname, ", ".join(far))
        return []
    for name in far:
        if name in formats:
            LOGGER.warning(
                "%s is %s, far outside its spread of %s; make seeds measures it anew",
                name,
                said(found[name], "s"),
                range_in_words(spread, name, "s"),
                location=docname,
                type="txbook",
                subtype="spread",
            )
    return spread.stale(found, formats)


def _section(
    run: Run,
    spreads: dict[str, Spread],
    spread: Spread | None,
    quoted: list[glued_number],
    stale: list[str],
) -> nodes.section:
    """Return the last section of a chapter: how the page was made, and its numbers."""
    section = nodes.section(ids=[SECTION], names=[SECTION], classes=["tx-seeds"])
    section += nodes.title("", "This page's numbers over the seeds")
    section += nodes.paragraph("", stamp(run))
    section += nodes.paragraph("", told(spreads, stale))
    if spread is not None:
        rows: dict[str, glued_number] = {}
        for node in quoted:
            if node["glued"] in spread.values:
                rows.setdefault(node["glued"], node)
        section += table(rows, spread)
    return section


def stamp(run: Run) -> str:
    """Return when, where and with what a chapter was run last."""
    cost = Cost.of(run.cost)
    date, commit = run.cost.get("date", ""), run.cost.get("commit", "")
    when = f"Last run{f' on {date}' if date else ''}{f' at commit {commit}' if commit else ''}"
    torch = f", torch {cost.torch}" if cost.torch else ""
    memory = f", {cost.memory_mib:,.0f} MiB at the peak" if cost.memory_mib else ""
    on_device = f", {cost.device_mib:,.0f} MiB on the GPU" if cost.device_mib else ""
    return (
        f"{when}: {cost.device or 'CPU'}, {cost.system}, Python {cost.python}{torch}, budget "
        f"“{cost.budget}”, {duration(cost.seconds)}{memory}{on_device}."
    )


def told(spreads: dict[str, Spread], stale: list[str]) -> str:
    """Return which devices the seeds were run on, and what is older than the page."""
    parts = []
    for kind, name in (("cpu", "a CPU"), ("cuda", "a GPU")):
        if kind in spreads:
            own = spreads[kind]
            where = own.machine if kind == "cpu" else own.device
            seeds = f"seeds {own.seeds[0]} to {own.seeds[-1]}"
            torch = own.versions.get("torch")
            parts.append(f"On {name} ({where}, torch {torch}) {seeds} were run on {own.date}.")
        else:
            parts.append(f"The seeds were not run on {name}.")
    if stale:
        parts.append(f"Measured on an earlier version of this page: {', '.join(stale)}.")
    return " ".join(parts)


def table(rows: dict[str, glued_number], spread: Spread) -> nodes.table:
    """Return a row for each number that the prose quotes."""
    heads = ("Name in the code", "This page", "Least", "Median", "Greatest")
    found = []
    for name, node in rows.items():
        values = [said(value, node["form"]) for value in summary(spread.values[name])]
        texts = [node.astext(), *values]
        own = row([nodes.literal("", name), *(nodes.Text(text) for text in texts)])
        own["ids"].append(row_id(name))
        found.append(own)
    return grid(heads, (32, 17, 17, 17, 17), found, ["tx-costs", "tx-spread"])


def row_id(name: str) -> str:
    """Return the id of a number's row."""
    return f"{SECTION}-{nodes.make_id(name)}"


def _inside_link(node: nodes.Node) -> bool:
    while node.parent is not None:
        node = node.parent
        if isinstance(node, nodes.reference | nodes.title):
            return True
    return False


def visit(translator: Any, node: glued_number) -> None:
    """Begin a number: a link to its row, if it has one and stands in no link."""
    if "range" not in node or _inside_link(node):
        translator.body.append(translator.starttag(node, "span", ""))
        return
    attributes = {"href": f"#{row_id(node['glued'])}", "data-range": node["range"]}
    translator.body.append(translator.starttag(node, "a", "", **attributes))


def depart(translator: Any, node: glued_number) -> None:
    """End a number."""
    linked = "range" in node and not _inside_link(node)
    translator.body.append("</a>" if linked else "</span>")


def connect(app: Sphinx) -> None:
    """Connect the role, the node and the section to Sphinx."""
    app.add_node(glued_number, html=(visit, depart))
    app.connect("config-inited", _replace_role, priority=900)
    app.connect("doctree-read", place, priority=300)


def _replace_role(app: Sphinx, config: Any) -> None:
    app.add_role_to_domain("glue", "text", GluedNumber(), override=True)
