"""``{detective}``: a run that is sick, clues that unfold one by one, suspects of whom one did it.

::

    `````{detective} What is wrong with this run?
    What the reader sees first: the figure of the cell above, in words.

    ````{clue} Its loss on held-out text
    Numbers, quoted by ``{glue:text}``.
    ````
    ````{suspect} The learning rate is too high
    Why the evidence does not fit.
    ````
    ````{suspect} It attends to the padding
    :culprit:
    Why it does.
    ````
    ````{repair}
    What to do next. The starter cell after the exercise unfolds with it.
    ````
    `````

The page holds a hash of the culprit's number, and nothing else tells it from the others.
"""

import json
from html import escape
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from txbook.exercises.fields import HERE, fold, fold_title, new_id, title_of
from txbook.exercises.locks import digest

FEWEST_SUSPECTS, FEWEST_CLUES = 3, 2
AROUND = "txbook:detective"


class detective(nodes.General, nodes.Element):
    """A case: text, clues, the question, suspects, a repair."""

    answered = True


class Detective(SphinxDirective):
    """Asks for a diagnosis."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return the case."""
        self.assert_has_content()
        salt = new_id(self)
        whole = nodes.Element()
        self.env.temp_data[AROUND] = True
        try:
            self.state.nested_parse(self.content, self.content_offset, whole)
        finally:
            self.env.temp_data[AROUND] = False
        parts: dict[str, list[fold]] = {"clue": [], "suspect": [], "repair": []}
        rest = []
        for child in whole.children:
            mine = isinstance(child, fold) and child["kind"] in parts
            (parts[child["kind"]] if mine else rest).append(child)
        guilty = [i for i, one in enumerate(parts["suspect"]) if one["culprit"]]
        few = len(parts["suspect"]) < FEWEST_SUSPECTS or len(parts["clue"]) < FEWEST_CLUES
        if few or len(guilty) != 1 or len(parts["repair"]) > 1:
            raise self.error(
                f"{salt}: a detective should have at least {FEWEST_CLUES} clues and "
                f"{FEWEST_SUSPECTS} suspects, one culprit and at most one repair, got "
                f"{len(parts['clue'])}, {len(parts['suspect'])}, {len(guilty)} and "
                f"{len(parts['repair'])}"
            )
        for number, clue in enumerate(parts["clue"], start=1):
            clue[0].insert(0, nodes.Text(f"Clue {number}: "))
        node = detective(ids=[salt], data={"salt": salt, "key": digest(salt, guilty[0])})
        node += [*rest, *parts["clue"]]
        question = title_of(self, self.arguments[0])
        node += nodes.paragraph("", "", *question, classes=["tx-ask"])
        node += [*parts["suspect"], *parts["repair"]]
        return [node]


class Part(SphinxDirective):
    """A clue, a suspect or a repair."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {"culprit": directives.flag}

    def run(self) -> list[nodes.Node]:
        """Return it, folded."""
        self.assert_has_content()
        if not (self.env.temp_data.get(HERE) and self.env.temp_data.get(AROUND)):
            raise self.error(f"{self.name} should stand within a detective")
        if not self.arguments and self.name != "repair":
            raise self.error(f"{self.name} should have a title")
        if "culprit" in self.options and self.name != "suspect":
            raise self.error(f"only a suspect can be the culprit, not a {self.name}")
        node = fold(kind=self.name, culprit="culprit" in self.options)
        text = self.arguments[0] if self.arguments else "The repair"
        node += fold_title("", "", *title_of(self, text))
        self.state.nested_parse(self.content, self.content_offset, node)
        return [node]


def visit(self: Any, node: detective) -> None:
    """Begin a case."""
    data = escape(json.dumps(node["data"]), quote=True)
    self.body.append(
        f'<div class="tx-detective" id="{node["ids"][0]}" data-tx-detective="{data}">\n'
    )


def depart(self: Any, node: detective) -> None:
    """End it."""
    self.body.append("</div>\n")


def connect(app: Sphinx) -> None:
    """Connect the directives and the node to Sphinx."""
    app.add_directive("detective", Detective)
    for name in ("clue", "suspect", "repair"):
        app.add_directive(name, Part)
    app.add_node(detective, html=(visit, depart))
