"""``{number-box}``: a number that the reader types, and the page says whether it is right.

::

    ```{number-box} pairs
    :label: How many bits does a pair cost?
    :unit: bits
    :tolerance: 0.05
    :format: .2f
    ```

The argument is the name of a number that a cell of the chapter has glued. Either ``:tolerance:`` or
``:relative:`` says how far an answer may be from it.
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
from txbook.exercises.locks import folded
from txbook.exercises.numbers import lock

OFF = "The page checks this number where scripts are on. The answer stands in the solution."


class number_box(nodes.General, nodes.Element):
    """A number that is asked for; its child is the question."""

    answered = True


class NumberBox(SphinxDirective):
    """Asks for a number."""

    required_arguments = 1
    option_spec: ClassVar = {
        "label": directives.unchanged_required,
        "unit": directives.unchanged,
        "tolerance": directives.unchanged_required,
        "relative": directives.unchanged_required,
        "format": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """Return the box."""
        name, salt = self.arguments[0], new_id(self)
        if "label" not in self.options:
            raise self.error(f"number-box {name}: needs the option :label:, what is asked")
        right = glued.value(self, name)
        reach = {}
        for option in ("tolerance", "relative"):
            if option in self.options:
                try:
                    reach[option] = float(self.options[option])
                except ValueError:
                    raise self.error(
                        f"number-box {name}: :{option}: should be a number, "
                        f"got {self.options[option]!r}"
                    ) from None
        try:
            made = lock(right, salt, **reach)
        except ValueError as error:
            raise self.error(f"number-box {name}: {error}") from error
        unit = self.options.get("unit", "")
        told = f"{right:{self.options.get('format', '.4g')}} {unit}".strip()
        node = number_box(ids=[salt], told=told, unit=unit)
        node["data"] = {**made.data(), "unit": unit, "fold": folded(told, salt)}
        node += nodes.paragraph("", "", *title_of(self, self.options["label"]), classes=["tx-ask"])
        return [node]


def visit(self: Any, node: number_box) -> None:
    """Begin a box: the question follows."""
    data = escape(json.dumps(node["data"], ensure_ascii=False), quote=True)
    self.body.append(f'<div class="tx-box" id="{node["ids"][0]}" data-tx-box="{data}">\n')


def depart(self: Any, node: number_box) -> None:
    """End it with what is said where no script runs."""
    self.body.append(f'<p class="tx-off">{OFF}</p></div>\n')


def connect(app: Sphinx) -> None:
    """Connect the directive and its node to Sphinx."""
    app.add_directive("number-box", NumberBox)
    app.add_node(number_box, html=(visit, depart))
