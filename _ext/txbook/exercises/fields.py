"""``{exercise}`` with what it says of itself, and ``{hint}``, which only an exercise has.

::

    ````{exercise} A mask for two texts
    :label: ex-two-texts
    :kind: calculate
    :difficulty: 2
    :importance: 3
    :minutes: 10
    :deliverable: one number, in bits
    :success: the box says that it is right

    What is asked.

    ```{hint}
    A mild one. The next one is stronger.
    ```
    ````

Numbers, labels, references and solutions are sphinx-exercise's. Outside of an exercise ``{hint}``
is refused: docutils would make an open box of it, and a hint whose fence stands wrong would give
away what it should fold.
"""

from html import escape
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx_exercise.directive import ExerciseDirective

from txbook.exercises.source import FIELDS

KINDS = {
    "calculate": "on paper",
    "predict": "before you run it",
    "repair": "it runs, and is wrong",
    "experiment": "with a control",
    "prove": "a short proof",
    "write": "a function",
    "read": "what does it support?",
}
HERE = "txbook:exercise"  # what is read now: its label, and how many parts of it have an id
STRENGTH = ("", " · stronger", " · strongest")
MOST = 3


class rung(nodes.General, nodes.Element):
    """The line below an exercise's title: kind, difficulty, importance, minutes."""


class fold(nodes.General, nodes.Element):
    """Something folded: a hint, a clue, a suspect, a repair. Its first child is its title."""


class fold_title(nodes.General, nodes.TextElement):
    """The line that stays when it is folded."""


def current(directive: SphinxDirective) -> dict[str, Any]:
    """Return what is known of the exercise around a directive.

    Raises
    ------
    DirectiveError
        If there is none.
    """
    found: dict[str, Any] | None = directive.env.temp_data.get(HERE)
    if found is None:
        raise directive.error(f"{directive.name} should stand within an exercise")
    return found


def new_id(directive: SphinxDirective) -> str:
    """Return an id for a part of an exercise that is answered on the page."""
    here = current(directive)
    here["parts"] += 1
    return f"{here['label']}-{directive.name}" + (f"-{here['parts']}" if here["parts"] > 1 else "")


def title_of(directive: SphinxDirective, text: str) -> list[nodes.Node]:
    """Return a line of text, formulas and code as nodes."""
    children, messages = directive.state.inline_text(text, directive.lineno)
    return [*children, *messages]


class Exercise(ExerciseDirective):
    """An exercise that says what it takes, what is handed in, and when it is solved."""

    option_spec: ClassVar = {
        **ExerciseDirective.option_spec,
        **dict.fromkeys(FIELDS, directives.unchanged),
    }

    def run(self) -> list[nodes.Node]:
        """Return the exercise, its line and its hints in order."""
        self._check()
        outer = self.env.temp_data.get(HERE)
        self.env.temp_data[HERE] = {"label": self.options["label"], "parts": 0}
        try:
            found = list(super().run())
        finally:
            self.env.temp_data[HERE] = outer
        for node in found:
            if isinstance(node, nodes.Admonition):
                self._complete(node[1])
        return found

    def _check(self) -> None:
        label = self.options.get("label")
        if not label:
            raise self.error("an exercise needs the field :label:")
        for name in FIELDS:
            if not self.options.get(name):
                raise self.error(f"{label}: an exercise needs the field :{name}:")
        if self.options["kind"] not in KINDS:
            names = ", ".join(KINDS)
            raise self.error(
                f"{label}: :kind: should be one of {names}, got {self.options['kind']!r}"
            )
        for name, most in (("difficulty", MOST), ("importance", MOST), ("minutes", 600)):
            text = self.options[name]
            if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= most):
                raise self.error(
                    f"{label}: :{name}: should be a whole number from 1 to {most}, got {text!r}"
                )

    def _complete(self, body: nodes.Element) -> None:
        """Put the line, what is handed in and the numbers of the hints into an exercise."""
        hints = [one for one in body.findall(fold) if one["kind"] == "hint"]
        for number, hint in enumerate(hints):
            last = number == len(hints) - 1 and number >= MOST - 1
            strength = STRENGTH[2 if last else min(number, 1)]
            hint.insert(0, fold_title("", f"Hint {number + 1}{strength}"))
        line = rung(**{name: self.options[name] for name in FIELDS[:4]})
        handed = nodes.container(classes=["tx-handed"], is_div=True)
        for words, name in (("Hand in:", "deliverable"), ("You have it when:", "success")):
            told = title_of(self, self.options[name])
            handed += nodes.paragraph("", "", nodes.strong("", words), nodes.Text(" "), *told)
        parts = [i for i, c in enumerate(body.children) if getattr(c, "answered", c in hints)]
        body.insert(parts[0] if parts else len(body), handed)
        body.insert(0, line)


class Hint(SphinxDirective):
    """A hint of an exercise, folded."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the hint; its number comes when the exercise is whole."""
        self.assert_has_content()
        current(self)
        node = fold(kind="hint")
        self.state.nested_parse(self.content, self.content_offset, node)
        return [node]


def dots(name: str, value: str) -> str:
    """Return a value from one to three as dots, and as words for who does not see them."""
    full = int(value)
    return (
        f'<span class="tx-degree">{name} <span class="tx-dots" aria-hidden="true">'
        f"{'●' * full}{'○' * (MOST - full)}</span>"
        f'<span class="visually-hidden">{full} of {MOST}</span></span>'
    )


def visit_rung(self: Any, node: rung) -> None:
    """Write the line; it has no children."""
    kind = node["kind"]
    self.body.append(
        f'<p class="tx-rung"><span class="tx-kind">{kind}</span> '
        f'<span class="tx-gloss">{escape(KINDS[kind])}</span> '
        f"{dots('difficulty', node['difficulty'])} {dots('importance', node['importance'])} "
        f'<span class="tx-minutes">{node["minutes"]} min</span></p>\n'
    )
    raise nodes.SkipNode


def visit_fold(self: Any, node: fold) -> None:
    """Begin something folded."""
    self.body.append(f'<details class="tx-fold tx-{node["kind"]}">')


def depart_fold(self: Any, node: fold) -> None:
    """End it."""
    self.body.append("</div></details>\n")


def visit_fold_title(self: Any, node: fold_title) -> None:
    """Begin the line that stays."""
    self.body.append("<summary>")


def depart_fold_title(self: Any, node: fold_title) -> None:
    """End it, and begin what is folded."""
    self.body.append("</summary><div>\n")


def connect(app: Sphinx) -> None:
    """Take the place of sphinx-exercise's directive and of docutils' hint."""
    app.add_node(rung, html=(visit_rung, None))
    app.add_node(fold, html=(visit_fold, depart_fold))
    app.add_node(fold_title, html=(visit_fold_title, depart_fold_title))
    app.connect("config-inited", _replace, priority=900)


def _replace(app: Sphinx, config: Any) -> None:
    app.add_directive("exercise", Exercise, override=True)
    app.add_directive("hint", Hint, override=True)
