"""Live figures: where their saved state goes, and ``{live-figure}`` for pages that run nothing.

::

    ```{live-figure} txlite.viz.widgets.attention_calculator.AttentionCalculator
    ```

A notebook's widgets are saved in one piece, which MyST-NB puts into the page's head. `spread` cuts
it up: the widgets that know each other go into a file of their own below ``_static/live``, which
the loader asks for when the reader comes near. A file is named after its content, so that no
browser keeps an old one.
"""

import base64
import gzip
import hashlib
import html
import importlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from ipywidgets.embed import dependency_state, embed_data, escape_script
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

VIEW_TYPE = "application/vnd.jupyter.widget-view+json"
STATE_TYPE = "application/vnd.jupyter.widget-state+json"
VIEW = f'<script type="{VIEW_TYPE}">{{}}</script>'
STATE = f'<script type="{STATE_TYPE}">{{}}</script>'
VIEWS = re.compile(rf'<script type="{re.escape(VIEW_TYPE)}">(.*?)</script>', re.DOTALL)
STATES = re.compile(rf'<script type="{re.escape(STATE_TYPE)}">(.*?)</script>', re.DOTALL)
REFERENCE = re.compile(r"IPY_MODEL_([\w-]+)")
FOLDER = "_static/live"
LARGE = 16_384  # bytes; a file that is larger holds its state compressed
WITHOUT = (
    '<noscript><p class="tx-widget-error">Here stands a live figure, which needs JavaScript. '
    "The text says what it shows.</p></noscript>"
)

Models = dict[str, Any]


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


def families(models: Models) -> Iterator[set[str]]:
    """Yield the models that know each other, by name or through a third, as sets of their ids."""
    known: dict[str, set[str]] = {name: {name} for name in models}
    for name, model in models.items():
        for other in REFERENCE.findall(json.dumps(model)):
            if other in models and known[other] is not known[name]:
                together = known[name] | known[other]
                known.update(dict.fromkeys(together, together))
    seen: set[int] = set()
    for family in known.values():
        if id(family) not in seen:
            seen.add(id(family))
            yield family


def parcel(models: Models, views: Iterable[str]) -> dict[str, Models]:
    """Return, for each view's model, all the models that its figure needs."""
    shown = set(views)
    found = {}
    for family in families(models):
        if members := family & shown:
            needed = {name: models[name] for name in models if name in family}
            found.update(dict.fromkeys(members, needed))
    return found


def written(models: Models) -> tuple[str, str]:
    """Return the name and the text of the file that delivers these models."""
    state = json.dumps({"state": models}, separators=(",", ":"), ensure_ascii=False)
    name = hashlib.sha256(state.encode()).hexdigest()[:16]
    if len(state) > LARGE:
        packed = gzip.compress(state.encode(), 9, mtime=0)
        state = f'"{base64.b64encode(packed).decode()}"'
    return name, f'txLive.deliver("{name}",{state});\n'


def spread(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Move the saved state of a page's widgets into files, and name these in the page."""
    body = context.get("body", "")
    if VIEW_TYPE not in body:
        return
    scripts = context.get("script_files", [])
    of_type = [getattr(script, "attributes", {}) for script in scripts]
    heads = [given.get("body", "") for given in of_type if given.get("type") == STATE_TYPE]
    models: Models = {}
    for text in (*heads, *STATES.findall(body)):
        models |= json.loads(text)["state"]
    context["script_files"] = [
        script
        for script, given in zip(scripts, of_type, strict=True)
        if given.get("type") != STATE_TYPE
    ]
    parcels = parcel(models, (json.loads(view)["model_id"] for view in VIEWS.findall(body)))
    folder = Path(app.outdir, FOLDER)

    def point(found: re.Match[str]) -> str:
        family = parcels.get(json.loads(found[1])["model_id"])
        if family is None:
            return found[0]
        name, text = written(family)
        folder.mkdir(parents=True, exist_ok=True)
        folder.joinpath(f"{name}.js").write_text(text, encoding="utf-8", newline="\n")
        address = html.escape(context["pathto"](f"{FOLDER}/{name}.js", resource=True))
        return f'<script type="{VIEW_TYPE}" data-tx-state="{address}">{found[1]}</script>{WITHOUT}'

    context["body"] = VIEWS.sub(point, STATES.sub("", body))
