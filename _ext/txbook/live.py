"""``{live-figure}``: a live figure on a page that runs nothing.

::

    ```{live-figure} txlite.viz.widgets.attention_calculator.AttentionCalculator
    ```

The figure is made once, while the book is built; its state goes into the page, and the loader draws
it as it draws those of the chapters.
"""

import importlib
import json
from typing import Any

from docutils import nodes
from ipywidgets.embed import dependency_state, embed_data, escape_script
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.util.docutils import SphinxDirective

VIEW = '<script type="application/vnd.jupyter.widget-view+json">{}</script>'
STATE = '<script type="application/vnd.jupyter.widget-state+json">{}</script>'


def make(path: str) -> Any:
    """Return a new widget of the class at ``path``."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)()


def markup(widget: Any) -> str:
    """Return the widget's view and saved state as they stand in a page."""
    data = embed_data([widget], state=dependency_state([widget], drop_defaults=False))
    parts = {VIEW: data["view_specs"][0], STATE: data["manager_state"]}
    return "\n".join(form.format(escape_script(json.dumps(part))) for form, part in parts.items())


class LiveFigure(SphinxDirective):
    """Draws the widget whose class is named, with its defaults."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the widget's markup and ask for the loader on this page."""
        try:
            widget = make(self.arguments[0])
        except (ImportError, AttributeError) as error:
            raise self.error(f"live-figure: {error}") from error
        for index, (path, options) in enumerate(self.config.nb_ipywidgets_js.items()):
            key = f"ipywidgets_{index}"
            NbMetadataCollector.add_js_file(self.env, self.env.docname, key, path, options)
        return [nodes.raw("", markup(widget), format="html")]
