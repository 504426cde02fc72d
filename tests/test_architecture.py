"""The floors of the house: a package imports from higher rows only, and no file in a ring."""

import ast
import graphlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "txlite"
FILES = sorted(PACKAGE.rglob("*.py"))
FLOORS = [  # a row knows nothing of the rows below it; packages in one row do not know each other
    {"_numbers"},
    {"_atomic", "_checks", "runtime", "studies"},
    {"_epochs"},  # what data and training share
    {"nn", "data", "viz"},
    {"models", "training", "generation", "inspect", "forecasting"},
    {"interop", "checks", "counting"},
    {"cli"},
    {"__main__"},  # python -m txlite
]
ROW = {name: row for row, names in enumerate(FLOORS) for name in names}
ROOT_IMPORTS = {"txlite.runtime"}  # what txlite/__init__.py may know
LAZY = {  # packages that load a file when its name is asked for, and the one statement that says so
    "txlite.checks": "__all__, __getattr__, __dir__ = "
    "loaded_when_asked(__name__, __path__, 'Exercise', 'Mistake', 'Verdict')",
}


def module_name(path: Path) -> str:
    """Return the dotted name of a file of the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {module_name(path) for path in FILES}


def imports(source: str, package: str) -> set[str]:
    """Return every module that a source imports, also inside functions; relative ones resolved."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                stem = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*stem, *([base] if base else [])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                found.add(full if full in NAMES else base)
    return found


def imports_of(path: Path) -> set[str]:
    """Return every module that a file imports."""
    name = module_name(path)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return imports(path.read_text(encoding="utf-8"), package)


def upward(here: str, imported: str) -> bool:
    """Whether a module may import another: its own package, or one in a higher row."""
    top, _, rest = imported.partition(".")
    if top != "txlite":
        return top not in {"chapters", "tests", "benchmarks", "txbook"}
    if here == "txlite":
        return imported in ROOT_IMPORTS
    mine, theirs = here.split(".")[1], rest.split(".")[0]
    if mine == theirs:
        return True
    return theirs in ROW and ROW[theirs] < ROW[mine]


def inside(here: str, imported: str) -> bool:
    """Whether a module imports what lies inside a private package that is not its own."""
    parts = imported.split(".")
    doors = [".".join(parts[:n]) for n in range(1, len(parts)) if parts[n - 1].startswith("_")]
    return any(not f"{here}.".startswith(f"{door}.") for door in doors)


def ring(graph: dict[str, set[str]]) -> list[str]:
    """Return a ring of imports, or nothing."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_a_file_belongs_to_a_floor(path: Path) -> None:
    here = module_name(path).split(".")
    assert len(here) == 1 or here[1] in ROW, f"{here[1]} stands on no floor"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_point_to_a_higher_row(path: Path) -> None:
    here = module_name(path)
    wrong = [name for name in imports_of(path) if not upward(here, name)]
    assert not wrong, f"{here} must not import {wrong}"


def test_files_form_no_ring() -> None:
    graph = {module_name(path): imports_of(path) & NAMES for path in FILES}
    # `from txlite.nn import masks` inside the package reads the package's own __init__
    assert not ring(graph), ring(graph)


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_a_private_package_has_one_door(path: Path) -> None:
    here = module_name(path)
    wrong = [name for name in imports_of(path) & NAMES if inside(here, name)]
    assert not wrong, f"{here} should ask at the door, and imports {wrong}"


def test_the_grammar_is_such_a_package() -> None:
    assert {"txlite.data._grammar.roles.report", "txlite.data._grammar.translation.french"} <= NAMES


@pytest.mark.parametrize("path", [p for p in FILES if p.name == "__init__.py"], ids=module_name)
def test_an_init_file_only_imports_and_names(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    code = [n for n in tree.body if not isinstance(n, ast.Import | ast.ImportFrom | ast.Expr)]
    if module_name(path) in LAZY:
        assert [ast.unparse(n) for n in code] == [LAZY[module_name(path)]]
        return
    names = {
        target.id
        for n in code
        if isinstance(n, ast.Assign)
        for target in n.targets
        if isinstance(target, ast.Name)
    }
    assert len(names) == len(code), f"{module_name(path)} holds code"
    assert names <= {"__all__", "__version__"}


def test_only_data_reads_the_disk() -> None:
    readers = {"open", "read_text", "read_bytes", "load", "loadtxt", "fromfile"}
    for path in FILES:
        if module_name(path) == "txlite.training._disk":  # a training keeps its own checkpoints
            continue
        package = module_name(path).split(".")[1:2]
        if package not in (
            ["nn"],
            ["models"],
            ["generation"],
            ["inspect"],
            ["training"],
            ["forecasting"],
        ):
            continue
        calls = [
            n.func for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)
        ]
        names = {f.id if isinstance(f, ast.Name) else getattr(f, "attr", "") for f in calls}
        assert not names & readers, f"{module_name(path)} calls {names & readers}"


# ------------------------------------------------------------------ the tests can see a fault


@pytest.mark.parametrize(
    ("here", "imported", "allowed"),
    [
        ("txlite.nn.masks", "txlite._checks", True),
        ("txlite.nn.masks", "txlite.nn.attention", True),
        ("txlite.inspect.attention", "txlite.nn.attention", True),
        ("txlite.nn.masks", "torch", True),
        ("txlite.nn.masks", "txlite.inspect", False),
        ("txlite.nn.masks", "txlite.viz.svg", False),
        ("txlite.inspect.attention", "txlite.models.gpt", False),
        ("txlite.runtime", "txlite._checks", False),
        ("txlite.runtime", "txlite._numbers", True),
        ("txlite.viz", "txlite", False),
        ("txlite", "txlite.nn", False),
        ("txlite.nn.masks", "txlite.unknown", False),
        ("txlite.nn.masks", "tests.nn.zoo", False),
    ],
)
def test_the_rule_of_the_floors(here: str, imported: str, allowed: bool) -> None:
    assert upward(here, imported) is allowed


@pytest.mark.parametrize(
    ("here", "imported", "wrong"),
    [
        ("txlite.data.corpora", "txlite.data._grammar", False),
        ("txlite.data.corpora", "txlite.data._grammar.roles", True),
        ("txlite.cli.info", "txlite.data._grammar.roles.report", True),
        ("txlite.data._grammar", "txlite.data._grammar.roles.report", False),
        ("txlite.data._grammar.roles.report", "txlite.data._grammar.translation.french", False),
        ("txlite.data._grammars", "txlite.data._grammar.roles", True),
        ("txlite.training.loop", "txlite.training._run", False),
    ],
)
def test_the_rule_of_the_door(here: str, imported: str, wrong: bool) -> None:
    assert inside(here, imported) is wrong


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f():\n    import txlite.viz", {"txlite.viz"}),
        ("from txlite.nn import masks", {"txlite.nn.masks"}),
        ("from txlite.nn import Mask", {"txlite.nn"}),
        ("from . import masks", {"txlite.nn.masks"}),
        ("from .masks import causal", {"txlite.nn.masks"}),
        ("from ..runtime import seed", {"txlite.runtime"}),
        ("if TYPE_CHECKING:\n    from txlite import inspect", {"txlite.inspect"}),
    ],
)
def test_no_form_of_import_escapes(source: str, found: set[str]) -> None:
    assert imports(source, "txlite.nn") == found


def test_a_ring_is_seen() -> None:
    assert ring({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert not ring({"a": {"b"}, "b": {"c"}, "c": set()})
