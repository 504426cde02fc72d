"""``{drawn-puzzle}``: a grid whose cells the reader sets, until they are those of the target.

::

    ````{drawn-puzzle}
    :label: Which keys may each query attend to?
    :axes: query | key
    :kinds: · hidden | ● may attend

    ```{board} two_texts
    :title: Two texts in one row
    :rows: He | came | She | left
    :columns: He | came | She | left
    ```
    ````

A board's argument is the name of a table that a cell has glued, a list of rows: the number of each
cell's kind. Several boards are checked together. With ``:selector:`` each row has just one cell of
the second kind. ``:start:`` of a board names a glued table to begin with.
"""

import json
from html import escape
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from txbook.exercises import glued
from txbook.exercises.fields import new_id, title_of
from txbook.exercises.locks import digest

SHORT = 8  # digits of the hash of a cell
OFF = (
    "Draw the cells on paper, or in this grid where scripts are on. The solution has the target; "
    "the signs are: {}."
)


class puzzle(nodes.General, nodes.Element):
    """A puzzle: the question, then boards."""

    answered = True


class board(nodes.General, nodes.Element):
    """A board of a puzzle."""


def listed(text: str) -> list[str]:
    """Return what bars separate."""
    return [part.strip() for part in text.split("|")]


class DrawnPuzzle(SphinxDirective):
    """Asks for a table of signs."""

    has_content = True
    option_spec: ClassVar = {
        "label": directives.unchanged_required,
        "axes": directives.unchanged_required,
        "kinds": directives.unchanged_required,
        "selector": directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        """Return the puzzle."""
        self.assert_has_content()
        salt = new_id(self)
        if "label" not in self.options:
            raise self.error(f"{salt}: a drawn-puzzle needs the option :label:, what is asked")
        axes = listed(self.options.get("axes", "row | column"))
        kinds = [kind.partition(" ") for kind in listed(self.options.get("kinds", "· no | ● yes"))]
        signs = [(sign, word.strip()) for sign, _, word in kinds]
        if len(axes) != 2 or len(signs) < 2 or not all(word for _, word in signs):
            raise self.error(
                f"{salt}: :axes: should be two names, :kinds: at least two signs with a word each, "
                "with bars between them"
            )
        node = puzzle(ids=[salt], kinds=signs, axes=axes, selector="selector" in self.options)
        node += nodes.paragraph("", "", *title_of(self, self.options["label"]), classes=["tx-ask"])
        held = nodes.container(classes=["tx-boards"], is_div=True)
        self.state.nested_parse(self.content, self.content_offset, held)
        node += held
        boards = list(node.findall(board))
        if not boards:
            raise self.error(f"{salt}: a drawn-puzzle needs a board")
        for number, one in enumerate(boards):
            self._lock(one, number, node)
        return [node]

    def _lock(self, one: board, number: int, node: puzzle) -> None:
        """Check a board against the puzzle, and hash its target."""
        target, salt = one["target"], node["ids"][0]
        for table in (target, one["start"]):
            if not all(0 <= entry < len(node["kinds"]) for row in table for entry in row):
                raise self.error(f"{salt}: a target has a kind that :kinds: does not name")
        if node["selector"]:
            if any(sorted(row) != [*[0] * (len(row) - 1), 1] for row in target):
                raise self.error(f"{salt}: each row of a selector should hold a 1, and else 0")
            keys = [digest(salt, number, i, row.index(1))[:SHORT] for i, row in enumerate(target)]
        else:
            keys = [
                "".join(digest(salt, number, i, j, entry)[:SHORT] for j, entry in enumerate(row))
                for i, row in enumerate(target)
            ]
        one["keys"], one["axes"], one["kinds"] = keys, node["axes"], node["kinds"]


class Board(SphinxDirective):
    """A board of a puzzle: labels, target, start."""

    required_arguments = 1
    option_spec: ClassVar = dict.fromkeys(
        ("title", "rows", "columns", "start"), directives.unchanged_required
    )

    def run(self) -> list[nodes.Node]:
        """Return the board."""
        name = self.arguments[0]
        for option in ("rows", "columns"):
            if option not in self.options:
                raise self.error(f"board {name}: needs the option :{option}:")
        rows, columns = listed(self.options["rows"]), listed(self.options["columns"])
        target = glued.table(self, name)
        start = [[0] * len(columns) for _ in rows]
        if "start" in self.options:
            start = glued.table(self, self.options["start"])
        for table in (target, start):
            if (len(table), len(table[0])) != (len(rows), len(columns)):
                raise self.error(
                    f"board {name}: should have {len(rows)} rows and {len(columns)} columns as its "
                    f"labels, got {len(table)} and {len(table[0])}"
                )
        title = self.options.get("title", "")
        return [board(rows=rows, columns=columns, target=target, start=start, title=title)]


def said(kinds: list[tuple[str, str]]) -> str:
    """Return which sign means what."""
    return ", ".join(f"{sign} {word}" for sign, word in kinds)


def visit_puzzle(self: Any, node: puzzle) -> None:
    """Begin a puzzle."""
    names = ("kinds", "axes", "selector")
    data = {"salt": node["ids"][0], **{name: node[name] for name in names}}
    text = escape(json.dumps(data, ensure_ascii=False), quote=True)
    self.body.append(f'<div class="tx-puzzle" id="{node["ids"][0]}" data-tx-puzzle="{text}">\n')


def depart_puzzle(self: Any, node: puzzle) -> None:
    """End it with what is said where no script runs."""
    self.body.append(f'<p class="tx-off">{escape(OFF.format(said(node["kinds"])))}</p></div>\n')


def visit_board(self: Any, node: board) -> None:
    """Write a board as a table, which the script brings to life."""
    keys = escape(json.dumps(node["keys"]), quote=True)
    axes = f"{escape(node['axes'][0])} ↓ {escape(node['axes'][1])} →"
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in node["columns"])
    body = []
    for name, row in zip(node["rows"], node["start"], strict=True):
        cells = "".join(
            f'<td data-kind="{kind}">{escape(node["kinds"][kind][0])}</td>' for kind in row
        )
        body.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    caption = f"<caption>{escape(node['title'])}</caption>" if node["title"] else ""
    self.body.append(
        f'<table class="tx-grid" data-tx-keys="{keys}">{caption}<thead><tr><th scope="col" '
        f'class="tx-corner">{axes}</th>{head}</tr></thead><tbody>{"".join(body)}</tbody></table>\n'
    )
    raise nodes.SkipNode


def connect(app: Sphinx) -> None:
    """Connect the directives and their nodes to Sphinx."""
    app.add_directive("drawn-puzzle", DrawnPuzzle)
    app.add_directive("board", Board)
    app.add_node(puzzle, html=(visit_puzzle, depart_puzzle))
    app.add_node(board, html=(visit_board, None))
