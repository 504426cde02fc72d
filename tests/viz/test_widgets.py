import importlib
import re
import sys
from importlib import resources

import pytest

from txlite.viz.palette import PALETTE
from txlite.viz.widgets.base import Widget, common_script, common_style

SOURCE = """
import traitlets
from txlite.viz.widgets.base import Widget

class Bell(Widget):
    title = traitlets.Unicode("Ring the bell").tag(sync=True)
    times = traitlets.Int(1).tag(sync=True)
"""


SHARED = {
    file.name.removesuffix(".js"): file.read_text(encoding="utf-8")
    for file in sorted((resources.files("txlite.viz.widgets") / "common").iterdir(), key=str)
    if file.name.endswith(".js")
}
NAME = r"tx\.(?:nn\.)?\w+"
CALLED, DEFINED = re.compile(rf"\b{NAME}"), re.compile(rf"^{NAME}(?= =)", re.MULTILINE)


def calls(script):
    """Return the shared names in a script, those in its comments left out."""
    return set(CALLED.findall(re.sub(r"^\s*//.*$", "", script, flags=re.MULTILINE)))


def names(ending):
    folder = resources.files("txlite.viz.widgets")
    return {f.name.removesuffix(ending) for f in folder.iterdir() if f.name.endswith(ending)}


FIGURES = sorted(names(".js") & names(".py"))


def figures_of(name):
    module = importlib.import_module(f"txlite.viz.widgets.{name}")
    return [v for v in vars(module).values() if isinstance(v, type) and Widget in v.__bases__]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An importable package with one figure in it."""
    folder = tmp_path / "belfry"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "bell.py").write_text(SOURCE, encoding="utf-8")
    (folder / "bell.js").write_text("export default { render() { /* 钟 */ } };", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in ("belfry", "belfry.bell"):
        sys.modules.pop(name, None)


def load():
    importlib.invalidate_caches()
    return importlib.import_module("belfry.bell").Bell


def test_a_figure_carries_the_shared_helpers_and_its_own_module(package):
    bell = load()()
    assert bell._esm == common_script(Widget.uses) + "export default { render() { /* 钟 */ } };\n"
    assert bell._css == common_style()
    assert {"_esm", "_css", "title", "times"} <= set(bell.get_state())  # all the page needs


def test_its_own_style_follows_the_shared_one(package):
    (package / "bell.css").write_text(".bell { color: red }", encoding="utf-8")
    assert load()()._css == common_style() + ".bell { color: red }\n"


def test_a_shared_script_brings_its_style_along(package):
    (package / "bell.py").write_text(SOURCE + '    uses = ("pad",)\n', encoding="utf-8")
    style = load()()._css
    assert style == common_style(("pad",))
    assert style.startswith(common_style())
    assert ".tx-sheet" in style
    assert ".tx-sheet" not in common_style()


def test_two_figures_are_told_apart_by_name_and_not_by_address(package):
    bell = load()
    assert repr(bell()) == repr(bell()) == "Bell: Ring the bell"
    assert bell()._repr_mimebundle_()[0]["text/plain"] == "Bell: Ring the bell"


def test_a_derived_figure_keeps_the_code(package):
    bell = load()

    class Chime(bell):
        pass

    assert Chime()._esm == bell()._esm


def test_a_figure_without_a_name_is_refused(package):
    with pytest.raises(ValueError, match="title should name the figure, got ' '"):
        load()(title=" ")


def test_a_figure_without_a_module_is_refused_where_it_is_defined(package):
    (package / "bell.js").unlink()
    with pytest.raises(FileNotFoundError, match=r"bell\.js"):
        load()


def test_a_figure_carries_what_it_uses_and_what_that_needs(package):
    script = load()()._esm
    assert script.count("const tx = {}") == 1
    assert "tx.slider =" in script
    assert "tx.tensors =" not in script
    (package / "bell.py").write_text(SOURCE + '    uses = ("tensors",)\n', encoding="utf-8")
    sys.modules.pop("belfry.bell")
    importlib.import_module("importlib").invalidate_caches()
    assert "tx.tensors =" in load()()._esm


def test_a_shared_file_that_is_not_there_is_refused_where_it_is_wanted():
    with pytest.raises(FileNotFoundError, match=r"horoscope\.js"):
        common_script(("horoscope",))


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_names_the_shared_files_that_it_calls(name):
    (figure,) = figures_of(name)
    folder = resources.files("txlite.viz.widgets")
    files = [f"{name}.js", *(f"{name}_{part}.js" for part in figure.parts)]
    called = calls("".join((folder / f).read_text(encoding="utf-8") for f in files))
    homes = {call: home for home, script in SHARED.items() for call in DEFINED.findall(script)}
    wanted = {homes[call] for call in called}
    reached = common_script(("frame", *figure.uses))  # the frame is every figure's
    assert {home for home in wanted if SHARED[home] not in reached} == set()
    assert set(figure.uses) <= wanted


@pytest.mark.parametrize("name", SHARED)
def test_a_shared_file_names_those_that_it_calls(name):
    homes = {call: home for home, script in SHARED.items() for call in DEFINED.findall(script)}
    called = {homes[call] for call in calls(SHARED[name])} - {name}
    reached = common_script((name,))
    assert all(SHARED[home] in reached for home in called)


def test_the_shared_helpers_load_in_order_and_fetch_nothing():
    script = common_script(tuple(SHARED))
    assert (
        script.index("const tx = {}") < script.index("tx.softmax =") < script.index("tx.slider =")
    )
    assert script.index("tx.nn = {}") < script.index("tx.nn.stack =") < script.index("tx.greedy =")
    assert [script.count(text) for text in SHARED.values()] == [1] * len(SHARED)
    assert not re.search(r"^\s*import\b", script, re.MULTILINE)  # Python's stand between quotes
    for word in ("import(", "fetch(", "XMLHttpRequest", "https://"):
        assert word not in script


def test_the_style_knows_the_palette_and_reduced_motion():
    style = common_style()
    for name, color in PALETTE.items():
        assert f"--tx-{name}: {color}" in style
    assert "prefers-reduced-motion: reduce" in style


def test_every_figure_of_the_book_lies_complete_and_is_named():
    parts = set()
    for name in FIGURES:
        figures = figures_of(name)
        assert [f.title.default_value != "" for f in figures] == [True], name
        parts |= {f"{name}_{part}" for part in figures[0].parts}
    assert names(".js") - names(".py") == parts
