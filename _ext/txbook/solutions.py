"""A solution and the cells that belong to it fold away together, under “Show the solution”.

sphinx-exercise calls it “Solution to Exercise 2.1 (…)”, which reads as the beginning of a sentence,
and leaves its code in a box of its own below, called like that of every plot.
"""

from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_exercise.nodes import solution_node

# Ids that would come once for each exercise, theorem and proof of a page.
CONTENTS = {"exercise-content", "solution-content", "proof-content", "proof"}
SHOW = "Show the solution"


def is_hidden_cell(node: nodes.Node) -> bool:
    """Tell whether a node is a code cell whose code is folded away."""
    return (
        isinstance(node, nodes.container)
        and node.get("nb_element") == "cell_code"
        and str(node.get("hide_mode", "")).startswith("input")
    )


class Gather(SphinxPostTransform):
    """Puts the hidden cells that follow a solution into it, where they are hidden no longer."""

    default_priority = 150  # before MyST-NB folds them one by one
    formats: ClassVar = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Change the page."""
        for solution in list(self.document.findall(solution_node)):
            siblings = solution.parent.children
            place = siblings.index(solution) + 1
            while place < len(siblings) and is_hidden_cell(siblings[place]):
                cell = siblings.pop(place)
                del cell["hide_mode"]
                solution += cell
        for kind in (nodes.section, nodes.admonition):
            for node in self.document.findall(kind):
                node["ids"] = [name for name in node["ids"] if name not in CONTENTS]


def visit(self: Any, node: solution_node) -> None:
    """Open the fold; what its title said is said by the exercise above."""
    name = node["ids"][0] if node["ids"] else node.get("label", "")
    self.body.append(f'<details class="tx-solution" id="{name}"><summary>{SHOW}</summary>\n')
    node.children = [child for child in node.children if not isinstance(child, nodes.title)]


def depart(self: Any, node: solution_node) -> None:
    """Close the fold."""
    self.body.append("</details>\n")


def connect(app: Sphinx) -> None:
    """Take the place of sphinx-exercise's solution in the pages."""
    app.add_post_transform(Gather)
    app.connect("builder-inited", _draw, priority=900)


def _draw(app: Sphinx) -> None:
    app.registry.translation_handlers.setdefault("html", {})[solution_node.__name__] = (
        visit,
        depart,
    )
