"""What is done to pages as a whole: styles, icons, scripts, figures' files, sharing, the worker."""

import base64
import gzip
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from browsing import ROOT, serve
from docutils import nodes
from docutils.parsers.rst import DirectiveError
from playwright.sync_api import Browser, Page
from txbook import live, reading
from txbook.chapter_role import stems
from txbook.site import icons, scripts, share, styles, worker

CSS = """@charset "utf-8"; .kept, .gone > p { color: red } .gone { margin: 0 }
@media (min-width: 9px) { .gone { margin: 0 } } @media print { #here { content: "}" } }
@font-face { font-family: "Font Awesome 6 Free" } @keyframes turn { from { top: 0 } }
.kept:not(.gone) { top: 0 } .kept:is(.gone, .other) { top: 1px } .fa-bars:before{content:"\\f0c9"}
html[data-theme="dark"] p { top: 2px }"""


def test_rules_that_no_page_can_use_are_left_out() -> None:
    left = re.sub(r"\s+", " ", styles.used(CSS, {"kept", "here", "fa-bars"}))
    assert left == (
        '@charset "utf-8";.kept{color: red}@media print{#here{content: "}"}}'
        "@keyframes turn{ from { top: 0 } }.kept:not(.gone){top: 0}"
        ".kept:is(.gone, .other){top: 1px}"
        'html[data-theme="dark"] p{top: 2px}'
    )


def test_the_vocabulary_is_of_classes_ids_and_scripts() -> None:
    found = styles.vocabulary(['<p class="a b" id="c">d</p>'], ['x.classList.add("e-f")'])
    assert {"a", "b", "c", "e-f"} <= found
    assert "d" not in found


def test_a_style_sheet_brings_what_it_imports_and_its_addresses_move(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.css").write_text("b { background: url(dot.png) }", encoding="utf-8")
    (tmp_path / "inner" / "c.css").write_text(
        '/* no */ @import "../a.css"; i { background: url("../d.png?v=1"), url(data:x) }',
        encoding="utf-8",
    )
    found = styles.sheet(tmp_path / "inner" / "c.css", tmp_path)
    assert 'url("dot.png")' in found
    assert 'url("d.png")' in found
    assert "url(data:x)" in found
    assert "no" not in found


def test_an_icon_is_named_by_the_fonts_own_character() -> None:
    css = '.fa-bars:before,.fa-navicon:before{content:"\\f0c9"}.fa-github:before{content:"\\f09b"}'
    known = icons.characters(css)
    assert known == {"fa-bars": 0xF0C9, "fa-navicon": 0xF0C9, "fa-github": 0xF09B}
    html = (
        '<i class="fa-solid fa-bars fa-lg"></i><i class="fab fa-github"></i><i class="fa-sun"></i>'
    )
    assert icons.wanted([html], known) == {
        ("fa-solid-900.ttf", "fa-bars"),
        ("fa-brands-400.ttf", "fa-github"),
    }


class Script:
    """A script as Sphinx lists it."""

    def __init__(self, filename: str, *, priority: int = 500, **attributes: str):
        self.filename, self.priority, self.attributes = filename, priority, attributes


def test_scripts_come_once_and_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts, "options", lambda app: "const OPTIONS = 1;")
    given = [
        Script("_static/documentation_options.js"),
        Script("_static/searchtools.js"),
        Script("_static/a.js"),
        Script("_static/b.js", **{"async": "async"}),
        Script("", body="let x = 1"),
        Script("", body="let x = 1"),
    ]
    context = {"script_files": given}
    scripts.tidy(SimpleNamespace(), "page", "page.html", context, None)
    found = [(s.filename, s.attributes) for s in context["script_files"]]
    assert found == [
        ("", {"body": "const OPTIONS = 1;"}),
        ("_static/a.js", {"defer": "defer"}),
        ("_static/b.js", {"async": "async"}),
        ("", {"body": "let x = 1"}),
    ]


MODELS = {
    "a": {"state": {"layout": "IPY_MODEL_l"}},
    "l": {"state": {}},
    "b": {"state": {}},
    "link": {"state": {"source": ["IPY_MODEL_b", "x"], "target": ["IPY_MODEL_c", "x"]}},
    "c": {"state": {}},
}


def test_figures_that_know_each_other_share_a_file() -> None:
    found = sorted(sorted(family) for family in live.families(MODELS))
    assert found == [["a", "l"], ["b", "c", "link"]]
    parcels = live.parcel(MODELS, ["a", "b", "c"])
    assert set(parcels["a"]) == {"a", "l"}
    assert parcels["b"] == parcels["c"]
    assert set(parcels) == {"a", "b", "c"}


def live_figure(monkeypatch: pytest.MonkeyPatch, run: str, found: Any) -> tuple[Any, list[str]]:
    """A directive that shows a chapter's figure, and the files that it says it depends on."""
    noted: list[str] = []
    env = SimpleNamespace(
        config=SimpleNamespace(txbook_root=ROOT), doc2path=str, note_dependency=noted.append, app=0
    )
    monkeypatch.setattr(live, "run_of", lambda _, docname: found.get(docname))
    directive = object.__new__(live.LiveFigure)
    directive.options = {"run": run}
    directive.state = SimpleNamespace(document=SimpleNamespace(settings=SimpleNamespace(env=env)))
    return directive, noted


def test_a_page_shows_a_figure_as_the_stored_run_of_a_chapter_left_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    models = {**MODELS, "a": {"state": {"frame": {"name": "living-map"}}}}
    notebook = SimpleNamespace(metadata={"widgets": {live.STATE_TYPE: {"state": models}}})
    [docname] = [f"chapters/{stem}" for name, stem in stems(ROOT).items() if name == "transformer"]
    found = {docname: SimpleNamespace(notebook=notebook)}
    directive, noted = live_figure(monkeypatch, "transformer", found)
    assert '"model_id": "a"' in directive._of_run("living-map")
    assert noted == [docname]
    assert directive._of_run("beam-tree") is None
    assert live_figure(monkeypatch, "transformer", {})[0]._of_run("living-map") is None
    with pytest.raises(DirectiveError) as caught:
        live_figure(monkeypatch, "11_transformer", found)[0]._of_run("living-map")
    assert re.search(r"run should be one of .*, got '11_transformer'", caught.value.msg)


APART = {
    "map": {"state": {"layout": "IPY_MODEL_l", "states": ["IPY_MODEL_one", "IPY_MODEL_two"]}},
    "one": {"state": {"apart": True, "layout": "IPY_MODEL_own", "data": "1"}},
    "two": {"state": {"apart": True, "layout": "IPY_MODEL_l", "data": "2"}},
    "own": {"state": {}},
    "l": {"state": {}},
}


def test_what_stands_apart_has_a_file_of_its_own_which_the_figure_names() -> None:
    assert {name: set(group) for name, group in live.apart(APART).items()} == {
        "one": {"one", "own"},
        "two": {"two"},
    }
    name, texts = live.files(APART)
    assert len(texts) == 3
    found = {}
    for file, text in texts.items():
        state = re.fullmatch(rf'txLive\.deliver\("{file}",(.*)\);\n', text)[1]
        found[file] = json.loads(state)["state"]
    assert set(found[name]) == {"map", "l", "one", "two"}
    for one in ("one", "two"):
        assert found[name][one].keys() == {"apart"}
        assert found[found[name][one]["apart"]][one] == APART[one]
    assert live.files(MODELS)[1].keys() == {live.written(MODELS)[0]}


def test_where_no_script_runs_a_figure_with_drawings_shows_its_first_one() -> None:
    assert live.without({"state": {}}) == live.WITHOUT
    drawn = live.without({"state": {"drawings": {"model": {"svg": "<svg>the model</svg>"}}}})
    assert drawn.startswith("<noscript>")
    assert "<svg>the model</svg>" in drawn
    assert "--tx-blue" in drawn


def test_a_figure_is_found_as_a_run_has_left_it() -> None:
    models = {**MODELS, "a": {"state": {"frame": {"name": "living-map"}, "layout": "IPY_MODEL_l"}}}
    widgets = {"widgets": {live.STATE_TYPE: {"state": models}}}
    text = live.left_by(SimpleNamespace(metadata=widgets), "living-map")
    assert json.loads(live.VIEWS.search(text)[1])["model_id"] == "a"
    assert json.loads(live.STATES.search(text)[1])["state"].keys() == {"a", "l"}
    assert live.left_by(SimpleNamespace(metadata=widgets), "beam-tree") is None
    assert live.left_by(SimpleNamespace(metadata={}), "living-map") is None


@pytest.mark.parametrize("size", [10, live.LARGE])
def test_a_file_is_named_by_its_state_and_compressed_where_it_is_large(size: int) -> None:
    models = {"a": {"state": {"text": "z" * size}}}
    name, text = live.written(models)
    delivered = json.loads(re.fullmatch(rf'txLive\.deliver\("{name}",(.*)\);\n', text)[1])
    if size == live.LARGE:
        delivered = json.loads(gzip.decompress(base64.b64decode(delivered)))
    assert delivered == {"state": models}
    assert live.written({"a": {}})[0] != name
    assert live.written(models) == (name, text)


def test_a_page_names_the_file_of_each_figure_and_holds_no_state(tmp_path: Path) -> None:
    body = live.VIEW.format('{"model_id": "a"}') + live.VIEW.format('{"model_id": "gone"}')
    state = Script("", type=live.STATE_TYPE, body=json.dumps({"state": MODELS}))
    context = {
        "body": body,
        "script_files": [state, Script("x.js")],
        "pathto": lambda name, resource: f"../{name}",
    }
    live.spread(SimpleNamespace(outdir=tmp_path), "p", "page.html", context, None)
    (file,) = (tmp_path / live.FOLDER).iterdir()
    assert f'data-tx-state="../_static/live/{file.name}"' in context["body"]
    assert context["body"].count("data-tx-state") == 1
    assert context["body"].count("data-tx-light") == 1
    assert [script.filename for script in context["script_files"]] == ["x.js"]


def test_what_is_heavy_does_not_come_with_the_page(tmp_path: Path) -> None:
    noise = base64.b64encode(np.random.default_rng(0).bytes(live.LIGHT)).decode()
    models = {"a": {"state": {"noise": noise}}}
    state = Script("", type=live.STATE_TYPE, body=json.dumps({"state": models}))
    context = {
        "body": live.VIEW.format('{"model_id": "a"}'),
        "script_files": [state],
        "pathto": lambda name, resource: name,
    }
    live.spread(SimpleNamespace(outdir=tmp_path), "p", "page.html", context, None)
    assert "data-tx-state" in context["body"]
    assert "data-tx-light" not in context["body"]


def test_a_description_is_what_a_card_promises() -> None:
    promise = nodes.definition("", nodes.paragraph(text="a mask"))
    item = nodes.definition_list_item("", nodes.term(text="You will build"), promise)
    card = nodes.container("", nodes.definition_list("", item), classes=["tx-card"])
    page = nodes.section(
        "", nodes.paragraph(text="A first paragraph that is long enough to be one.")
    )
    assert share.description(page, "x").startswith("A first paragraph")
    page.insert(0, card)
    assert share.description(page, "x") == "You will build a mask."
    assert share.description(None, "x") == "x"


def test_a_description_is_cut_at_a_word() -> None:
    assert share.shortened("a" * share.LONGEST) == "a" * share.LONGEST
    text = share.shortened("word " * 50)
    assert text.endswith("word …")
    assert len(text) <= share.LONGEST + 2


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(1, "5 min"), (42, "40 min"), (54.9, "55 min"), (55, "1 h"), (68, "1 h ¼"), (90, "1 h ½")],
)
def test_a_reading_time_is_said_roundly(minutes: float, text: str) -> None:
    assert reading.spoken(minutes) == text


def test_a_chapter_knows_its_place(tmp_path: Path) -> None:
    assert reading.place(tmp_path, "chapters/01_a") is None
    (tmp_path / "_toc.yml").write_text(
        "parts:\n- caption: I\n  chapters: [{file: chapters/01_a}]\n"
        "- caption: II\n  chapters: [{file: book/x}, {file: chapters/07_b}]\n",
        encoding="utf-8",
    )
    assert reading.place(tmp_path, "chapters/07_b") == ("II", 7, 2)
    assert reading.place(tmp_path, "book/x") is None


class Site:
    """A small site that is built again and again, and served."""

    def __init__(self, folder: Path):
        self.folder, self.builds = folder, 0
        self.server, self.url = serve(folder)

    def build(self, text: str) -> None:
        """Write both pages anew, and the worker."""
        self.builds += 1
        register = "<script>navigator.serviceWorker.register('worker.js')</script>"
        for name in ("one", "two"):
            html = f"<title>{name}</title><p>{name} {text}</p>{register}"
            file = self.folder / f"{name}.html"
            file.write_text(html, encoding="utf-8")
        app = SimpleNamespace(outdir=self.folder, builder=SimpleNamespace(name="html"))
        worker.write(app, None)
        for file in self.folder.iterdir():  # a server tells changes by whole seconds
            os.utime(file, (60 * self.builds,) * 2)

    def stop(self) -> None:
        """Let the network fail."""
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    site.build("first")
    yield site
    site.stop()


def kept(page: Page) -> list[str]:
    """Return what the worker keeps, when it has taken over."""
    page.evaluate("navigator.serviceWorker.ready")
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    return page.evaluate(
        """async () => { const found = [];
             for (const name of await caches.keys())
               for (const { url } of await (await caches.open(name)).keys()) found.push(url);
             return found.map((url) => url.replace(/.*\\//, "")).sort(); }"""
    )


@pytest.mark.browser
def test_a_site_is_readable_offline_after_one_visit_and_never_stale(
    browser: Browser, small: Site
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{small.url}one.html")
    first = kept(page)
    assert [name.partition("?")[0] for name in first] == ["one.html", "two.html"]

    small.build("second")
    page.goto(f"{small.url}one.html")
    assert page.inner_text("p") == "one second", "a page is asked for anew"
    for _ in range(100):
        second = kept(page)
        if len(second) == 2 and not set(second) & set(first):
            break
        page.wait_for_timeout(100)
    assert len(second) == 2
    assert not set(second) & set(first)

    small.stop()
    page.goto(f"{small.url}two.html")  # which nobody has opened
    assert page.inner_text("p") == "two second"
    context.close()


def test_the_worker_lists_what_pages_ask_for(tmp_path: Path) -> None:
    for name in ("a.html", "_static/b.js", "_sources/a.ipynb", "objects.inv", "worker.js"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    found = worker.listed(tmp_path)
    assert set(found) == {"a.html", "_static/b.js"}
    (tmp_path / "a.html").write_text("other", encoding="utf-8")
    assert worker.listed(tmp_path)["a.html"] != found["a.html"]
