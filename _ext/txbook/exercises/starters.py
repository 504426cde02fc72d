"""What a checker says of a starter is folded: it names the mistake that the reader is to find."""

from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_exercise.nodes import exercise_enumerable_node, exercise_node

SHOW = "What the checker says of it"


def is_visible_cell(node: nodes.Node) -> bool:
    """Tell whether a node is a code cell of which nothing is folded."""
    return (
        isinstance(node, nodes.container)
        and node.get("nb_element") == "cell_code"
        and not node.get("hide_mode")
    )


def starters(exercise: nodes.Element) -> list[nodes.container]:
    """Return the visible cells that follow an exercise, up to its solution."""
    siblings = exercise.parent.children
    found = []
    for node in siblings[siblings.index(exercise) + 1 :]:
        if not is_visible_cell(node):
            break
        found.append(node)
    return found


class FoldVerdicts(SphinxPostTransform):
    """Folds the outputs of the cells between an exercise and its solution."""

    default_priority = 140  # before MyST-NB wraps what is folded
    formats: ClassVar = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Change the page."""
        for kind in (exercise_node, exercise_enumerable_node):
            for exercise in self.document.findall(kind):
                for cell in starters(exercise):
                    cell["hide_mode"] = "output"
                    cell["prompt_show"] = cell["prompt_hide"] = SHOW


def connect(app: Sphinx) -> None:
    """Fold what checkers say of starters."""
    app.add_post_transform(FoldVerdicts)
