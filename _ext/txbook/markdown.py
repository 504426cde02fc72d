"""From a resolved page to plain Markdown: what Jupyter, Colab and a text editor show alike.

Every role and directive has become a node by then, with its number and its link; here each kind of
node is written in the Markdown that all three know. A kind that is unknown is an error, so that
nothing reaches a reader half-written.
"""

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from docutils import nodes

SPECIAL = re.compile(r"([\\`*_\[\]<>$])")
LIST_MARK = re.compile(r"^(\d*)([#+.)-])(?=\s)")  # what would begin a list or a title
SILENT = ("comment", "target", "substitution_definition", "index", "toctree", "label", "meta")
THROUGH = (
    "inline",
    "glued_number",
    "generated",
    "abbreviation",
    "superscript",
    "subscript",
    "desc_name",
    "download",
)


class UnknownNode(ValueError):
    """A kind of node of which nobody has said how it is written."""


@dataclass(frozen=True)
class Places:
    """Where things are for a reader who is elsewhere.

    Parameters
    ----------
    link : callable
        From a node that refers to something to its whole address.
    number : callable
        From a numbered node (figure, exercise, theorem) to its number, ``"5.1"``.
    """

    link: Callable[[nodes.Element], str]
    number: Callable[[nodes.Element], str]


def escape(text: str) -> str:
    """Return text in which nothing is taken for Markdown."""
    return SPECIAL.sub(r"\\\1", text)


class Writer:
    """Writes the nodes of one page.

    Parameters
    ----------
    places : Places
        How to link and to number.
    """

    def __init__(self, places: Places):
        self.places = places

    # --- within a line ------------------------------------------------------------------------

    def inline(self, node: nodes.Node) -> str:
        """Return what stands within a line."""
        if isinstance(node, nodes.Text):
            return escape(re.sub(r"\s+", " ", node.astext()))
        name = type(node).__name__
        if name in SILENT:
            return ""
        write = getattr(self, f"_inline_{name}", None)
        if write is not None:
            return str(write(node))
        if name in THROUGH:
            return self.line(node)
        raise UnknownNode(f"no Markdown for the node <{name}> in a line: {node.astext()[:60]!r}")

    def line(self, node: nodes.Element) -> str:
        """Return the children of a node, in one line."""
        return "".join(self.inline(child) for child in node.children)

    def _inline_emphasis(self, node: nodes.Element) -> str:
        return _around("*", self.line(node))

    _inline_title_reference = _inline_emphasis
    _inline_citation_title = _inline_emphasis

    def _inline_strong(self, node: nodes.Element) -> str:
        return _around("**", self.line(node))

    def _inline_literal(self, node: nodes.Element) -> str:
        text = node.astext()
        ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
        return f"{ticks} {text} {ticks}" if text[:1] == "`" else f"{ticks}{text}{ticks}"

    def _inline_math(self, node: nodes.Element) -> str:
        """Write a formula, and the punctuation that the page has bound to it."""
        before, after = (escape(node.get(f"tx-{side}", "")) for side in ("before", "after"))
        return f"{before}${' '.join(node.astext().split())}${after}"

    def _inline_reference(self, node: nodes.Element) -> str:
        return f"[{self.line(node)}]({self.places.link(node)})"

    _inline_number_reference = _inline_reference

    def _inline_image(self, node: nodes.Element) -> str:
        return f"![{escape(node.get('alt', ''))}]({self.places.link(node)})"

    def _inline_raw(self, node: nodes.Element) -> str:
        return ""

    # --- blocks ---------------------------------------------------------------------------------

    def block(self, node: nodes.Node) -> str:
        """Return a block, without the blank lines around it."""
        name = type(node).__name__
        if name in SILENT:
            return ""
        write = getattr(self, f"_block_{name}", None)
        if write is not None:
            return str(write(node))
        if isinstance(node, nodes.Admonition):
            return self.admonition(node)
        if isinstance(node, nodes.Inline | nodes.Text):
            return self.inline(node)
        raise UnknownNode(f"no Markdown for the node <{name}>: {node.astext()[:60]!r}")

    def blocks(self, children: list[nodes.Node]) -> str:
        """Return blocks, with a blank line between each two."""
        return "\n\n".join(filter(None, map(self.block, children)))

    def _block_paragraph(self, node: nodes.Element) -> str:
        return LIST_MARK.sub(r"\1\\\2", self.line(node).strip())

    def _block_title(self, node: nodes.Element) -> str:
        depth, parent = 0, node.parent
        while isinstance(parent, nodes.section):
            depth, parent = depth + 1, parent.parent
        return f"{'#' * depth} {self.line(node)}"

    def _block_math_block(self, node: nodes.Element) -> str:
        number = self.places.number(node)
        tag = f" \\tag{{{number}}}" if number else ""
        return f"$$\n{node.astext().strip()}{tag}\n$$"

    def _block_literal_block(self, node: nodes.Element) -> str:
        return f"```{node.get('language', '')}\n{node.astext()}\n```"

    def _block_block_quote(self, node: nodes.Element) -> str:
        return _indented(self.blocks(node.children), "> ")

    def _block_bullet_list(self, node: nodes.Element) -> str:
        return self._list(node, lambda _: "- ")

    def _block_enumerated_list(self, node: nodes.Element) -> str:
        first = node.get("start", 1)
        return self._list(node, lambda i: f"{first + i}. ")

    def _list(self, node: nodes.Element, mark: Callable[[int], str]) -> str:
        items = []
        for i, item in enumerate(node.children):
            body = _indented(self.blocks(item.children), " " * len(mark(i)))
            items.append(mark(i) + body.lstrip())
        loose = any("\n\n" in item for item in items)
        return ("\n\n" if loose else "\n").join(items)

    def _block_definition_list(self, node: nodes.Element) -> str:
        lines = []
        for item in node.children:
            terms = [self.line(c) for c in item.children if isinstance(c, nodes.term)]
            rest = [c for c in item.children if not isinstance(c, nodes.term)]
            body = _indented(self.blocks(rest), "  ").lstrip()
            lines.append(f"- **{', '.join(terms)}**: {body}")
        return "\n".join(lines)

    def _block_definition(self, node: nodes.Element) -> str:
        return self.blocks(node.children)

    _block_legend = _block_definition
    _block_document = _block_definition

    def _block_container(self, node: nodes.Element) -> str:
        if "output" in node.get("classes", ()) or node.get("nb_element"):
            return ""  # the picture of a cell, which the cell beside it draws
        return self.blocks(node.children)

    def _block_raw(self, node: nodes.Element) -> str:
        return ""  # buttons and scripts of the page

    _block_transition = _block_raw

    def _block_table(self, node: nodes.Element) -> str:
        rows = [[self._cell(e) for e in row.children] for row in node.findall(nodes.row)]
        head, *body = [f"| {' | '.join(row)} |" for row in rows]
        title = next((self.line(t) for t in node.children if isinstance(t, nodes.title)), "")
        table = "\n".join([head, f"|{' --- |' * len(rows[0])}", *body])
        return f"**{title}**\n\n{table}" if title else table

    def _cell(self, entry: nodes.Element) -> str:
        return " ".join(self.blocks(entry.children).split()).replace("|", "\\|")

    def _block_figure(self, node: nodes.Element) -> str:
        """Write a figure's number and caption, and its image if it is no cell's."""
        parts = []
        for child in node.children:
            if isinstance(child, nodes.caption):
                number = self.places.number(node)
                label = f"**Figure {number}.** " if number else ""
                parts.append(label + self.line(child).strip())
            else:
                parts.append(self.block(child))
        return "\n\n".join(filter(None, parts))

    def _block_image(self, node: nodes.Element) -> str:
        return self._inline_image(node)

    def _block_proof_node(self, node: nodes.Element) -> str:
        return _indented(self.blocks(_opened(node)), "> ")

    def _block_rung(self, node: nodes.Element) -> str:
        """Write what an exercise says of itself."""
        told = ", ".join(f"{name} {node[name]} of 3" for name in ("difficulty", "importance"))
        return f"*{node['kind']}, {told}, {node['minutes']} min*"

    def _block_fold(self, node: nodes.Element) -> str:
        title, *rest = node.children
        return _folded(title.astext(), self.blocks(rest))

    def _block_number_box(self, node: nodes.Element) -> str:
        """Write a question, and its answer folded."""
        return f"{self.blocks(node.children)}\n\n{_folded('Show the answer', escape(node['told']))}"

    def _block_puzzle(self, node: nodes.Element) -> str:
        """Write a puzzle's boards to be drawn on paper, and their targets folded."""
        boards = [one for one in node.findall() if type(one).__name__ == "board"]
        signs = ", ".join(f"{escape(sign)} {escape(word)}" for sign, word in node["kinds"])
        targets = "\n\n".join(self._board(one, one["target"]) for one in boards)
        asked = self.blocks(node.children)
        return f"{asked}\n\n({signs}.)\n\n{_folded('Show the answer', targets)}"

    def _block_board(self, node: nodes.Element) -> str:
        return self._board(node, node["start"])

    def _board(self, node: nodes.Element, table: list[list[int]]) -> str:
        """Write the cells of a board as a table, with its title above."""
        corner = " ↓ ".join(node["axes"]) + " →"
        rows = [[corner, *node["columns"]]]
        for name, kinds in zip(node["rows"], table, strict=True):
            rows.append([name, *(node["kinds"][kind][0] for kind in kinds)])
        lines = [f"| {' | '.join(map(escape, row))} |" for row in rows]
        lines.insert(1, f"|{' --- |' * len(rows[0])}")
        title = f"**{escape(node['title'])}**\n\n" if node["title"] else ""
        return title + "\n".join(lines)

    def _block_detective(self, node: nodes.Element) -> str:
        return self.blocks(node.children)

    def admonition(self, node: nodes.Element) -> str:
        """Write a note, an exercise, a theorem; what is folded on the page is folded here."""
        title, rest = self._titled(node)
        body = self.blocks(rest)
        if "dropdown" in node.get("classes", ()):
            return _folded(title.astext().strip(), body)
        return _indented(f"**{self.line(title).strip()}**\n\n{body}", "> ")

    def _titled(self, node: nodes.Element) -> tuple[nodes.Element, list[nodes.Node]]:
        """Return what heads a box, with its number, and what stands in it."""
        children = list(node.children)
        own = children.pop(0) if isinstance(node.next_node(), nodes.title) else nodes.title()
        if not own.astext().strip() or own.astext().lstrip().startswith("("):
            kind = str(node.get("realtype") or type(node).__name__).partition("_")[0]
            words = f"{kind.capitalize()} {self.places.number(node)}".strip()
            own = nodes.title("", "", nodes.Text(f"{words} "), *own.deepcopy().children)
        return own, [inner for child in children for inner in _opened(child)]


def _folded(title: str, body: str) -> str:
    """Return what a reader unfolds; its title is HTML, and no Markdown."""
    heading = html.escape(title, quote=False)
    return f"<details>\n<summary>{heading}</summary>\n\n{body}\n\n</details>"


def _opened(node: nodes.Node) -> list[nodes.Node]:
    """Return what stands in the inner section of a box, or the box that a proof has around it."""
    if isinstance(node, nodes.section) or type(node).__name__ == "proof_node":
        return [inner for child in node.children for inner in _opened(child)]
    return list(node.children) if type(node) is nodes.admonition and not _headed(node) else [node]


def _headed(node: nodes.Element) -> bool:
    return bool(node.children) and isinstance(node.children[0], nodes.title)


def _around(sign: str, text: str) -> str:
    """Put signs around a text; white space at its ends stays outside of them."""
    inner = text.strip()
    if not inner:
        return text
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{before}{sign}{inner}{sign}{after}"


def _indented(text: str, margin: str) -> str:
    return "\n".join((margin + line).rstrip() for line in text.split("\n"))


def pieces(writer: Writer, doctree: nodes.document) -> Iterator[str | int]:
    """Yield a page's parts in reading order: Markdown as text, code cells as their numbers.

    Parameters
    ----------
    writer : Writer
        Of this page.
    doctree : docutils.nodes.document
        Resolved, with the containers of the code cells.
    """
    prose: list[str] = []
    for node in _flat(doctree):
        number = node.get("cell_index") if isinstance(node, nodes.container) else None
        heading = isinstance(node, nodes.title)
        if prose and (number is not None or heading):
            yield "\n\n".join(prose)
            prose = []
        if number is not None:
            yield int(number)
        elif text := writer.block(node):
            prose.append(text)
    if prose:
        yield "\n\n".join(prose)


def _flat(node: nodes.Element) -> Iterator[nodes.Node]:
    for child in node.children:
        if isinstance(child, nodes.section):
            yield from _flat(child)
        else:
            yield child
