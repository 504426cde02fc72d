"""Live figures: where their saved state goes, and ``{live-figure}`` for pages that run nothing.

::

    ```{live-figure} txlite.viz.widgets.living_map.LivingMap
    :run: transformer
    ```

With ``run`` it shows the figure as the stored run of that chapter has left it; where there is none,
as the class makes it.

A notebook's widgets are saved in one piece, which MyST-NB puts into the page's head. `spread` cuts
it up: the widgets that know each other go into a file of their own below ``_static/live``, which
the loader asks for when the reader comes near. A file is named after its content, so that no
browser keeps an old one. A model with the trait ``apart`` stands in a file of its own, which is
fetched when the figure asks for it.
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
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from ipywidgets.embed import dependency_state, embed_data, escape_script
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from txbook import parts
from txbook.chapter_role import stems
from txbook.overlay import run_of
from txbook.tables import FOLDER as CHAPTERS

VIEW_TYPE = "application/vnd.jupyter.widget-view+json"
STATE_TYPE = "application/vnd.jupyter.widget-state+json"
VIEW = f'<script type="{VIEW_TYPE}">{{}}</script>'
STATE = f'<script type="{STATE_TYPE}">{{}}</script>'
VIEWS = re.compile(rf'<script type="{re.escape(VIEW_TYPE)}">(.*?)</script>', re.DOTALL)
STATES = re.compile(rf'<script type="{re.escape(STATE_TYPE)}">(.*?)</script>', re.DOTALL)
REFERENCE = re.compile(r"IPY_MODEL_([\w-]+)")
FOLDER = "_static/live"
LARGE = 98_304  # bytes; a file that is larger holds its state compressed
LIGHT = 50_000  # bytes, as gzip leaves them; a state that is lighter comes with the page
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
    return scripts(data["view_specs"][0], data["manager_state"])


def scripts(view: dict[str, Any], state: dict[str, Any]) -> str:
    """Return a figure's view and its saved state as they stand in a page."""
    forms = {VIEW: view, STATE: state}
    return "\n".join(form.format(escape_script(json.dumps(part))) for form, part in forms.items())


def left_by(notebook: Any, name: str) -> str | None:
    """Return the view and the saved state of a run's figure of this name, if it has one."""
    models: Models = notebook.metadata.get("widgets", {}).get(STATE_TYPE, {}).get("state", {})
    for family in families(models):
        for found in family:
            if models[found]["state"].get("frame", {}).get("name") == name:
                head = {"version_major": 2, "version_minor": 0}
                known = {one: models[one] for one in models if one in family}
                return scripts(head | {"model_id": found}, head | {"state": known})
    return None


class LiveFigure(SphinxDirective):
    """Draws the widget whose class is named, with its defaults or as a chapter has left it."""

    required_arguments = 1
    option_spec: ClassVar = {"run": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Return the widget's markup and ask for the loader on this page."""
        try:
            widget = make(self.arguments[0])
        except (ImportError, AttributeError) as error:
            raise self.error(f"live-figure: {error}") from error
        text = self._of_run(widget.frame["name"]) if "run" in self.options else None
        for index, (path, options) in enumerate(self.config.nb_ipywidgets_js.items()):
            key = f"ipywidgets_{index}"
            NbMetadataCollector.add_js_file(self.env, self.env.docname, key, path, options)
        return [nodes.raw("", text or markup(widget), format="html")]

    def _of_run(self, name: str) -> str | None:
        """Return the figure of the chapter's stored run, if there is one."""
        known = stems(Path(self.config.txbook_root))
        chapter = self.options["run"]
        if chapter not in known:
            raise self.error(f"run should be one of {', '.join(known)}, got {chapter!r}")
        docname = f"{CHAPTERS}{known[chapter]}"
        self.env.note_dependency(self.env.doc2path(docname))
        found = run_of(self.env.app, docname)
        return left_by(found.notebook, name) if found else None


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


def apart(models: Models) -> dict[str, Models]:
    """Return the models that stand apart by their ids, each with what nothing else refers to."""
    alone = {name for name, model in models.items() if model["state"].get("apart") is True}
    others = json.dumps({name: model for name, model in models.items() if name not in alone})
    shared = set(REFERENCE.findall(others)) - alone
    found = {}
    for name in alone:
        own = {name, *REFERENCE.findall(json.dumps(models[name]))} & models.keys() - shared
        found[name] = {one: models[one] for one in models if one in own}
    return found


def files(models: Models) -> tuple[str, dict[str, str]]:
    """Return the name of the file that delivers these models, and all texts by their names."""
    rest, texts = dict(models), {}
    for name, group in apart(models).items():
        file, text = written(group)
        texts[file] = text
        rest = {one: model for one, model in rest.items() if one not in group}
        rest[name] = {"apart": file}
    file, text = written(rest)
    return file, texts | {file: text}


def without(model: Any) -> str:
    """Return what stands in a figure's place where no script runs: its drawing, if it has one."""
    drawing = model["state"].get("drawings", {}).get("model", {}).get("svg")
    if not drawing:
        return WITHOUT
    note = (
        '<p class="tx-widget-error">Here stands a live figure, which needs JavaScript: with it, '
        "this drawing opens part by part, and a sentence goes through it.</p>"
    )
    return (
        f"<noscript><style>{importlib.import_module('txlite.viz.theme').FIGURE_CSS}</style>"
        f'<figure class="tx-figure">{drawing}</figure>{note}</noscript>'
    )


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
        name, texts = files(family)
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            folder.joinpath(f"{file}.js").write_text(text, encoding="utf-8", newline="\n")
        address = html.escape(context["pathto"](f"{FOLDER}/{name}.js", resource=True))
        light = len(gzip.compress(texts[name].encode(), 6, mtime=0)) <= LIGHT
        soon = ' data-tx-light=""' if light else ""
        model = family[json.loads(found[1])["model_id"]]
        named = html.escape(model["state"].get("frame", {}).get("name", ""))
        return (
            f'<script type="{VIEW_TYPE}" data-tx-state="{address}" data-tx-figure="{named}"{soon}>'
            f"{found[1]}</script>{without(model)}"
        )

    context["body"] = VIEWS.sub(point, STATES.sub("", body))
    if any("drawings" in model["state"] for model in models.values()):
        context["body"] += parts.script(Path(app.config.txbook_root), context["pathto"])
